"""What all labs share: settings, batches, the run on several implementations, checkpoints, pictures."""
