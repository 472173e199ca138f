"""One training step: loss, gradients, clipping, update. torch.optim does the update.

A step can start from the state in which the previous step ended, as for a long text that is read in pieces.
That state is detached, so the gradient stops there: truncated backpropagation through time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from scratch_rnn import snapshot
from scratch_rnn.checks import message

State = Tensor | tuple[Tensor, ...] | None
"""State of a recurrent layer: h, or (h, c) for an LSTM; None for zeros."""

TORCH_NAMES = {"m": "exp_avg", "v": "exp_avg_sq", "b": "momentum_buffer"}
"""torch.optim's names of the fields of a snapshot."""


class Model(Protocol):
    """What can be trained: a torch Module with two members more."""

    @property
    def carried_sizes(self) -> Sequence[tuple[int, int]]:
        """(L, H) of each array of the state that a step can start from; empty where it cannot."""

    def loss(self, *batch: Any, **options: Any) -> tuple[Tensor, State]:
        """(loss, last state); the last positional argument is the first state, or None for zeros."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """As torch.nn.Module."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """As torch.nn.Module."""

    def state_dict(self) -> Mapping[str, Any]:
        """As torch.nn.Module."""

    def load_state_dict(self, mapping: Mapping[str, Any], /) -> object:
        """As torch.nn.Module."""


@runtime_checkable
class Predictor(Protocol):
    """A model that also predicts."""

    def predict(self, *inputs: Any, **options: Any) -> tuple[ndarray, State]:
        """(prediction, last state)."""


class Trainer:
    """Trains `model` with "adam" or "sgd", learning rate `lr`, and gradients clipped to the norm `clip`.

    `momentum` is SGD's; ValueError for it with "adam", and for another optimiser.
    """

    def __init__(
        self, model: Model, optimizer: str, lr: float, clip: float | None = None, momentum: float = 0.0
    ) -> None:
        snapshot.check_settings(optimizer, lr, clip, momentum)
        self.fields = snapshot.fields_of(optimizer, momentum)
        self.optimizer: torch.optim.Optimizer
        if optimizer == "adam":
            self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        else:
            self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
        self.model, self.clip = model, clip
        self.loss: Any = model.loss
        self.updates = 0
        self.state: State = None

    def step(self, *batch: object, reset_state: bool = True) -> float:
        """Update once; return the loss before it. Without `reset_state`, start from the previous state."""
        self.optimizer.zero_grad()
        loss, state = self.loss(*batch, None if reset_state else self.state)
        self.state = snapshot.as_state(part.detach() for part in snapshot.parts_of(state))
        loss.backward()
        if self.clip is not None:
            clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()
        self.updates += 1
        return float(loss.detach())

    def predict(self, *inputs: object) -> tuple[ndarray, State]:
        """The model's (prediction, last state); TypeError where it has no `predict`."""
        if not isinstance(self.model, Predictor):
            raise TypeError(message("Trainer", "a model with predict()", type(self.model).__name__))
        return self.model.predict(*inputs)

    def parameters(self) -> int:
        """The number of parameters, counted by element."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def snapshot(self) -> dict[str, ndarray]:
        """Weights, optimiser state and last state as arrays, in the format of scratch_rnn/snapshot.py."""
        moments = {
            field: {name: _array(self._moment(p, field)) for name, p in self.model.named_parameters()}
            for field in self.fields
        }
        state = tuple(_array(self._all_rows(part)) for part in snapshot.parts_of(self.state))
        step = np.array(self.updates)
        return snapshot.to_arrays(snapshot.Snapshot(self._weights(), step, moments, state))

    def restore(self, arrays: Mapping[str, ndarray]) -> None:
        """Continue from a snapshot of any implementation.

        ValueError where it does not fit this model and optimiser; the trainer is then unchanged.
        """
        found = snapshot.from_arrays(arrays, self._weights(), self.fields, self.model.carried_sizes)
        device = next(self.model.parameters()).device
        state = [self._own_rows(torch.tensor(part, device=device)) for part in found.state]
        self.model.load_state_dict({name: torch.tensor(array) for name, array in found.weights.items()})
        self.updates, self.state = int(found.step), snapshot.as_state(state)
        self.optimizer.state.clear()
        if self.updates == 0:
            return  # torch makes an optimiser's state at the first update
        for name, parameter in self.model.named_parameters():
            own = self.optimizer.state[parameter]
            for field in self.fields:
                own[TORCH_NAMES[field]] = torch.tensor(found.moments[field][name], device=device)
            if "m" in self.fields:
                own["step"] = torch.tensor(float(self.updates))

    def _weights(self) -> dict[str, ndarray]:
        return {name: _array(parameter) for name, parameter in self.model.named_parameters()}

    def _moment(self, parameter: nn.Parameter, field: str) -> Tensor:
        """One field of the optimiser's state of a parameter; zeros before the first update."""
        moment: Tensor | None = self.optimizer.state.get(parameter, {}).get(TORCH_NAMES[field])
        return torch.zeros_like(parameter) if moment is None else moment

    def _all_rows(self, part: Tensor) -> Tensor:
        """The rows of the whole batch, from this trainer's own: the same here."""
        return part

    def _own_rows(self, part: Tensor) -> Tensor:
        """This trainer's own rows, from those of the whole batch: the same here."""
        return part


def _array(tensor: Tensor) -> ndarray:
    """A NumPy copy of a tensor of any device."""
    return tensor.detach().cpu().numpy().copy()
