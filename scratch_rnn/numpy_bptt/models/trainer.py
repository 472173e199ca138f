"""One training step: loss, gradients, clipping, update.

A model here is anything with `loss(*batch, state) -> (loss, last state, tape)`, `backward(tape) -> grads`,
`predict` and a state dict. A step may start from the state in which the step before it ended (a long text,
read in pieces); no gradient flows back into that earlier step.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import expect_one_of
from scratch_rnn.numpy_bptt.optim import SGD, Adam, AdamState, SGDState, clip_grad_norm

OPTIMIZERS = {"adam": Adam, "sgd": SGD}


class Trainer:
    """Trains `model` with "adam" or "sgd" at learning rate `lr`, gradients clipped to norm `clip`."""

    def __init__(self, model: Any, optimizer: str, lr: float, clip: float | None = None) -> None:
        kind = OPTIMIZERS[expect_one_of("Trainer", "optimizer", optimizer, list(OPTIMIZERS))]
        self.model, self.optimizer, self.clip = model, kind(lr=lr), clip
        self.optimizer_state: Any = self.optimizer.init(model.state_dict())
        self.state: Any = None

    def step(self, *batch: Any, reset_state: bool = True) -> float:
        """The loss before the update. Unless `fresh`, start from the state of the step before."""
        loss, self.state, tape = self.model.loss(*batch, None if reset_state else self.state)
        grads = self.model.backward(tape)
        if self.clip is not None:
            grads, _ = clip_grad_norm(grads, self.clip)
        params, self.optimizer_state = self.optimizer.update(
            self.model.state_dict(), grads, self.optimizer_state
        )
        self.model.load_state_dict(params)
        return float(loss)

    def predict(self, *inputs: Any) -> tuple[ndarray, Any]:
        """The model's own predict: (prediction, last state)."""
        prediction: tuple[ndarray, Any] = self.model.predict(*inputs)
        return prediction

    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(array.size for array in self.model.state_dict().values())

    def snapshot(self) -> dict[str, ndarray]:
        """Weights, optimiser state and last state as arrays, keyed `weights/…`, `optimizer/…`, `state/…`."""
        arrays = {f"weights/{name}": array for name, array in self.model.state_dict().items()}
        step, *parts = self.optimizer_state
        for field, part in zip(self.optimizer_state._fields[1:], parts, strict=True):
            arrays |= {f"optimizer/{field}/{name}": array for name, array in part.items()}
        parts = self.state if isinstance(self.state, tuple) else (self.state,)
        arrays |= {f"state/{n}": part for n, part in enumerate(parts) if part is not None}
        return arrays | {"optimizer/step": np.array(step)}

    def restore(self, arrays: Mapping[str, ndarray]) -> None:
        """Go on from a snapshot. KeyError or ValueError where it is not one of this model."""
        names = list(self.model.state_dict())
        self.model.load_state_dict({name: arrays[f"weights/{name}"] for name in names})
        kind: type[SGDState] | type[AdamState] = type(self.optimizer_state)
        fields = kind._fields[1:]
        parts = [{name: arrays[f"optimizer/{field}/{name}"] for name in names} for field in fields]
        self.optimizer_state = kind(int(arrays["optimizer/step"]), *parts)
        states = tuple(arrays[key] for key in sorted(arrays) if key.startswith("state/"))
        self.state = states[0] if len(states) == 1 else states or None
