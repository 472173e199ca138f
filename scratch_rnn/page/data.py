"""What the page shows of runs: values of every line, predictions, gradients, and the two other experiments.

Each lab is trained with every cell, in NumPy, as `python -m scratch_rnn lab NAME` does it. The training steps
that follow UPDATES updates are recorded. A head on the states lets H differ from I, so that no other value
looks as if it had one number for each unit.

Axes (scratch_rnn/notation.py): T time, N batch (here one text), I input, H hidden.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn import numpy_bptt
from scratch_rnn.labs import LABS, memory
from scratch_rnn.labs.harness.implementations import first_weights, load, trainer
from scratch_rnn.labs.harness.options import make_settings
from scratch_rnn.numpy_bptt.packed import pack_sequence, pad_sequence
from scratch_rnn.page.source import key
from scratch_rnn.trace import Trace, recording
from scratch_rnn.trace.picture import VISIBLE, drawn

CELLS = ("rnn", "lstm", "gru")
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "hihello": {"hidden": 4, "head": True},
    "charseq": {"hidden": 6, "head": True},
}
UPDATES = (0, 15, 100)
WORDS = ("hi", "hello", "hole")
"""What is padded and packed: three lengths, not sorted."""
WORDS_READ_BY = ("hihello", 15)
"""The lab and the updates of the weights that read them."""
FLOW_STEPS, FLOW_HIDDEN, FLOW_SEEDS = 60, 32, 5


class Run(NamedTuple):
    """A cell on a lab, after so many updates."""

    cell: str
    lab: str
    updates: int
    loss: float
    trace: Trace
    text: Sequence[str]
    """What is read at each step."""
    predicted: Sequence[str]
    correct: Sequence[bool]
    probability: ndarray
    """Of the predicted character, (T,)."""
    reach: ndarray
    """‖∂ logit_t / ∂ x_s‖ of the predicted character, (T, T): row t, column s."""
    symbols: Sequence[str]
    """The alphabet."""
    weights: Mapping[str, ndarray]
    """Of the recurrent layer, before the recorded update."""
    head: ndarray
    """The head's weight, (V, H), before it too."""

    @property
    def hidden(self) -> int:
        """H."""
        return int(self.trace["h_next"].shape[2])

    def is_parameter(self, name: str) -> bool:
        """Whether this is the gradient of a parameter, (T, …): the share of each step."""
        return name.removeprefix("d_") in numpy_cell(self.cell).Params._fields

    def has_units(self, name: str, array: ndarray) -> bool:
        """Whether a value has one number for each unit: (T, N, H)."""
        return not self.is_parameter(name) and array.shape[2] == self.hidden

    def printed(self, name: str, array: ndarray) -> str:
        """The numbers of all steps and units, or the shape of another value.

        "T × H numbers separated by spaces": number t * H + unit is the one of step t. "[20]" for a row of 20
        numbers, "[20×5]" for the gradient of a weight.
        """
        if self.has_units(name, array):
            return " ".join(map(digits, array[:, 0].ravel()))
        sizes = array.shape[1 if self.is_parameter(name) else 2 :]
        return f"[{'×'.join(map(str, sizes))}]"


def digits(value: float) -> str:
    """Three significant digits, as every number of the page is printed.

    >>> digits(0.15), digits(-0.0000399), digits(-0.0), digits(123.4)
    ('0.150', '-3.99e-05', '0.00', '123')
    """
    return f"{value + 0.0:#.3g}".removesuffix(".")


def runs(cell: str, lab: str) -> Iterator[Run]:
    """One training, recorded after each of UPDATES."""
    kind = LABS[lab]
    chosen: Any = kind(make_settings(lab, kind.options, {**OPTIONS[lab], "cell": cell}))
    work: Any = trainer(chosen, load("numpy"), first_weights(chosen))
    symbols = chosen.alphabet.symbols
    for step in range(max(UPDATES) + 1):
        if step not in UPDATES:
            work.step(*chosen.batch(step))
            continue
        logits = work.predict(chosen.x)[0][0]
        answers = logits.argmax(axis=1)
        head, weights = work.model.state_dict()["head.weight"], work.model.rnn.state_dict()
        reach = _reach(work.model.rnn, chosen.x, head[answers])
        with recording(work.model.rnn) as trace:
            loss = work.step(*chosen.batch(step))
        p = np.exp(numpy_bptt.ops.log_softmax(logits))
        yield Run(
            cell, lab, step, loss, trace, visible(chosen.text[:-1]), visible(chosen.alphabet.decode(answers)),
            (answers == chosen.y[0]).tolist(), p[np.arange(len(p)), answers], reach, symbols, weights, head,
        )  # fmt: skip


def visible(text: str) -> list[str]:
    """The characters of a text; a sign for a blank."""
    return [VISIBLE.get(character, character) for character in text]


def _reach(layer: Any, x: ndarray, heads: ndarray) -> ndarray:
    """(T, T): the norm of the gradient of answer t's logit with respect to input s; 0 for s > t."""
    with recording(layer) as trace:
        output, _, tape = layer.forward(x)
        rows = []
        for t, row in enumerate(heads):
            d_output = np.zeros_like(output)
            d_output[0, t] = row  # logit = h · row + b
            layer.backward(tape, d_output)
            rows.append(np.linalg.norm(trace["d_x"][:, 0], axis=1))
    return np.stack(rows)


def values_of(run: Run) -> dict[str, str]:
    """By key (source.py): the values as they are printed. The key "=name" has trace[name]."""
    result = {f"={name}": run.printed(name, run.trace[name]) for name in run.trace.names}
    for which in ("forward", "backward"):
        for line in run.trace.lines(which).values():
            for name, array in line.values.items():
                result[key(which, line.number, name)] = run.printed(name, array)
    return result


def panels(run: Run) -> dict[str, list[tuple[str, str]]]:
    """The heat maps of each pass: names, each with "gate", "signed" or "gradient".

    Those of the backward pass are in reverse order, and then there is what goes to the step before.
    """
    fields = numpy_cell(run.cell).State._fields
    forward = list(drawn(list(run.trace.lines("forward").values()), [f"{name}_next" for name in fields]))
    names = [f"d_{name}" for name, _ in forward[::-1]] + [f"d_{name}" for name in fields]
    return {"forward": forward, "backward": [(n, "gradient") for n in names if n in run.trace.names]}


def numpy_cell(name: str) -> Any:
    """The cell's module."""
    return getattr(numpy_bptt, name)


def run_data(run: Run) -> dict[str, Any]:
    """A run as JSON. Equal texts are stored once, in `pool`; `values` has their positions."""
    values, names = values_of(run), [name for both in panels(run).values() for name, _ in both]
    pool = list(dict.fromkeys(values.values()))
    place = {text: number for number, text in enumerate(pool)}
    return {
        "loss": digits(run.loss),
        "predicted": run.predicted,
        "correct": run.correct,
        "p": [digits(p) for p in run.probability],
        "largest": {name: digits(float(np.abs(run.trace[name]).max())) for name in names},
        "reach": [" ".join(map(digits, row[: t + 1])) for t, row in enumerate(run.reach)],
        "pool": pool,
        "values": {k: place[text] for k, text in values.items()},
    }


def flow() -> dict[tuple[str, float], ndarray]:
    """By cell and forget bias: ‖∂loss/∂h_t‖ / ‖∂loss/∂h_T‖ by distance T - t, the seeds' geometric mean."""
    curves = {}
    for cell, bias in memory.CELLS:
        norms = [memory.gradient_norms(cell, bias, FLOW_STEPS, FLOW_HIDDEN, s) for s in range(FLOW_SEEDS)]
        curves[cell, bias] = np.exp(np.mean(np.log(norms), axis=0))
    return curves


class Padding(NamedTuple):
    """WORDS as one batch, padded and packed. h by step, word and unit: (T, N, H)."""

    padded: ndarray
    packed: ndarray
    """After a word's last letter, its last state."""
    order: Sequence[int]
    """The rows of the packed batch, in the caller's numbers."""
    batch_sizes: Sequence[int]
    data: Sequence[tuple[int, str, int]]
    """(step, letter, word) of each row of PackedSequence.data."""


def padding(run: Run) -> Padding:
    """Read WORDS with the weights of a run."""
    symbols = run.symbols
    words = [np.eye(len(symbols))[[symbols.index(letter) for letter in word]] for word in WORDS]
    kind = getattr(numpy_bptt, run.cell.upper())
    layer = kind(len(symbols), run.hidden, batch_first=True, dtype=np.float64)
    layer.load_state_dict(run.weights)
    with recording(layer) as trace:
        layer(pad_sequence(words, batch_first=True))
        padded = trace["h_next"]
    batch = pack_sequence(words, enforce_sorted=False)
    with recording(layer) as trace:
        layer(batch)
        packed = trace["h_next"]
    for t in range(1, len(packed)):
        packed[t] = np.where(np.isnan(packed[t]), packed[t - 1], packed[t])
    assert batch.sorted_indices is not None
    order, sizes = batch.sorted_indices.tolist(), batch.batch_sizes.tolist()
    places = [(t, word) for t, size in enumerate(sizes) for word in order[:size]]
    letters = [symbols[i] for i in batch.data.argmax(axis=1)]
    data = [(t, letter, word) for (t, word), letter in zip(places, letters, strict=True)]
    return Padding(padded, packed, order, sizes, data)
