"""What RNN, LSTM and GRU have in common: checked input, named parameters, forward and backward.

This is the public edge: it checks what comes in, translates it to rows and lists (edges.py), and hands
it to the pure functions of stack.py. No equation stands here.

Axes (scratch_rnn/notation.py): T time, N batch, I input, H hidden, P width of h, D directions,
S = D·L states.

    x        (T, N, I), or (N, T, I) with batch_first, or (T, I) unbatched, or a PackedSequence
    output   the same, with D·P for I
    state    h (S, N, P) for RNN and GRU, (h, c) with c (S, N, H) for LSTM; without N unbatched;
             None is zeros
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn import checks
from scratch_rnn.numpy_bptt import layer, stack
from scratch_rnn.numpy_bptt.layout import Layout, layout_of
from scratch_rnn.parameters import Sizes, pick, stack_shapes, suffixes


class Tape(NamedTuple):
    """What `forward` writes down for `backward`; nothing that a later call changes."""

    made_by: tuple[Sizes, str, np.dtype[Any]]
    layout: Layout
    stack: stack.Tape


def _steps(cell: Any, fused: Any, **options: str) -> stack.Engine:
    """The cell file, literally, step by step."""
    forward = partial(layer.forward, partial(cell.step, **options))
    return stack.Engine(forward, partial(layer.backward, cell.step_backward))


def _fused(cell: Any, fused: Any, **options: str) -> stack.Engine:
    """The same mathematics, arranged for speed."""
    return stack.Engine(partial(fused.forward, **options), fused.backward)


ENGINES = {"steps": _steps, "fused": _fused}
"""How a layer may be run."""


class RNNBase:
    """What RNN, LSTM and GRU have in common. A subclass says which cell it runs, step by step and fused."""

    cell: Any
    fused: Any

    def __init__(
        self,
        sizes: Sizes,
        batch_first: bool,
        dropout: float,
        dtype: Any,
        rng: np.random.Generator | None,
        engine: str,
        **step_options: str,
    ) -> None:
        who = type(self).__name__
        self.sizes = sizes = _check_sizes(who, sizes)
        self.batch_first = checks.expect_bool(who, "batch_first", batch_first)
        self.dropout = checks.expect_number(who, "dropout", dropout, 0, 1)
        self.engine = checks.expect_one_of(who, "engine", engine, list(ENGINES))
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise TypeError(checks.message(who, "dtype float32 or float64", self.dtype))
        self._made_by = self.sizes, self.engine, self.dtype
        if self.dropout and sizes.num_layers == 1:
            warnings.warn(f"{who}: dropout acts between layers, and num_layers is 1", stacklevel=3)
        self.training = True
        self._rng = np.random.default_rng() if rng is None else rng
        self._engine = ENGINES[engine](self.cell, self.fused, **step_options)
        bound = 1 / math.sqrt(sizes.hidden_size)  # as torch initialises: every parameter alike
        shapes = stack_shapes(sizes)
        self.load_state_dict({k: self._rng.uniform(-bound, bound, s) for k, s in shapes.items()})

    def train(self, mode: bool = True) -> "RNNBase":
        """Let `forward` drop, or not (mode=False). A plain call never drops."""
        self.training = checks.expect_bool(type(self).__name__, "mode", mode)
        return self

    def eval(self) -> "RNNBase":
        """The same as train(False)."""
        return self.train(False)

    def state_dict(self) -> dict[str, ndarray]:
        """A copy of every parameter, by torch's names, in torch's order."""
        return {name: array.copy() for name, array in self._by_name(self._params).items()}

    def load_state_dict(self, mapping: Mapping[str, Any]) -> None:
        """Take every parameter from `mapping`: torch's names, anything numpy.asarray takes.

        Raises ValueError for a name too few or too many and for a shape that differs; then nothing
        has changed.
        """
        who, shapes = type(self).__name__, stack_shapes(self.sizes)
        if set(mapping) != set(shapes):
            missing, unknown = (
                sorted(set(shapes) - set(mapping)),
                sorted(set(mapping) - set(shapes)),
            )
            got = f"a mapping without {missing} and with unknown {unknown}"
            raise ValueError(checks.message(who, "torch's parameter names", got))
        # New arrays, never written to again: tapes hold on to them.
        arrays = {name: np.array(np.asarray(mapping[name]), self.dtype) for name in shapes}
        for name, shape in shapes.items():
            if arrays[name].shape != shape:
                raise ValueError(checks.message(who, f"{name} of shape {shape}", arrays[name].shape))
        fields = self.cell.Params._fields
        names = [suffix for _, suffix in suffixes(self.sizes)]
        self._params = [self.cell.Params(*pick(arrays, fields, suffix)) for suffix in names]

    def __call__(self, x: Any, state: Any = None) -> tuple[Any, Any]:
        """(output, state after each sequence's last step): inference; keeps nothing, never drops."""
        return self._run(x, state, drop=False, keep=False)[:2]

    def forward(self, x: Any, state: Any = None) -> tuple[Any, Any, Tape]:
        """(output, state after each sequence's last step, tape); drops while in training mode."""
        return self._run(x, state, drop=self.training and self.dropout > 0, keep=True)

    def backward(
        self, tape: Tape, d_output: Any = None, d_state_n: Any = None
    ) -> tuple[Any, Any, dict[str, ndarray]]:
        """(d_x, d_state, grads): gradients of x, of the first state, and of each parameter by name.

        `d_output` and `d_state_n` are laid out as forward's output and state; None: no gradient
        arrives there. The parameters are those of the time of `forward`.
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

    def _run(self, x: Any, state: Any, drop: bool, keep: bool) -> tuple[Any, Any, Tape]:
        layout = self._layout(x, "input", self.sizes.input_size)
        rows = layout.to_rows(x).copy()  # the tape outlives whatever the caller does to x
        masks: list[ndarray | None] = [None] * self.sizes.num_layers
        if drop:
            shape = (len(rows), self.sizes.directions * self.sizes.output_size)
            masks[1:] = [self._mask(shape) for _ in masks[1:]]
        states = self._to_states(state, layout, "")
        output, states_n, tape = stack.forward(
            self._engine, rows, layout.batch_sizes, states, self._params, masks, keep
        )
        return (
            layout.from_rows(output),
            self._from_states(states_n, layout),
            Tape(self._made_by, layout, tape),
        )

    def _mask(self, shape: tuple[int, int]) -> ndarray:
        """0 with probability p = dropout, else 1/(1-p): the mean of what passes stays what it was."""
        kept = self._rng.random(shape) >= self.dropout
        return kept.astype(self.dtype) / max(1 - self.dropout, np.finfo(self.dtype).tiny)

    def _layout(self, x: Any, what: str, width: int) -> Layout:
        return layout_of(type(self).__name__, what, x, width, self.batch_first, self.dtype)

    def _to_states(self, state: Any, layout: Layout, prefix: str) -> list[Any]:
        """The caller's state, or its gradient (prefix "d_"), as one State a layer and direction."""
        names = self.cell.State._fields
        parts = [state] * len(names) if state is None or len(names) == 1 else state
        if not isinstance(parts, tuple | list) or len(parts) != len(names):
            who, expected = type(self).__name__, f"a {prefix}state ({', '.join(names)})"
            raise ValueError(checks.message(who, expected, type(state).__name__))
        stacked = [self._to_state_array(prefix + n, a, layout) for n, a in zip(names, parts, strict=True)]
        return [self.cell.State(*arrays) for arrays in zip(*stacked, strict=True)]

    def _to_state_array(self, name: str, array: Any, layout: Layout) -> ndarray:
        """One array of a state as (S, N, ·), a copy: the tape outlives what the caller does to it."""
        who, states = type(self).__name__, self.sizes.num_layers * self.sizes.directions
        letter, width = ("P", self.sizes.output_size) if name[-1] == "h" else ("H", self.sizes.hidden_size)
        if array is None:
            return np.zeros((states, layout.rows, width), self.dtype)
        if not isinstance(array, ndarray) or array.dtype != self.dtype:
            got = f"dtype {array.dtype}" if isinstance(array, ndarray) else type(array).__name__
            raise TypeError(checks.message(who, f"{name} to be a numpy array of dtype {self.dtype}", got))
        axes = {"S": states} | ({"N": layout.rows} if layout.batched else {}) | {letter: width}
        checks.expect_shape(who, name, array.shape, **axes)
        return layout.to_state(array).copy()

    def _from_states(self, states: Sequence[Any], layout: Layout) -> Any:
        """The reverse of `_state_in`."""
        arrays = tuple(layout.from_state(np.stack(part)) for part in zip(*states, strict=True))
        return arrays[0] if len(arrays) == 1 else arrays

    def _by_name(self, params: Sequence[Any]) -> dict[str, ndarray]:
        """One Params a layer and direction, keyed by torch's names."""
        ends = [suffix for _, suffix in suffixes(self.sizes)]
        pairs = [(f + end, a) for p, end in zip(params, ends, strict=True) for f, a in p._asdict().items()]
        return {name: array for name, array in pairs if array is not None}


def _check_sizes(who: str, sizes: Sizes) -> Sizes:
    """The sizes as plain ints; TypeError or ValueError for one that no stack can have."""
    names = ("input_size", "hidden_size", "num_layers", "proj_size")
    least = {name: 0 if name == "proj_size" else 1 for name in names}
    whole: dict[str, Any] = {n: checks.expect_int(who, n, getattr(sizes, n), least[n]) for n in names}
    sizes = sizes._replace(**whole)
    for what in ("bias", "bidirectional"):
        checks.expect_bool(who, what, getattr(sizes, what))
    if sizes.proj_size >= sizes.hidden_size:
        expected = f"proj_size to be smaller than hidden_size = {sizes.hidden_size}"
        raise ValueError(checks.message(who, expected, sizes.proj_size))
    return sizes
