"""What layers and cells have in common: sizes, dtype, and parameters by torch's names.

Not here: the computation. rnn_base.py runs layers, cells.py runs cells.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from numpy import ndarray
from numpy.typing import DTypeLike

from scratch_rnn.checks import expect_bool, expect_int, message
from scratch_rnn.numpy_bptt.checks import FloatType, Seed, convert, expect_float_type, expect_real, generator
from scratch_rnn.numpy_bptt.protocols import Arrays, Cell
from scratch_rnn.parameters import Shapes, Sizes, expect_parameters, pick

AnyCell = Cell[Any, Any, Any]
"""One of the cell files. The type of code that works with all cells."""
StateParts = Sequence[ndarray | None]
"""The arrays of a state in the order of its letters; None is zeros."""


class Base:
    """Sizes, dtype and named parameters. A subclass says which cell file it runs."""

    kind: str
    cell: AnyCell

    def __init__(
        self, sizes: Sizes, shapes: Shapes, suffixes: Sequence[str], dtype: DTypeLike, rng: Seed
    ) -> None:
        who = type(self).__name__
        self.sizes = sizes
        self.dtype: FloatType = expect_float_type(who, dtype)
        self._rng = generator(who, rng)
        self._shapes, self._suffixes = shapes, suffixes
        bound = 1 / math.sqrt(sizes.hidden_size)  # torch's initialisation, the same for every parameter
        self.load_state_dict(
            {name: self._rng.uniform(-bound, bound, shape) for name, shape in shapes.items()}
        )

    @property
    def input_size(self) -> int:
        """I, the number of input features."""
        return self.sizes.input_size

    @property
    def hidden_size(self) -> int:
        """H, the number of hidden units."""
        return self.sizes.hidden_size

    @property
    def bias(self) -> bool:
        """Whether there are biases."""
        return self.sizes.bias

    @property
    def cell_name(self) -> str:
        """The name of the cell file: "gru" for numpy_bptt/gru.py."""
        return self.cell.Params.__module__.rpartition(".")[2]

    def state_dict(self) -> dict[str, ndarray]:
        """A copy of every parameter, by torch's names, in torch's order."""
        return {name: array.copy() for name, array in self._by_name(self._params).items()}

    def load_state_dict(self, mapping: Mapping[str, object]) -> None:
        """Take every parameter from `mapping`: torch's names, arrays or what numpy.asarray converts.

        If it raises, nothing has changed.

        Raises:
            ValueError: a name is missing or unknown, a shape differs, or a value overflows this dtype.
            TypeError: complex numbers, text, objects, or a subclass of ndarray.
        """
        who = type(self).__name__
        given = read_parameters(who, mapping)
        expect_parameters(who, {name: array.shape for name, array in given.items()}, self._shapes)
        # New arrays that are never written to: tapes keep references to them.
        arrays = {name: convert(who, name, given[name], self.dtype) for name in self._shapes}
        fields = self.cell.Params._fields
        self._params = [self.cell.Params(*pick(arrays, fields, suffix)) for suffix in self._suffixes]

    def _by_name(self, params: Sequence[Arrays]) -> dict[str, ndarray]:
        """The arrays of each Params by torch's names."""
        pairs = zip(params, self._suffixes, strict=True)
        named = {field + suffix: a for p, suffix in pairs for field, a in p._asdict().items()}
        return {name: array for name, array in named.items() if array is not None}

    def _state_parts(self, state: object, prefix: str) -> dict[str, object]:
        """The arrays of a state, or of its gradient (prefix "d_"), by name; None is zeros."""
        names = [prefix + name for name in self.cell.State._fields]
        parts = [state] * len(names) if state is None or len(names) == 1 else state
        if not isinstance(parts, tuple | list) or len(parts) != len(names):
            expected = f"a {prefix}state ({', '.join(self.cell.State._fields)})"
            raise ValueError(message(type(self).__name__, expected, type(state).__name__))
        return dict(zip(names, parts, strict=True))

    def _options(self) -> dict[str, object]:
        """What `repr` shows: the options that differ from their defaults, as torch.nn does."""
        return {} if self.bias else {"bias": False}

    def __repr__(self) -> str:
        options = [f"{name}={value}" for name, value in self._options().items()]
        return f"{type(self).__name__}({', '.join([str(self.input_size), str(self.hidden_size), *options])})"


def read_parameters(who: str, mapping: Mapping[str, object]) -> dict[str, ndarray]:
    """The values of `mapping` as arrays of real numbers; TypeError for a value that is not one."""
    if not isinstance(mapping, Mapping):
        raise TypeError(message(who, "a mapping from names to arrays", type(mapping).__name__))
    return {str(name): expect_real(who, str(name), value) for name, value in mapping.items()}


def expect_sizes(who: str, sizes: Sizes) -> Sizes:
    """The sizes as plain ints; TypeError or ValueError for sizes that are impossible."""
    names = ("input_size", "hidden_size", "num_layers", "proj_size")
    least = {name: 0 if name == "proj_size" else 1 for name in names}
    input_size, hidden_size, num_layers, proj_size = (
        expect_int(who, name, getattr(sizes, name), least[name]) for name in names
    )
    for what in ("bias", "bidirectional"):
        expect_bool(who, what, getattr(sizes, what))
    if proj_size >= hidden_size:
        expected = f"proj_size to be smaller than hidden_size = {hidden_size}"
        raise ValueError(message(who, expected, proj_size))
    return Sizes(sizes.kind, input_size, hidden_size, num_layers, sizes.bias, sizes.bidirectional, proj_size)
