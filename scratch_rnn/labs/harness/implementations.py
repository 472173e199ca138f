"""The three that compute: numpy, torch and reference, each some modules with the same names in them.

They are found by name when they are asked for, so that a lab on numpy does not need reference/.
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
    """One of the three: its models and its trainer."""

    name: str
    SequenceModel: Any
    CaptionModel: Any
    Seq2Seq: Any
    Trainer: Any

    def dtype(self, name: str) -> Any:
        """This implementation's own float64 or float32."""
        return np.dtype(name) if self.name == "numpy" else getattr(torch, name)


def load(name: str) -> Implementation:
    """Find an implementation; UsageError where it is not there."""
    package = PACKAGES[name]
    try:
        models = import_module(package)
    except ModuleNotFoundError as error:
        if name != "reference":
            raise
        expected = "the folder reference/ of the project's clone beside scratch_rnn"
        raise UsageError(message("--impl reference", expected, error)) from None
    return Implementation(name, models.SequenceModel, models.CaptionModel, models.Seq2Seq, models.Trainer)


def first_weights(lab: Lab) -> Mapping[str, ndarray]:
    """The weights that all three start from: drawn once, in float32, by torch's own initialisers.

    The torch twin draws them, bit for bit as torch.nn would (tests/torch_autograd/test_modules.py); the
    global random state does not change.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lab.settings.seed)
        model = lab.model(load("torch"), torch.float32)
    return lab.initial_weights({name: tensor.numpy() for name, tensor in model.state_dict().items()})


def trainer(
    lab: Lab,
    implementation: Implementation,
    weights: Mapping[str, ndarray],
    processes: Processes | None = None,
) -> Any:
    """The lab's model on one implementation, with these weights, ready to train."""
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
