"""Training on torch.nn and torch.optim, with snapshots in plain arrays.

A snapshot is a flat dictionary; scratch_rnn/snapshot.py describes the format, which this file writes and
reads with code of its own: weights/NAME, optimizer/step, optimizer/m/NAME and v, or b, state/0 and state/1.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch.nn.utils import clip_grad_norm_

FIELDS = {"m": "exp_avg", "v": "exp_avg_sq", "b": "momentum_buffer"}


class Trainer:
    """A model with `loss(*batch, state) -> (loss, last state)`, and torch's Adam or SGD."""

    def __init__(
        self, model: Any, optimizer: str, lr: float, clip: float | None = None, momentum: float = 0.0
    ) -> None:
        self.model, self.max_norm, self.state, self.updates = model, clip, None, 0
        self.optimizer: torch.optim.Optimizer = torch.optim.SGD(model.parameters(), lr, momentum)
        self.fields = "b" if momentum else ""
        if optimizer == "adam":
            self.optimizer, self.fields = torch.optim.Adam(model.parameters(), lr), "mv"

    def step(self, *batch: Any, reset_state: bool = True) -> float:
        """Train on one batch and return its loss before the update."""
        if reset_state:
            self.state = None
        loss, last = self.model.loss(*batch, self.state)
        self.optimizer.zero_grad()
        loss.backward()
        if self.max_norm is not None:
            clip_grad_norm_(self.model.parameters(), self.max_norm)
        self.optimizer.step()
        self.updates += 1
        self.state = detached(last)
        return float(loss.item())

    def predict(self, *inputs: Any) -> Any:
        """(prediction, last state)."""
        return self.model.predict(*inputs)

    def parameters(self) -> int:
        """The number of parameters, counted by element."""
        return int(torch.nn.utils.parameters_to_vector(self.model.parameters()).numel())

    def snapshot(self) -> dict[str, ndarray]:
        """All that `restore` needs to continue."""
        saved = {"optimizer/step": np.array(self.updates)}
        for name, parameter in self.model.named_parameters():
            saved[f"weights/{name}"] = parameter.detach().numpy().copy()
            for field in self.fields:
                moment = self.optimizer.state.get(parameter, {}).get(FIELDS[field])
                saved[f"optimizer/{field}/{name}"] = (
                    np.zeros_like(saved[f"weights/{name}"]) if moment is None else moment.numpy().copy()
                )
        if self.state is not None:
            parts = self.state if isinstance(self.state, tuple) else [self.state]
            saved.update({f"state/{i}": part.numpy().copy() for i, part in enumerate(parts)})
        return saved

    def restore(self, arrays: Mapping[str, ndarray]) -> None:
        """Continue from a snapshot; ValueError, before anything changes, for one that does not fit."""
        carried = self._carried(arrays)
        now = self.snapshot()
        for key in sorted(now.keys() | arrays.keys(), reverse=True):
            if key.split("/")[0] in ("weights", "optimizer"):
                self._check(key, now.get(key), arrays.get(key))
        tensors = {key: torch.tensor(array) for key, array in arrays.items() if key in now}
        updates = int(arrays["optimizer/step"])
        indexed: dict[int, dict[str, Any]] = {}
        for index, (name, _) in enumerate(self.model.named_parameters()):
            indexed[index] = {FIELDS[f]: tensors[f"optimizer/{f}/{name}"] for f in self.fields}
            if self.fields == "mv":
                indexed[index]["step"] = torch.tensor(float(updates))
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"param_groups": groups, "state": indexed if updates else {}})
        self.model.load_state_dict(
            {key.removeprefix("weights/"): t for key, t in tensors.items() if key.startswith("weights/")}
        )
        self.updates, self.state = updates, carried

    def _carried(self, arrays: Mapping[str, ndarray]) -> Any:
        """The state in a snapshot, as the model takes it."""
        keys = sorted(key for key in arrays if key.startswith("state/"))
        if not keys:
            return None
        shape = self.model.state_shape(arrays[keys[0]].shape[1] if arrays[keys[0]].ndim == 3 else 0)
        if keys != [f"state/{i}" for i in range(len(shape))]:
            raise ValueError(f"expected {len(shape)} arrays of state, got {keys}")
        for key, expected in zip(keys, shape, strict=True):
            like = next(self.model.parameters()).new_zeros(expected).detach().numpy()
            self._check(key, like, arrays[key])
        parts = tuple(torch.tensor(arrays[key]) for key in keys)
        return parts if len(parts) == 2 else parts[0]

    @staticmethod
    def _check(key: str, like: ndarray | None, array: ndarray | None) -> None:
        """The same shape and kind of number, and no NaN or infinity."""
        if like is None or array is None:
            raise ValueError(f"{key} is {'unknown' if like is None else 'missing'}")
        if (like.shape, like.dtype) != (array.shape, array.dtype) or not np.isfinite(array).all():
            raise ValueError(
                f"{key}: expected finite {like.dtype} {like.shape}, got {array.dtype} {array.shape}"
            )
        if key == "optimizer/step" and array < 0:
            raise ValueError(f"{key}: expected at least 0, got {array}")


def detached(state: Any) -> Any:
    """h, or (h, c), at which the gradient stops; None stays None."""
    if isinstance(state, tuple):
        return tuple(part.detach() for part in state)
    return state if state is None else state.detach()
