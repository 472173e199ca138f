"""A model made of parts, with its parameters by name: the NumPy counterpart of torch.nn.Module.

A part is an array, or an object with parameters of its own: another model, or a recurrent layer. Loading
replaces arrays and never writes into them, so a tape can keep references to them.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike, DTypeLike

from scratch_rnn.checks import message

State = ndarray | tuple[ndarray, ...] | None
"""State of a recurrent layer: h, or (h, c) for an LSTM; None for zeros."""


class HasParameters(Protocol):
    """A part with parameters of its own."""

    def state_dict(self) -> dict[str, ndarray]:
        """A copy of every parameter."""

    def load_state_dict(self, mapping: Mapping[str, ndarray]) -> None:
        """Replace every parameter."""


class Module:
    """Parameters are named by the path to them, with dots, in the order of the parts."""

    def __init__(self, parts: Mapping[str, ndarray | HasParameters]) -> None:
        self.parts = dict(parts)
        self.shapes = {name: (array.shape, array.dtype) for name, array in self.state_dict().items()}

    @property
    def arrays(self) -> dict[str, ndarray]:
        """The parts that are arrays, not copied: the model's own parameters."""
        return {name: part for name, part in self.parts.items() if isinstance(part, ndarray)}

    def state_dict(self) -> dict[str, ndarray]:
        """A copy of every parameter."""
        flat: dict[str, ndarray] = {}
        for name, part in self.parts.items():
            inner = {"": part.copy()} if isinstance(part, ndarray) else part.state_dict()
            flat |= under(name, inner)
        return flat

    def load_state_dict(self, mapping: Mapping[str, ArrayLike]) -> None:
        """Replace every parameter by a copy of the one in `mapping`, in the model's dtype.

        Raises ValueError for a missing or unknown name and for a different shape; the model is then
        unchanged.
        """
        who = type(self).__name__
        missing, unknown = sorted(set(self.shapes) - set(mapping)), sorted(set(mapping) - set(self.shapes))
        if missing or unknown:
            got = f"a mapping without {missing} and with unknown {unknown}"
            raise ValueError(message(who, "the parameter names of state_dict()", got))
        arrays = {
            name: np.array(np.asarray(mapping[name]), dtype) for name, (_, dtype) in self.shapes.items()
        }
        for name, (shape, _) in self.shapes.items():
            if arrays[name].shape != shape:
                raise ValueError(message(who, f"{name} of shape {shape}", arrays[name].shape))
        for name, part in self.parts.items():
            if isinstance(part, ndarray):
                self.parts[name] = arrays[name]
            else:
                inner = {key: array for key, array in arrays.items() if key.startswith(f"{name}.")}
                part.load_state_dict({key.removeprefix(f"{name}."): a for key, a in inner.items()})


def under(name: str, inner: Mapping[str, ndarray]) -> dict[str, ndarray]:
    """The same arrays with `name.` in front of their names.

    >>> under("rnn", {"weight_ih_l0": np.zeros(2)})
    {'rnn.weight_ih_l0': array([0., 0.])}
    """
    return {f"{name}.{key}" if key else name: array for key, array in inner.items()}


def draw_embedding(
    size: int, features: int, dtype: DTypeLike, rng: np.random.Generator
) -> dict[str, ndarray]:
    """First weights (V, E) as torch.nn.Embedding draws them: N(0, 1)."""
    return {"embedding.weight": rng.normal(size=(size, features)).astype(dtype)}


def draw_linear(
    name: str, outputs: int, inputs: int, dtype: DTypeLike, rng: np.random.Generator
) -> dict[str, ndarray]:
    """First weight (O, I) and bias (O,) as torch.nn.Linear draws them: U(-1/√I, 1/√I)."""
    bound = 1 / np.sqrt(inputs)
    shapes: Sequence[tuple[str, tuple[int, ...]]] = (("weight", (outputs, inputs)), ("bias", (outputs,)))
    return {f"{name}.{part}": rng.uniform(-bound, bound, shape).astype(dtype) for part, shape in shapes}
