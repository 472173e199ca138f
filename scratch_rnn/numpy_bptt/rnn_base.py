"""What RNN, LSTM and GRU have in common: checked input, named parameters, forward and backward.

These are the public methods: they check the arguments, translate them to rows and lists (layout.py), and call
the pure functions of stack.py. There are no equations here.

Axes (scratch_rnn/notation.py): T time, N batch, I input, H hidden, P width of h, D directions,
S = D·L states.

    x        (T, N, I), or (N, T, I) with batch_first, or (T, I) unbatched, or a PackedSequence
    output   the same, with D·P instead of I
    state    h (S, N, P) for RNN and GRU, (h, c) with c (S, N, H) for LSTM; without N unbatched;
             None is zeros
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, TypeVar, cast

import numpy as np
from numpy import ndarray
from numpy.typing import DTypeLike

from scratch_rnn import checks
from scratch_rnn.numpy_bptt import stack
from scratch_rnn.numpy_bptt.base import Base, StateParts, expect_sizes, read_parameters
from scratch_rnn.numpy_bptt.checks import FloatType, Seed, expect_array
from scratch_rnn.numpy_bptt.engines import ENGINES, AnyEngine
from scratch_rnn.numpy_bptt.layout import Layout, layout_of
from scratch_rnn.numpy_bptt.packed import PackedSequence
from scratch_rnn.numpy_bptt.protocols import State
from scratch_rnn.parameters import Sizes, sizes_of, stack_shapes, suffixes

X = TypeVar("X", bound=ndarray | PackedSequence)
"""An input, and the output of the same type: packed in, packed out."""
if TYPE_CHECKING:  # RNNBase alone then means a layer of any kind; Python 3.13 has `default` in typing
    import typing_extensions

    S = typing_extensions.TypeVar("S", default=Any)
else:
    S = TypeVar("S")
"""The state as the caller sees it: one array for RNN and GRU, (h, c) for LSTM."""


class Tape(NamedTuple):
    """What `backward` needs of `forward`. Later calls do not change it."""

    made_by: tuple[Sizes, str, str, FloatType]  # sizes, cell file, engine, dtype
    layout: Layout
    stack: stack.Tape[object]


class RNNBase(Base, Generic[S]):
    """What RNN, LSTM and GRU have in common. A subclass says which cell it runs, step by step and fused."""

    fused: AnyEngine

    def __init__(
        self,
        sizes: Sizes,
        batch_first: bool,
        dropout: float,
        dtype: DTypeLike,
        rng: Seed,
        engine: str,
        **step_options: str,
    ) -> None:
        who = type(self).__name__
        sizes = expect_sizes(who, sizes)
        self.batch_first = checks.expect_bool(who, "batch_first", batch_first)
        self.dropout = checks.expect_number(who, "dropout", dropout, 0, 1)
        self.engine = checks.expect_one_of(who, "engine", engine, list(ENGINES))
        if self.dropout and sizes.num_layers == 1:
            warnings.warn(f"{who}: dropout acts between layers, and num_layers is 1", stacklevel=3)
        super().__init__(sizes, stack_shapes(sizes), [s for _, s in suffixes(sizes)], dtype, rng)
        self.training = True
        self._made_by = sizes, self.cell_name, self.engine, self.dtype
        self._engine = ENGINES[engine](self.cell, self.fused, **step_options)

    @classmethod
    def from_state_dict(
        cls,
        named: Mapping[str, object],
        *,
        batch_first: bool = False,
        dropout: float = 0.0,
        dtype: DTypeLike | None = None,
        rng: Seed = None,
        engine: str = "fused",
    ) -> Self:
        """A layer with these parameters; its sizes follow from their names and shapes.

        Args:
            named: torch's names, as in state_dict(), and arrays or what numpy.asarray converts.
            batch_first: Not part of `named`, so given as in the constructor.
            dropout: Likewise.
            dtype: float32 or float64; None: the dtype of the arrays.
            rng: Draws the dropout masks.
            engine: "fused" or "steps".

        Raises:
            ValueError: no layer has such names and shapes, or as in load_state_dict.
            TypeError: as in load_state_dict, or the dtype is not float32 or float64.
        """
        return cls._from_state_dict(
            named, dtype, batch_first=batch_first, dropout=dropout, rng=rng, engine=engine
        )

    @classmethod
    def _from_state_dict(cls, named: Mapping[str, object], dtype: DTypeLike | None, **options: Any) -> Self:
        arrays = read_parameters(cls.__name__, named)
        sizes: dict[str, Any] = sizes_of(cls.kind, arrays)._asdict()
        del sizes["kind"]
        if not sizes["proj_size"]:
            del sizes["proj_size"]  # RNN and GRU have no such argument
        own = np.result_type(*arrays.values()) if dtype is None else dtype
        made = cls(**sizes, **options, dtype=own)
        made.load_state_dict(arrays)
        return made

    @property
    def num_layers(self) -> int:
        """L, the number of layers."""
        return self.sizes.num_layers

    @property
    def bidirectional(self) -> bool:
        """Whether each layer has a second direction."""
        return self.sizes.bidirectional

    @property
    def proj_size(self) -> int:
        """P where an LSTM projects its h, otherwise 0."""
        return self.sizes.proj_size

    def train(self, mode: bool = True) -> Self:
        """Let `forward` apply dropout, or not (mode=False). A plain call never does."""
        self.training = checks.expect_bool(type(self).__name__, "mode", mode)
        return self

    def eval(self) -> Self:
        """The same as train(False)."""
        return self.train(False)

    def __call__(self, x: X, state: S | StateParts | None = None) -> tuple[X, S]:
        """(output, state after each sequence's last step): inference, without a tape and without dropout."""
        return self._run(x, state, drop=False, keep=False)[:2]

    def forward(self, x: X, state: S | StateParts | None = None) -> tuple[X, S, Tape]:
        """(output, state after each sequence's last step, tape), with dropout in training mode.

        Raises ValueError for a shape, and TypeError for a type or dtype, that does not fit.
        """
        return self._run(x, state, drop=self.training and self.dropout > 0, keep=True)

    def backward(
        self,
        tape: Tape,
        d_output: ndarray | PackedSequence | None = None,
        d_state_n: S | StateParts | None = None,
    ) -> tuple[Any, S, dict[str, ndarray]]:
        """(d_x, d_state, grads): gradients of x, of the first state, and of each parameter by name.

        `d_output` and `d_state_n` have the layout of forward's output and state; None is zeros. The
        parameters are those at the time of `forward`. Raises ValueError for a tape of another layer and for a
        shape, and TypeError for a type or dtype, that does not fit.
        """
        who = type(self).__name__
        made_by = tape.made_by if isinstance(tape, Tape) else type(tape).__name__
        if made_by != self._made_by:
            raise ValueError(checks.message(who, f"a tape of {self._made_by}", made_by))
        layout = tape.layout
        width = self.sizes.directions * self.sizes.output_size
        if d_output is None:
            d_rows = np.zeros((sum(layout.batch_sizes), width), self.dtype)
        else:
            got = self._layout(d_output, "d_output", width)
            if got != layout:
                raise ValueError(checks.message(who, f"d_output laid out as {layout}", got))
            d_rows = layout.to_rows(d_output)
        d_states_n = self._to_states(d_state_n, layout, "d_")
        d_x, d_states, d_params = stack.backward(self._engine, d_rows, d_states_n, tape.stack)
        return layout.from_rows(d_x), self._from_states(d_states, layout), self._by_name(d_params)

    def _run(self, x: X, state: S | StateParts | None, drop: bool, keep: bool) -> tuple[X, S, Tape]:
        layout = self._layout(x, "input", self.input_size)
        rows = layout.to_rows(x).copy()  # the caller may change x afterwards
        masks: list[ndarray | None] = [None] * self.num_layers
        if drop:
            shape = (len(rows), self.sizes.directions * self.sizes.output_size)
            masks[1:] = [self._mask(shape) for _ in masks[1:]]
        states = self._to_states(state, layout, "")
        output, states_n, tape = stack.forward(
            self._engine, rows, layout.batch_sizes, states, self._params, masks, keep
        )
        return (
            cast(X, layout.from_rows(output)),
            self._from_states(states_n, layout),
            Tape(self._made_by, layout, tape),
        )

    def _mask(self, shape: tuple[int, int]) -> ndarray:
        """0 with probability p = dropout, else 1/(1-p), so that the expected value stays the same."""
        kept = self._rng.random(shape) >= self.dropout
        mask: ndarray = kept.astype(self.dtype)
        return mask / max(1 - self.dropout, np.finfo(self.dtype).tiny)

    def _layout(self, x: object, what: str, width: int) -> Layout:
        return layout_of(type(self).__name__, what, x, width, self.batch_first, self.dtype)

    def _to_states(self, state: object, layout: Layout, prefix: str) -> list[State]:
        """The caller's state, or its gradient (prefix "d_"), as one State per layer and direction."""
        parts = self._state_parts(state, prefix)
        stacked = [self._to_state_array(name, array, layout) for name, array in parts.items()]
        return [self.cell.State(*arrays) for arrays in zip(*stacked, strict=True)]

    def _to_state_array(self, name: str, array: object, layout: Layout) -> ndarray:
        """One array of a state as (S, N, ·), copied: the caller may change it afterwards."""
        who, states = type(self).__name__, self.num_layers * self.sizes.directions
        letter, width = ("P", self.sizes.output_size) if name[-1] == "h" else ("H", self.hidden_size)
        if array is None:
            return np.zeros((states, layout.rows, width), self.dtype)
        array = expect_array(who, name, array, self.dtype)
        axes = {"S": states} | ({"N": layout.rows} if layout.batched else {}) | {letter: width}
        checks.expect_shape(who, name, array.shape, **axes)
        return layout.to_state(array).copy()

    def _from_states(self, states: Sequence[State], layout: Layout) -> S:
        """The inverse of `_to_states`."""
        arrays = tuple(layout.from_state(np.stack(part)) for part in zip(*states, strict=True))
        return cast(S, arrays[0] if len(arrays) == 1 else arrays)

    def _options(self) -> dict[str, object]:
        changed: dict[str, object] = {"proj_size": self.proj_size} if self.proj_size else {}
        changed |= {"num_layers": self.num_layers} if self.num_layers != 1 else {}
        changed |= super()._options()
        options = {
            "batch_first": self.batch_first,
            "dropout": self.dropout,
            "bidirectional": self.bidirectional,
        }
        return changed | {name: value for name, value in options.items() if value}
