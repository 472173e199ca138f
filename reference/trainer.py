"""One training step on torch.nn: loss, gradients, clipping, update.

A model here is a Module with `loss(*batch, state) -> (loss, last state)` and `predict`. A step may start from
the state in which the step before it ended (a long text, read in pieces); that state is detached, so that
no gradient flows back into the earlier step.
"""

from collections.abc import Mapping
from typing import Any

import torch
from numpy import ndarray
from torch.nn.utils import clip_grad_norm_

OPTIMIZERS: Mapping[str, Any] = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}


class Trainer:
    """Trains `model` with "adam" or "sgd" at learning rate `lr`, gradients clipped to norm `clip`."""

    def __init__(self, model: Any, optimizer: str, lr: float, clip: float | None = None) -> None:
        self.model, self.clip = model, clip
        self.optimizer = OPTIMIZERS[optimizer](model.parameters(), lr=lr)
        self.state: Any = None

    def step(self, *batch: Any, reset_state: bool = True) -> float:
        """The loss before the update. Unless `fresh`, start from the state of the step before."""
        self.optimizer.zero_grad()
        loss, state = self.model.loss(*batch, None if reset_state else self.state)
        self.state = detach(state)
        loss.backward()
        if self.clip is not None:
            clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()
        return float(loss.detach())

    def predict(self, *inputs: Any) -> tuple[ndarray, Any]:
        """The model's own predict: (prediction, last state)."""
        prediction: tuple[ndarray, Any] = self.model.predict(*inputs)
        return prediction

    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def snapshot(self) -> dict[str, ndarray]:
        """Weights, optimiser state and last state as arrays, keyed `weights/…`, `optimizer/…`, `state/…`."""
        arrays = {f"weights/{name}": t.numpy().copy() for name, t in self.model.state_dict().items()}
        for number, part in self.optimizer.state_dict()["state"].items():
            tensors = {k: torch.as_tensor(v) for k, v in part.items() if v is not None}
            arrays |= {f"optimizer/{number}/{k}": t.numpy().copy() for k, t in tensors.items()}
        parts = self.state if isinstance(self.state, tuple) else (self.state,)
        return arrays | {f"state/{n}": t.numpy().copy() for n, t in enumerate(parts) if t is not None}

    def restore(self, arrays: Mapping[str, ndarray]) -> None:
        """Go on from a snapshot. KeyError or RuntimeError where it is not one of this model."""
        names = self.model.state_dict()
        self.model.load_state_dict({name: torch.tensor(arrays[f"weights/{name}"]) for name in names})
        optimizer_state: dict[int, dict[str, torch.Tensor]] = {}
        for key in (key for key in arrays if key.startswith("optimizer/")):
            _, number, field = key.split("/")
            optimizer_state.setdefault(int(number), {})[field] = torch.tensor(arrays[key])
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": optimizer_state})
        states = tuple(torch.tensor(arrays[key]) for key in sorted(arrays) if key.startswith("state/"))
        self.state = states[0] if len(states) == 1 else states or None


def detach(state: Any) -> Any:
    """A state, or none, cut from the graph."""
    if isinstance(state, tuple):
        return tuple(detach(part) for part in state)
    return None if state is None else state.detach()
