"""Shared by all labs: settings, batches, the run on several implementations, checkpoints, pictures."""
