"""One description of everything that a layer or cell can be asked to do, and the numbers to do it with.

Sizes differ pairwise, no value is zero, and a gradient arrives wherever the case says: a transposed weight,
a forgotten bias or two swapped states then change a result.

Axes (scratch_rnn/notation.py): T time, N batch, I input, H hidden, P width of h, D directions.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn.parameters import Sizes, cell_shapes, stack_shapes

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn_tanh": ("RNN", {"nonlinearity": "tanh"}),
    "rnn_relu": ("RNN", {"nonlinearity": "relu"}),
    "lstm": ("LSTM", {}),
    "gru": ("GRU", {}),
}
"""A case's kind -> (the layer's class in all three libraries, further arguments of its constructor)."""

FORMS = ("cell", "padded", "stacked", "bidirectional", "projected", "packed", "dropout")
"""The forms of the report's random cases; one more is "seq2seq" (scratch_rnn/parity/seq2seq.py)."""


@dataclass(frozen=True)
class Case:
    """One layer or cell, its inputs, and where gradients arrive."""

    kind: str
    cell: bool = False  # a cell: each call is one step, and `steps` and the options of layers are not used
    steps: int = 5
    rows: int | None = 3  # None: a single sequence without a batch axis
    inputs: int = 4
    hidden: int = 6
    layers: int = 1
    bidirectional: bool = False
    bias: bool = True
    batch_first: bool = False
    proj: int = 0
    lengths: tuple[int, ...] | None = None  # None: not packed
    enforce_sorted: bool = False
    state: bool = True  # False: no first state is given
    memory: str = "contiguous"  # or "strided", "expanded"
    arrives: tuple[str, ...] = ("output", "h_n", "c_n")  # where a gradient arrives
    calls: int = 1  # more than one: each starts from the state in which the previous one ended
    dropout: float = 0.0
    scale: float = 0.5  # standard deviation of the weights
    seed: int = 0
    dtype: str = "float64"

    @property
    def name(self) -> str:
        """The name of the class, the same in every library."""
        return KINDS[self.kind][0] + ("Cell" if self.cell else "")

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the constructor, the same in every library."""
        chosen: dict[str, Any] = {"input_size": self.inputs, "hidden_size": self.hidden, "bias": self.bias}
        if not self.cell:
            names = ("num_layers", "batch_first", "bidirectional")
            chosen |= zip(names, (self.layers, self.batch_first, self.bidirectional), strict=True)
            chosen |= {n: v for n, v in (("proj_size", self.proj), ("dropout", self.dropout)) if v}
        return chosen | KINDS[self.kind][1]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The names and shapes of the parameters, in torch's order."""
        kind = KINDS[self.kind][0].lower()
        if self.cell:
            return cell_shapes(kind, self.inputs, self.hidden, self.bias)
        sizes = self.inputs, self.hidden, self.layers, self.bias, self.bidirectional, self.proj
        return stack_shapes(Sizes(kind, *sizes))

    @property
    def states(self) -> tuple[str, ...]:
        """The letters of the state."""
        return ("h", "c") if self.kind == "lstm" else ("h",)

    def sequence_shape(self, width: int) -> tuple[int, ...]:
        """The shape of an input or an output of the caller (padded, where it is packed)."""
        batch = () if self.rows is None else (self.rows,)
        steps = () if self.cell else (self.steps,)
        return (*batch, *steps, width) if self.batch_first else (*steps, *batch, width)

    def state_shape(self, letter: str) -> tuple[int, ...]:
        """The shape of a state of the caller."""
        width = (self.proj or self.hidden) if letter == "h" else self.hidden
        first = [] if self.cell else [self.layers * (1 + self.bidirectional)]
        return (*first, *([] if self.rows is None else [self.rows]), width)

    def pack(self, x: Any, library: Any) -> Any:
        """The input of the layer: packed by `library`'s functions, or unchanged."""
        if self.lengths is None:
            return x
        options = {"batch_first": self.batch_first, "enforce_sorted": self.enforce_sorted}
        return library.pack_padded_sequence(x, np.array(self.lengths), **options)

    def pad(self, y: Any, library: Any) -> Any:
        """The output of the layer, padded to all `steps`."""
        if self.lengths is None:
            return y
        return library.pad_packed_sequence(y, batch_first=self.batch_first, total_length=self.steps)[0]


class Data(NamedTuple):
    """All numbers of a case."""

    params: dict[str, ndarray]
    xs: list[ndarray]  # one per call
    states: dict[str, ndarray]
    d_outputs: list[ndarray]
    d_states: dict[str, ndarray]


def make_data(case: Case) -> Data:
    """The same numbers for the same case, none of them zero; NaN in the padding."""
    rng = np.random.default_rng(case.seed)

    def normal(shape: tuple[int, ...], scale: float = 1.0) -> ndarray:
        return (scale * rng.normal(size=shape)).astype(case.dtype)

    params = {name: normal(shape, case.scale) for name, shape in case.shapes.items()}
    xs = [normal(case.sequence_shape(case.inputs)) for _ in range(case.calls)]
    states = {letter: normal(case.state_shape(letter)) for letter in case.states}
    if case.memory == "expanded":
        xs = [np.broadcast_to(x[:1], x.shape).copy() for x in xs]
        states = {letter: np.broadcast_to(s[:1], s.shape).copy() for letter, s in states.items()}
    elif case.lengths is not None:
        padding = np.arange(case.steps)[:, None] >= np.array(case.lengths)
        for x in xs:
            x[padding.T if case.batch_first else padding] = np.nan
    output_shape = case.sequence_shape((1 + case.bidirectional) * (case.proj or case.hidden))
    d_outputs = [normal(output_shape) for _ in xs]
    d_states = {letter: normal(case.state_shape(letter)) for letter in case.states}
    return Data(params, xs, states, d_outputs, d_states)


def draw_case(rng: np.random.Generator, kind: str, form: str, small: bool) -> Case:
    """A random case; H is 8 to 24, or 1 to 7 where `small`. The sizes T, N, I and H differ pairwise."""
    hidden = int(rng.integers(1, 8) if small else rng.integers(8, 25))
    others = [size for size in range(2, 13) if size != hidden]
    steps, rows, inputs = map(int, rng.choice(others, 3, replace=False))
    bias, state, bidirectional = (bool(chance) for chance in rng.random(3) < (0.8, 0.8, 0.5))
    calls, layers, proj = (int(rng.integers(1, most + 1)) for most in (2, 2, hidden))
    lengths = tuple(map(int, rng.integers(1, steps + 1, size=rows)))
    options: dict[str, dict[str, Any]] = {
        "cell": {"cell": True},
        "padded": {"batch_first": bidirectional},
        "stacked": {"layers": layers + 1},
        "bidirectional": {"bidirectional": True},
        "projected": {"hidden": hidden + 1, "proj": proj},
        "packed": {"bidirectional": bidirectional, "lengths": lengths},
        "dropout": {"bidirectional": bidirectional, "layers": layers + 1, "dropout": proj / (hidden + 1)},
    }
    common = {"steps": steps, "rows": rows, "inputs": inputs, "hidden": hidden, "bias": bias, "state": state}
    # Larger weights amplify rounding: at 0.5, H = 22, 24 steps, one ulp of x moves torch.nn's d_h0 by 3e-11.
    common |= {"scale": hidden**-0.5, "seed": int(rng.integers(2**31)), "calls": calls}
    return Case(kind, **(common | options[form]))
