"""One description of everything that a recurrent layer can be asked to do, and the numbers to do it with.

Sizes differ pairwise, no value is zero, and a gradient arrives wherever the case says: a transposed weight,
a forgotten bias or two swapped states then change a result.

Axes (scratch_rnn/notation.py): T time, N batch, I input, H hidden, P width of h, D directions, S = D·L states.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn.parity import oracle

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn_tanh": ("RNN", {"nonlinearity": "tanh"}),
    "rnn_relu": ("RNN", {"nonlinearity": "relu"}),
    "lstm": ("LSTM", {}),
    "gru": ("GRU", {}),
}
"""A case's kind -> (the class in all three libraries, further arguments of its constructor)."""

FORMS = ("cell", "padded", "stacked", "bidirectional", "projected", "packed", "dropout")
"""What a layer is asked for; the rows of the report, with "seq2seq" (scratch_rnn/parity/seq2seq.py)."""


@dataclass(frozen=True)
class Case:
    """One layer, one input, and where gradients arrive."""

    kind: str
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
        """The name of the class of this kind, the same in every library."""
        return KINDS[self.kind][0]

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the layer's constructor, the same in every library."""
        names = ("input_size", "hidden_size", "num_layers", "bidirectional", "bias", "batch_first")
        values = (self.inputs, self.hidden, self.layers, self.bidirectional, self.bias, self.batch_first)
        chosen = {"proj_size": self.proj} if self.proj else {}
        chosen |= {"dropout": self.dropout} if self.dropout else {}
        return dict(zip(names, values, strict=True)) | chosen | KINDS[self.kind][1]

    @property
    def states(self) -> tuple[str, ...]:
        """The letters of the state."""
        return ("h", "c") if self.kind == "lstm" else ("h",)

    @property
    def directions(self) -> int:
        """D."""
        return 2 if self.bidirectional else 1

    @property
    def output_width(self) -> int:
        """D·P."""
        return self.directions * (self.proj or self.hidden)

    def sequence_shape(self, width: int) -> tuple[int, ...]:
        """The shape of an input or an output of the caller (padded, where it is packed)."""
        if self.rows is None:
            return self.steps, width
        axes = (self.rows, self.steps) if self.batch_first else (self.steps, self.rows)
        return *axes, width

    def state_shape(self, letter: str) -> tuple[int, ...]:
        """The shape of a state of the caller."""
        width = (self.proj or self.hidden) if letter == "h" else self.hidden
        batch = () if self.rows is None else (self.rows,)
        return self.directions * self.layers, *batch, width

    def pack(self, x: Any, library: Any) -> Any:
        """The input of the layer: packed by `library`'s functions, or unchanged."""
        if self.lengths is None:
            return x
        return library.pack_padded_sequence(
            x, np.array(self.lengths), batch_first=self.batch_first, enforce_sorted=self.enforce_sorted
        )

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

    params = {name: normal(shape, case.scale) for name, shape in oracle.parameter_shapes(case).items()}
    xs = [normal(case.sequence_shape(case.inputs)) for _ in range(case.calls)]
    states = {letter: normal(case.state_shape(letter)) for letter in case.states}
    if case.memory == "expanded":
        xs = [np.broadcast_to(x[:1], x.shape).copy() for x in xs]
        states = {letter: np.broadcast_to(s[:1], s.shape).copy() for letter, s in states.items()}
    elif case.lengths is not None:
        padding = np.arange(case.steps)[:, None] >= np.array(case.lengths)
        for x in xs:
            x[padding.T if case.batch_first else padding] = np.nan
    d_outputs = [normal(case.sequence_shape(case.output_width)) for _ in xs]
    d_states = {letter: normal(case.state_shape(letter)) for letter in case.states}
    return Data(params, xs, states, d_outputs, d_states)


def draw_case(rng: np.random.Generator, kind: str, form: str, small: bool) -> Case:
    """A random case of a kind and a form; H is 8 to 24, or 1 to 7 where `small`.

    The sizes T, N, I and H differ pairwise.
    """
    hidden = int(rng.integers(1, 8) if small else rng.integers(8, 25))
    others = [size for size in range(2, 13) if size != hidden]
    steps, rows, inputs = (int(size) for size in rng.choice(others, 3, replace=False))
    options: dict[str, Any] = {"steps": steps, "rows": rows, "inputs": inputs, "hidden": hidden}
    options |= {"bias": bool(rng.random() < 0.8), "batch_first": bool(rng.random() < 0.3)}
    options |= {"state": bool(rng.random() < 0.8), "seed": int(rng.integers(2**31))}
    if form == "cell":
        options |= {"steps": 1, "batch_first": False, "state": True, "arrives": ("h_n", "c_n")}
    if form in ("stacked", "dropout"):
        options["layers"] = int(rng.integers(2, 4))
    if form == "bidirectional" or (form in ("packed", "dropout") and rng.random() < 0.5):
        options["bidirectional"] = True
    if form == "projected":
        options |= {"hidden": hidden + 1, "proj": int(rng.integers(1, hidden + 1))}
    if form == "packed":
        options["lengths"] = tuple(int(n) for n in rng.integers(1, steps + 1, size=rows))
    if form == "dropout":
        options["dropout"] = float(rng.choice([0.2, 0.5, 0.8]))
    return Case(kind, **options)
