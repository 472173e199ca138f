"""Record a layer: every value that its `step` and `step_backward` compute, for each layer and direction.

    with recording(layer) as trace:
        output, state, tape = layer.forward(x)
        layer.backward(tape, d_output)
    trace["f"], trace["d_f"]                      # the forget gate, and ∂loss/∂f: (T, N, H)

Inside the block the layer runs its cell file step by step, whichever engine it has. The cell's two functions
report each assignment (instrument.py). Afterwards the layer is as before, also after an exception. A block
holds one forward pass and, if wanted, its backward pass; a later pair replaces an earlier one.

Axes (scratch_rnn/notation.py): T time, N batch, F features. All arrays are time-major, whatever the caller's
layout; an unbatched sequence is N = 1. t is the position in the sequence, in the reverse direction too. Rows
are in the caller's order, NaN where a sequence has no step t.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import expect_int, expect_one_of, message
from scratch_rnn.numpy_bptt import layer as bptt
from scratch_rnn.numpy_bptt.engines import ENGINES, AnyEngine, Bound
from scratch_rnn.numpy_bptt.layout import Packed
from scratch_rnn.numpy_bptt.protocols import Arrays, State
from scratch_rnn.numpy_bptt.rnn_base import RNNBase, Tape
from scratch_rnn.outputs import replacing
from scratch_rnn.parameters import suffixes
from scratch_rnn.trace import picture
from scratch_rnn.trace.instrument import WHO, Line, Source, instrument, read

PASSES = ("forward", "backward")
Steps = bptt.Tape[Arrays, object]


class _Pass:
    """What one pass through one direction of one layer reported: t -> array."""

    def __init__(self, batch_sizes: Sequence[int], times: Sequence[int]) -> None:
        self.batch_sizes = batch_sizes
        self._times, self._t = iter(times), 0
        self.last: defaultdict[str, dict[int, ndarray]] = defaultdict(dict)
        """By name: the last value in the step."""
        self.at_line: defaultdict[tuple[int, str], dict[int, ndarray]] = defaultdict(dict)
        """By line and name."""

    def begin_step(self) -> None:
        """Go on to the next t, in the order in which layer.py computes them."""
        self._t = next(self._times)

    def note(self, line: int, values: Mapping[str, object]) -> None:
        """What the compiled function reports. Text, functions and None (no bias) are not kept."""
        for name, value in values.items():
            if isinstance(value, ndarray):
                self.last[name][self._t] = self.at_line[line, name][self._t] = value
            else:
                self.last[name].pop(self._t, None)


@dataclass
class _Record:
    """What the traces of all layers and directions of one recording share."""

    layer: RNNBase
    lines: Mapping[str, Sequence[Line]]
    passes: dict[str, dict[int, _Pass]] = field(default_factory=lambda: {which: {} for which in PASSES})
    """By "forward" and "backward", and by the number of the state in the stack."""
    running: _Pass = field(default_factory=lambda: _Pass((), ()))
    tape: Tape | None = None

    @cached_property
    def known(self) -> dict[str, str]:
        """Every name of the source, and the pass whose value is meant by it: the first that assigns it."""
        pairs = [(name, which) for which in PASSES for line in self.lines[which] for name in line.names]
        return dict(pairs) | dict(pairs[::-1])

    def reporting(self, source: Source) -> Callable[..., Any]:
        """The function of this source, compiled to report to the pass that is running."""
        compiled = instrument(source, lambda line, values: self.running.note(line, values))

        def step(*arguments: Any, **options: Any) -> Any:
            self.running.begin_step()
            return compiled(*arguments, **options)

        return step


class Trace:
    """The values of one direction of one layer. `recording` gives that of layer 0, forward."""

    def __init__(self, record: _Record, state: int = 0) -> None:
        self._record, self._state = record, state

    def at(self, layer: int = 0, reverse: bool = False) -> "Trace":
        """The trace of another layer or direction of the same recording. ValueError where there is none."""
        layers, directions = self._record.layer.sizes.num_layers, self._record.layer.sizes.directions
        if expect_int(WHO, "layer", layer, 0) >= layers or int(reverse) >= directions:
            expected = f"one of {layers} layers in {directions} directions"
            raise ValueError(message(WHO, expected, f"layer {layer}, {reverse=}"))
        return Trace(self._record, layer * directions + int(reverse))

    @property
    def names(self) -> list[str]:
        """All names that have a value: those of `step`, then the others of `step_backward`."""
        known = self._record.known.items()
        return [name for name, which in known if self._has_run(which) and self._last(name)]

    def __getitem__(self, name: str) -> ndarray:
        """The last value that got this name in each step: (T, N, F), or (T, …) for a parameter's gradient.

        Raises KeyError for an unknown name and for one that got no array, and ValueError for a gradient
        without a backward pass.
        """
        known = self._record.known
        if name not in known:
            raise KeyError(message(WHO, f"one of the names {', '.join(known)}", repr(name)))
        self._check_has_run(known[name], name)
        values = self._last(name)
        if not values:
            raise KeyError(message(WHO, f"one of {', '.join(self.names)}", f"{name!r}, which has no value"))
        return self._whole(name, values)

    def sequence(self, number: int) -> dict[str, ndarray]:
        """One sequence of the caller's batch without its padding: (length, F) by name; ValueError if none.

        Parameters' gradients, which belong to no single sequence, are left out.
        """
        lengths = self._lengths()
        if expect_int(WHO, "the number of a sequence", number, 0) >= len(lengths):
            raise ValueError(message(WHO, f"one of {len(lengths)} sequences", f"number {number}"))
        names = [name for name in self.names if not self._is_parameter(name)]
        return {name: self[name][: lengths[number], number] for name in names}

    def lines(self, which: str = "forward") -> dict[int, Line]:
        """The lines of `step` ("forward") or `step_backward` ("backward") that assign names, by line number.

        A name that is assigned on two lines has its own value on each. ValueError if that pass has not run.
        """
        self._check_has_run(expect_one_of(WHO, "the pass", which, PASSES), "its lines")
        reported, result = self._record.passes[which][self._state].at_line, {}
        for line in self._record.lines[which]:
            arrays = {name: reported[line.number, name] for name in line.names}
            values = {name: self._whole(name, at) for name, at in arrays.items() if at}
            result[line.number] = line._replace(values=values)
        return result

    def arrays(self) -> dict[str, ndarray]:
        """Every value of all layers and directions, named as parameters are: f_l0, d_f_l1_reverse."""
        ends = [suffix for _, suffix in suffixes(self._record.layer.sizes)]
        traces = {end: Trace(self._record, state) for state, end in enumerate(ends)}
        return {name + end: trace[name] for end, trace in traces.items() for name in trace.names}

    def npz(self, path: str | Path) -> None:
        """Write `arrays()` to a file for numpy.load."""
        with replacing(Path(path)) as beside, beside.open("wb") as file:
            np.savez(file, allow_pickle=False, **self.arrays())

    def block(self, title: str = "", inputs: Sequence[str] | None = None, sequence: int = 0) -> picture.Block:
        """What `plot` draws of a sequence; `inputs` are the labels of its steps (None: 0, 1, 2, …)."""
        values, steps = self.sequence(sequence), self._lengths()[sequence]
        labels = [str(t) for t in range(steps)] if inputs is None else list(inputs)
        if len(labels) != steps:
            raise ValueError(message(WHO, f"labels for {steps} steps", len(labels)))
        states = [f"{name}_next" for name in self._record.layer.cell.State._fields]
        rows = picture.panels(self._record.lines["forward"], states, values)
        return picture.Block(title, "step t" if inputs is None else "input at each step", labels, rows)

    def plot(
        self, path: str | Path, title: str = "", inputs: Sequence[str] | None = None, sequence: int = 0
    ) -> None:
        """Write a .png, .svg or .pdf of one sequence: gates, states, and their gradients if there are any."""
        drawn = picture.draw([self.block(title, inputs, sequence)], Path(path).suffix)
        with replacing(Path(path)) as beside:
            beside.write_bytes(drawn)

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows: the picture of sequence 0."""
        return picture.draw([self.block()]) if self._has_run("forward") and self._lengths() else None

    def _has_run(self, which: str) -> bool:
        """Whether the whole pass is recorded."""
        states = len(list(suffixes(self._record.layer.sizes)))
        return self._record.tape is not None and len(self._record.passes[which]) == states

    def _check_has_run(self, which: str, what: str) -> None:
        if not self._has_run(which):
            raise ValueError(message(WHO, f"a {which} pass in the recording, for {what}", "none"))

    def _last(self, name: str) -> dict[int, ndarray]:
        return self._record.passes[self._record.known[name]][self._state].last[name]

    def _lengths(self) -> list[int]:
        """The length of each sequence of the caller's batch."""
        self._check_has_run("forward", "its sequences")
        batch_sizes = np.array(self._record.passes["forward"][self._state].batch_sizes)
        lengths = (batch_sizes[:, None] > np.arange(batch_sizes[0])).sum(axis=0)
        return self._in_order(lengths[None])[0].tolist()

    def _is_parameter(self, name: str) -> bool:
        return name.removeprefix("d_") in self._record.layer.cell.Params._fields

    def _whole(self, name: str, values: Mapping[int, ndarray]) -> ndarray:
        """The values at some t as one array over all t, NaN at the others."""
        batch_sizes = self._record.passes["forward"][self._state].batch_sizes
        some = next(iter(values.values()))
        shape = some.shape if self._is_parameter(name) else (batch_sizes[0], *some.shape[1:])
        whole = np.full((len(batch_sizes), *shape), np.nan, some.dtype)
        for t, value in values.items():
            whole[t, : len(value)] = value
        return whole if self._is_parameter(name) else self._in_order(whole)

    def _in_order(self, whole: ndarray) -> ndarray:
        """(T, N, F) with its sequences in the caller's order instead of by decreasing length."""
        layout = self._record.tape.layout if self._record.tape else None
        return whole[:, np.argsort(layout.order)] if isinstance(layout, Packed) else whole


@contextmanager
def recording(layer: RNNBase) -> Iterator[Trace]:
    """Record what `layer`, a NumPy RNN, LSTM or GRU, computes inside the block.

    Raises TypeError for another object; OSError where the source of the cell is not available; ValueError
    where a statement of it cannot be reported, and, inside the block, for a second forward pass before the
    backward pass and for a tape of another recording.
    """
    if not isinstance(layer, RNNBase):
        raise TypeError(message(WHO, "a NumPy RNN, LSTM or GRU layer", type(layer).__name__))
    if "_run" in vars(layer):
        raise ValueError(message(WHO, "a layer that is not being recorded", "one that is"))
    step, step_backward = read(layer.cell.step), read(layer.cell.step_backward, backward=True)
    record = _Record(layer, {"forward": step.lines, "backward": step_backward.lines})
    cell: Any = SimpleNamespace(step=record.reporting(step), step_backward=record.reporting(step_backward))
    options = list(signature(layer.cell.step).parameters)[3:]  # an RNN's nonlinearity
    steps = ENGINES["steps"](cell, layer.fused, **{name: getattr(layer, name) for name in options})
    changed = _changed(record, steps)
    before = {name: vars(layer)[name] for name in changed if name in vars(layer)}
    vars(layer).update(changed)
    try:
        yield Trace(record)
    finally:
        for name in changed:
            del vars(layer)[name]
        vars(layer).update(before)


def _changed(record: _Record, steps: AnyEngine) -> dict[str, object]:
    """The attributes of a layer that differ while it is recorded."""
    layer, run, backward = record.layer, record.layer._run, record.layer.backward

    def recorded_run(x: Any, state: Any, drop: bool, keep: bool) -> tuple[Any, Any, Tape]:
        if record.tape is not None and not record.passes["backward"]:
            expected = "one forward pass and then its backward pass"
            raise ValueError(message(WHO, expected, "two forward passes before a backward pass"))
        record.passes, record.tape = {which: {} for which in PASSES}, None
        output, state_n, record.tape = run(x, state, drop, keep)
        return output, state_n, record.tape

    def recorded_backward(tape: Tape, d_output: Any = None, d_state_n: Any = None) -> Any:
        if record.tape is None or tape is not record.tape:
            raise ValueError(message(WHO, "the tape of this recording's forward pass", "another tape"))
        return backward(tape, d_output, d_state_n)

    return {
        "engine": "steps",
        "_engine": _reporting_engine(record, steps),
        "_made_by": (layer.sizes, layer.cell_name, "steps", layer.dtype),
        "_run": recorded_run,
        "backward": recorded_backward,
    }


def _reporting_engine(record: _Record, steps: AnyEngine) -> AnyEngine:
    """`steps`, which also starts a new _Pass of the record before each pass through one direction."""

    def begin(which: str, state: int, batch_sizes: Sequence[int], reverse: bool) -> None:
        record.running = _Pass(batch_sizes, bptt.times(batch_sizes, reverse))
        record.passes[which][state] = record.running

    def forward(
        x: ndarray, batch_sizes: Sequence[int], state: State, params: Arrays, reverse: bool, keep: bool
    ) -> tuple[ndarray, State, Steps]:
        begin("forward", len(record.passes["forward"]), batch_sizes, reverse)  # in the order of the states
        return steps.forward(x, batch_sizes, state, params, reverse, keep)

    def backward(d_y: ndarray, d_state_n: State, tape: Steps) -> tuple[ndarray, State, Arrays]:
        assert record.tape is not None
        state = next(s for s, each in enumerate(record.tape.stack.layers) if each is tape)
        begin("backward", state, tape.batch_sizes, not tape.reverse)
        return steps.backward(d_y, d_state_n, tape)

    return Bound(forward, backward)
