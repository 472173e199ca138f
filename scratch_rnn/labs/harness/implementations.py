"""The three implementations: numpy, torch and reference. Each exports models and a trainer of the same names.

They are imported on demand, so that a lab on numpy does not need reference/.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy import ndarray

from scratch_rnn.checks import UsageError, message
from scratch_rnn.labs.harness.lab import Lab, Training
from scratch_rnn.torch_autograd.models.distributed import DistributedTrainer, Processes

PACKAGES = {
    "numpy": "scratch_rnn.numpy_bptt.models",
    "torch": "scratch_rnn.torch_autograd.models",
    "reference": "reference",
}


@dataclass(frozen=True)
class Implementation:
    """One implementation: its models and its trainer."""

    name: str
    SequenceModel: Any
    CaptionModel: Any
    Seq2Seq: Any
    Trainer: Any

    def dtype(self, name: str) -> Any:
        """The dtype of this name: NumPy's or torch's."""
        return np.dtype(name) if self.name == "numpy" else getattr(torch, name)


def load(name: str) -> Implementation:
    """Import an implementation; UsageError if it is missing."""
    package = PACKAGES[name]
    try:
        models = import_module(package)
    except ModuleNotFoundError as error:
        if name != "reference":
            raise
        expected = "the folder reference/ of the project's clone, next to scratch_rnn"
        raise UsageError(message("--impl reference", expected, error)) from None
    return Implementation(name, models.SequenceModel, models.CaptionModel, models.Seq2Seq, models.Trainer)


def first_weights(lab: Lab) -> Mapping[str, ndarray]:
    """The first weights of all implementations: drawn once, in float32, by torch's own initializers.

    The torch twin draws them, bit for bit as torch.nn would (tests/torch_autograd/test_modules.py). The
    global random state does not change.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lab.settings.seed)
        model = lab.model(load("torch"), torch.float32)
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def trainer(
    lab: Lab,
    implementation: Implementation,
    weights: Mapping[str, ndarray],
    processes: Processes | None = None,
) -> Any:
    """A trainer for the lab's model on one implementation, with these first weights."""
    s = lab.settings
    model = lab.model(implementation, implementation.dtype(s.dtype))
    if implementation.name == "numpy":
        model.load_state_dict(weights)
    else:
        model.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    if not isinstance(s, Training):
        return implementation.Trainer(model, "sgd", lr=0.0)  # nothing is trained
    if processes is not None:
        return DistributedTrainer(model, s.optimizer, s.lr, s.clip, processes)
    return implementation.Trainer(model, s.optimizer, s.lr, s.clip)
