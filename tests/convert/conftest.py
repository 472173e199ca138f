"""The files that run a framework are not collected: only the environment of `make peers` has frameworks."""

collect_ignore_glob = ["run_*.py", "record.py"]
