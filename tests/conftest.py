"""The profile of hypothesis (profiles.py), and one thread for every process."""

import torch

from tests import profiles

assert profiles
torch.set_num_threads(1)
