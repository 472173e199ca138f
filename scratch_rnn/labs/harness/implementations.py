"""The three implementations: numpy, torch and reference. Each exports models and a trainer of the same names.

They are imported on demand, so that a lab on numpy does not need reference/.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module

import numpy as np
import torch
from numpy import ndarray

from scratch_rnn.checks import UsageError, message
from scratch_rnn.labs.harness.lab import Lab, Settings, Training
from scratch_rnn.labs.harness.protocols import Model, Trainer
from scratch_rnn.torch_autograd.models.distributed import DistributedTrainer, Processes

PACKAGES = {
    "numpy": "scratch_rnn.numpy_bptt.models",
    "torch": "scratch_rnn.torch_autograd.models",
    "reference": "reference",
}

DType = np.dtype | torch.dtype


@dataclass(frozen=True)
class Implementation:
    """One implementation: its models, which run on the chosen engine, and its trainer."""

    name: str
    SequenceModel: Callable[..., Model]
    CaptionModel: Callable[..., Model]
    Seq2Seq: Callable[..., Model]
    Trainer: Callable[..., Trainer]

    def dtype(self, name: str) -> DType:
        """The dtype of this name: NumPy's or torch's."""
        dtype: DType = np.dtype(name) if self.name == "numpy" else getattr(torch, name)
        return dtype


def has_engine(name: str) -> bool:
    """Whether an implementation takes an engine: torch.nn, which the reference uses, does not."""
    return name != "reference"


def load(name: str, engine: str = "steps") -> Implementation:
    """Import an implementation; UsageError if it is missing."""
    try:
        package = import_module(PACKAGES[name])
    except ModuleNotFoundError as error:
        if name != "reference":
            raise
        expected = "the folder reference/ of the project's clone, next to scratch_rnn"
        raise UsageError(message("--impl reference", expected, error)) from None
    options = {"engine": engine} if has_engine(name) else {}
    return Implementation(
        name,
        partial(package.SequenceModel, **options),
        partial(package.CaptionModel, **options),
        partial(package.Seq2Seq, **options),
        package.Trainer,
    )


def first_weights(lab: Lab[Settings]) -> Mapping[str, ndarray]:
    """The first weights of all implementations: drawn once, in float32, by torch's own initializers.

    The torch twin draws them, bit for bit as torch.nn would (tests/torch_autograd/test_modules.py). The
    global random state does not change.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lab.settings.seed)
        model = lab.model(load("torch"), torch.float32)
    return lab.initial_weights({name: np.asarray(tensor) for name, tensor in model.state_dict().items()})


def trainer(
    lab: Lab[Settings],
    implementation: Implementation,
    weights: Mapping[str, ndarray],
    processes: Processes | None = None,
) -> Trainer:
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
