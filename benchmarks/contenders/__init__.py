"""The contenders: one file per library. registry.py lists them by name."""
