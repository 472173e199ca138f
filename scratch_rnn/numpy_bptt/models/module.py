"""A model made of parts, and its parameters by name: what torch.nn.Module is to the torch twins.

A part is an array, or something with parts of its own: another model, or a recurrent layer. Arrays are
replaced, never written to, so a tape may hold on to them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import message


class Module:
    """Parameters are named by the path to them, with dots, in the order of the parts."""

    def __init__(self, parts: Mapping[str, Any]) -> None:
        self.parts = dict(parts)
        self.shapes = {name: (array.shape, array.dtype) for name, array in self.state_dict().items()}

    def state_dict(self) -> dict[str, ndarray]:
        """A copy of every parameter."""
        flat: dict[str, ndarray] = {}
        for name, part in self.parts.items():
            inner = {"": part.copy()} if isinstance(part, ndarray) else part.state_dict()
            flat |= under(name, inner)
        return flat

    def load_state_dict(self, mapping: Mapping[str, Any]) -> None:
        """Take every parameter from `mapping`: anything numpy.asarray takes.

        Raises ValueError for a name too few or too many and for a shape that differs; then nothing
        has changed.
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
    """The same arrays, `name.` before their names.

    >>> under("rnn", {"weight_ih_l0": np.zeros(2)})
    {'rnn.weight_ih_l0': array([0., 0.])}
    """
    return {f"{name}.{key}" if key else name: array for key, array in inner.items()}
