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
from scratch_rnn.page.source import key, shape_of
from scratch_rnn.trace import Trace, recording
from scratch_rnn.trace.picture import drawn

CELLS = ("rnn", "lstm", "gru")
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "hihello": {"hidden": 4, "head": True},
    "charseq": {"hidden": 6, "head": True},
}
UPDATES = (0, 15, 100)
WORDS = ("hi", "hello", "hole")
"""What is padded and packed: three lengths, not sorted."""
WORD_UPDATES = 15
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
    weights: Mapping[str, ndarray]
    """Of the recurrent layer, before the recorded update."""

    @property
    def hidden(self) -> int:
        """H."""
        return int(self.trace["h_next"].shape[2])


class Panel(NamedTuple):
    """A group of rows of the heat maps: one name, all units."""

    name: str
    kind: str
    """"gate", "signed" or "gradient"."""


def digits(value: float) -> str:
    """Three significant digits, as every number of the page is printed.

    >>> digits(0.15), digits(-0.0000399), digits(-0.0), digits(123.4)
    ('0.150', '-3.99e-05', '0.00', '123')
    """
    return f"{value + 0.0:#.3g}".removesuffix(".")


def all_runs() -> Iterator[Run]:
    """Every cell on every lab, at every number of updates."""
    for cell in CELLS:
        for lab in OPTIONS:
            yield from runs(cell, lab)


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
        reach = _reach(work.model, chosen.x, answers)
        weights = work.model.rnn.state_dict()
        with recording(work.model.rnn) as trace:
            loss = work.step(*chosen.batch(step))
        p = np.exp(numpy_bptt.ops.log_softmax(logits))
        yield Run(
            cell, lab, step, loss, trace, list(chosen.text[:-1]), [symbols[i] for i in answers],
            (answers == chosen.y[0]).tolist(), p[np.arange(len(p)), answers], reach, weights,
        )  # fmt: skip


def _reach(model: Any, x: ndarray, answers: ndarray) -> ndarray:
    """(T, T): the norm of the gradient of answer t's logit with respect to input s; 0 for s > t."""
    head = model.state_dict()["head.weight"]
    with recording(model.rnn) as trace:
        output, _, tape = model.rnn.forward(x)
        rows = []
        for t, answer in enumerate(answers):
            d_output = np.zeros_like(output)
            d_output[0, t] = head[answer]  # logits = h Wᵀ + b
            model.rnn.backward(tape, d_output)
            rows.append(np.linalg.norm(trace["d_x"][:, 0], axis=1))
    return np.stack(rows)


def values_of(run: Run) -> dict[str, str]:
    """By key (source.py): the printed numbers of all steps and units, or the shape of another value.

    "T×H numbers separated by spaces": number t * H + unit is the one of step t. The key "=name" has the last
    value of a name, which is trace[name].
    """
    arrays = {f"={name}": run.trace[name] for name in run.trace.names}
    for which in ("forward", "backward"):
        for line in run.trace.lines(which).values():
            arrays |= {key(which, line.number, name): array for name, array in line.values.items()}
    return {k: shape_of(a, run.hidden) or " ".join(map(digits, a[:, 0].ravel())) for k, a in arrays.items()}


def panels(run: Run) -> dict[str, list[Panel]]:
    """The heat maps of each pass. Backward: in reverse order, then what goes to the step before."""
    fields = numpy_cell(run.cell).State._fields
    lines = list(run.trace.lines("forward").values())
    forward = [Panel(*pair) for pair in drawn(lines, [f"{name}_next" for name in fields])]
    names = [f"d_{panel.name}" for panel in forward[::-1]] + [f"d_{name}" for name in fields]
    return {"forward": forward, "backward": [Panel(n, "gradient") for n in names if n in run.trace.names]}


def numpy_cell(name: str) -> Any:
    """The cell's module."""
    return getattr(numpy_bptt, name)


def run_data(run: Run) -> dict[str, Any]:
    """A run as JSON. Equal texts are stored once, in `pool`; `values` has their positions."""
    values, names = values_of(run), [panel.name for both in panels(run).values() for panel in both]
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


class Curve(NamedTuple):
    """The gradient's size over the distance, for one cell."""

    label: str
    norms: ndarray


def flow() -> list[Curve]:
    """‖∂loss/∂h_t‖ / ‖∂loss/∂h_T‖ by distance T - t at the first weights: the geometric mean of the seeds."""
    return [
        Curve(memory.label(cell, bias), np.exp(np.mean([np.log(_norms(cell, bias, s)) for s in range(FLOW_SEEDS)], 0)))
        for cell, bias in memory.CELLS
    ]  # fmt: skip


def _norms(cell: str, bias: float, seed: int) -> ndarray:
    return memory.gradient_norms(cell, bias, FLOW_STEPS, FLOW_HIDDEN, seed)


class Padding(NamedTuple):
    """WORDS as one batch, padded and packed. h by step, word and unit: (T, N, H)."""

    padded: ndarray
    packed: ndarray
    """After a word's last letter, its last state."""
    h_n_padded: ndarray
    h_n_packed: ndarray
    order: Sequence[int]
    """The rows of the packed batch, in the caller's numbers."""
    batch_sizes: Sequence[int]
    data: Sequence[tuple[int, str, int]]
    """(step, letter, word) of each row of PackedSequence.data."""


def padding(run: Run, symbols: Sequence[str]) -> Padding:
    """Read WORDS with the weights of a run."""
    words = [np.eye(len(symbols))[[symbols.index(letter) for letter in word]] for word in WORDS]
    layer = getattr(numpy_bptt, run.cell.upper())(len(symbols), run.hidden, batch_first=True, dtype=np.float64)
    layer.load_state_dict(run.weights)
    with recording(layer) as trace:
        _, state = layer(pad_sequence(words, batch_first=True))
        padded, h_n_padded = trace["h_next"], _h(state)[0]
    packed_words = pack_sequence(words, enforce_sorted=False)
    with recording(layer) as trace:
        _, state = layer(packed_words)
        packed, h_n_packed = trace["h_next"].copy(), _h(state)[0]
    for t in range(1, len(packed)):
        ended = np.isnan(packed[t])
        packed[t][ended] = packed[t - 1][ended]
    letters = [(int(row.argmax())) for row in packed_words.data]
    order, sizes = packed_words.sorted_indices.tolist(), packed_words.batch_sizes.tolist()
    places = [(t, word) for t, size in enumerate(sizes) for word in order[:size]]
    return Padding(
        padded, packed, h_n_padded, h_n_packed, order, sizes,
        [(t, symbols[i], word) for (t, word), i in zip(places, letters, strict=True)],
    )  # fmt: skip


def _h(state: Any) -> ndarray:
    """h_n (1, N, H)."""
    return np.asarray(state[0] if isinstance(state, tuple) else state)
