"""One training step: loss, gradients, clipping, update.

A step can start from the state in which the previous step ended, as for a long text that is read in pieces.
The gradient stops there: truncated backpropagation through time.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy import ndarray

from scratch_rnn import snapshot
from scratch_rnn.checks import message
from scratch_rnn.numpy_bptt.models.module import State
from scratch_rnn.numpy_bptt.optim import SGD, Adam, clip_grad_norm


class Model(Protocol):
    """What can be trained."""

    @property
    def carried_sizes(self) -> Sequence[tuple[int, int]]:
        """(L, H) of each array of the state that a step can start from; empty where it cannot."""

    def state_dict(self) -> dict[str, ndarray]:
        """A copy of every parameter."""

    def load_state_dict(self, mapping: Mapping[str, ndarray]) -> None:
        """Replace every parameter."""

    def loss(self, *batch: Any, **options: Any) -> tuple[float, State, Any]:
        """(loss, last state, tape); the last positional argument is the first state, or None for zeros."""

    def backward(self, tape: Any) -> dict[str, ndarray]:
        """The gradient of every parameter, by name."""


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
        self.optimizer = Adam(lr=lr) if optimizer == "adam" else SGD(lr=lr, momentum=momentum)
        self.model, self.clip = model, clip
        self.optimizer_state: Any = self.optimizer.init(model.state_dict())
        self.state: State = None

    def step(self, *batch: object, reset_state: bool = True) -> float:
        """Update once; return the loss before it. Without `reset_state`, start from the previous state."""
        loss, self.state, tape = self.model.loss(*batch, None if reset_state else self.state)
        grads = self.model.backward(tape)
        if self.clip is not None:
            grads, _ = clip_grad_norm(grads, self.clip)
        params, self.optimizer_state = self.optimizer.update(
            self.model.state_dict(), grads, self.optimizer_state
        )
        self.model.load_state_dict(params)
        return float(loss)

    def predict(self, *inputs: object) -> tuple[ndarray, State]:
        """The model's (prediction, last state); TypeError where it has no `predict`."""
        if not isinstance(self.model, Predictor):
            raise TypeError(message("Trainer", "a model with predict()", type(self.model).__name__))
        return self.model.predict(*inputs)

    def parameters(self) -> int:
        """The number of parameters, counted by element."""
        return sum(array.size for array in self.model.state_dict().values())

    def snapshot(self) -> dict[str, ndarray]:
        """Weights, optimiser state and last state as arrays, in the format of scratch_rnn/snapshot.py."""
        moments = {field: getattr(self.optimizer_state, field) for field in self.fields}
        step, state = np.array(self.optimizer_state.step), snapshot.parts_of(self.state)
        return snapshot.to_arrays(snapshot.Snapshot(self.model.state_dict(), step, moments, state))

    def restore(self, arrays: Mapping[str, ndarray]) -> None:
        """Continue from a snapshot of any implementation.

        ValueError where it does not fit this model and optimiser; the trainer is then unchanged.
        """
        own = self.model.state_dict()
        found = snapshot.from_arrays(arrays, own, self.fields, self.model.carried_sizes)
        self.model.load_state_dict(found.weights)
        zeros: Any = self.optimizer.init(own)
        self.optimizer_state = zeros._replace(step=int(found.step), **found.moments)
        self.state = snapshot.as_state(found.state)
