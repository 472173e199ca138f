"""Every test run draws the same examples, and every process computes on one thread."""

import torch
from hypothesis import settings

settings.register_profile(
    "scratch_rnn", deadline=None, derandomize=True, max_examples=25, print_blob=True, database=None
)
settings.load_profile("scratch_rnn")
torch.set_num_threads(1)
