"""How equal "equal" is: random cases on every contender, and the worst differences found.

    float64   the error of a tensor is max|ours - torch.nn| / max|torch.nn|
    complex   the error of a directional derivative against a complex step, without torch (complex_step.py)
    float32   the error against torch.nn in float64, divided by torch.nn's own float32 error

A float32 figure is left out where torch.nn's own error is 0, and in a ReLU case in which a pre-activation is
within KINK of zero, relative to the largest one: there the derivative jumps from 0 to 1, and two correct
programs that round differently have different gradients.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy import ndarray

from scratch_rnn.numpy_bptt.ops import linear
from scratch_rnn.parity import comparison, seq2seq
from scratch_rnn.parity.cases import FORMS, KINDS, Case, draw_case
from scratch_rnn.parity.comparison import CONTENDERS, Result, numpy_layer, relative_error
from scratch_rnn.parity.complex_step import worst_error

BOUND, SMALL_BOUND = 1e-12, 1e-10
"""Of a float64 error: for H from 8 on, and for smaller H, where cancellation weighs more."""
COMPLEX_BOUND = 1e-12
MEDIAN_BOUND, P90_BOUND, LEAST_FIGURES = 1.1, 2.0, 100
"""Of a float32 column, judged from LEAST_FIGURES figures on."""
KINK = 1e-5

COLUMNS = ("output", "state", "d_x", "d_state", "d_parameters")


def column_of(name: str) -> str:
    """The column of a value.

    >>> [column_of(name) for name in ("output0", "h_n", "d_x0", "d_c0", "d_bias_hh_l0", "loss")]
    ['output', 'state', 'd_x', 'd_state', 'd_parameters', 'output']
    """
    if name.startswith("output") or name == "loss":
        return "output"
    if name in ("h_n", "c_n"):
        return "state"
    if name[:3] == "d_x":
        return "d_x"
    return "d_state" if name in ("d_h0", "d_c0") else "d_parameters"


@dataclass
class Row:
    """One kind and form on one contender: the worst float64 error of each column, small sizes apart."""

    kind: str
    form: str
    tree: str
    engine: str
    cases: int = 0
    worst: dict[str, float] = field(default_factory=dict)
    worst_small: dict[str, float] = field(default_factory=dict)
    worst_complex: float | None = None

    def add(self, ours: Result, expected: Result, small: bool) -> None:
        """One more case; a missing or additional name counts as an infinite error."""
        self.cases += 1
        worst = self.worst_small if small else self.worst
        if ours.keys() != expected.keys():
            worst["output"] = float("inf")
        for name in ours.keys() & expected.keys():
            error, column = relative_error(ours[name], expected[name]), column_of(name)
            worst[column] = max(worst.get(column, 0.0), error)

    @property
    def broken(self) -> bool:
        """Whether an error is above its bound."""
        return (
            any(error > BOUND for error in self.worst.values())
            or any(error > SMALL_BOUND for error in self.worst_small.values())
            or (self.worst_complex or 0.0) > COMPLEX_BOUND
        )


@dataclass
class Report:
    """All rows, and the float32 figures of each contender and column."""

    rounds: int
    seed: int
    rows: list[Row]
    figures: dict[tuple[str, str, str], list[float]]

    def ratios(self) -> list[dict[str, Any]]:
        """Median, 90 % and worst of each float32 column."""
        return [
            {"tree": tree, "engine": engine, "column": column, "figures": len(figures)}
            | dict(
                zip(("median", "p90", "worst"), map(float, np.quantile(figures, [0.5, 0.9, 1])), strict=True)
            )
            for (tree, engine, column), figures in self.figures.items()
            if figures
        ]

    @property
    def broken(self) -> list[str]:
        """What is above its bound, one line each."""
        lines = [f"{r.kind} {r.form} {r.tree} {r.engine}: float64" for r in self.rows if r.broken]
        for ratio in self.ratios():
            above = ratio["median"] > MEDIAN_BOUND or ratio["p90"] > P90_BOUND
            if ratio["figures"] >= LEAST_FIGURES and above:
                lines.append(f"{ratio['tree']} {ratio['engine']} {ratio['column']}: float32")
        return lines

    def as_json(self) -> dict[str, Any]:
        """The object that --json writes."""
        rows = [asdict(row) for row in self.rows]
        return {"rounds": self.rounds, "seed": self.seed, "rows": rows, "float32": self.ratios()}


def measure(rounds: int, seed: int, tick: Callable[[int], None]) -> Report:
    """Run `rounds` rounds: in each, one random case of every kind, the form changing from round to round.

    `tick` gets the number of finished rounds. The same seed gives the same cases.
    """
    rng = np.random.default_rng(seed)
    rows: dict[tuple[str, str, str, str], Row] = {}
    figures: dict[tuple[str, str, str], list[float]] = {
        (*contender, column): [] for contender in CONTENDERS for column in COLUMNS
    }
    for number in range(rounds):
        form, small = (*FORMS, "seq2seq")[number % (len(FORMS) + 1)], number // (len(FORMS) + 1) % 2 == 1
        for kind, results, expected, compare in _runs(rng, form, small):
            for tree, engine, ours in results:
                row = rows.setdefault((kind, form, tree, engine), Row(kind, form, tree, engine))
                row.add(ours, _given(ours, expected), small)
                if compare is not None and tree == "numpy":
                    row.worst_complex = max(row.worst_complex or 0.0, compare(ours))
        if form not in ("seq2seq", "cell") and not small:
            for kind in KINDS:
                _float32(draw_case(rng, kind, _form_of(kind, form), small), figures)
        tick(number + 1)
    ordered = sorted(rows.values(), key=lambda row: (row.kind, (*FORMS, "seq2seq").index(row.form)))
    return Report(rounds, seed, ordered, figures)


def _given(ours: Result, expected: Result) -> Result:
    """The expected values without the gradient of a state that was not given."""
    return {name: v for name, v in expected.items() if name in ours or name not in ("d_h0", "d_c0")}


def _form_of(kind: str, form: str) -> str:
    """Only an LSTM has a projection."""
    return "padded" if form == "projected" and kind != "lstm" else form


_Runs = Iterator[tuple[str, list[tuple[str, str, Result]], Result, Callable[[Result], float] | None]]


def _runs(rng: np.random.Generator, form: str, small: bool) -> _Runs:
    """For each kind: its results by contender, the oracle's, and the check by complex steps."""
    if form == "seq2seq":
        for cell in ("rnn", "lstm", "gru"):
            model = seq2seq.draw_case(rng, cell, small)
            batch = seq2seq.make_batch(model)
            by_tree = {
                tree: seq2seq.run(tree, seq2seq.make_model(tree, model), batch, model.options)
                for tree in ("numpy", "torch", "reference")
            }
            results = [("numpy", "fused", by_tree["numpy"]), ("torch", "steps", by_tree["torch"])]
            yield "rnn_tanh" if cell == "rnn" else cell, results, by_tree["reference"], None
        return
    for kind in KINDS:
        if form == "projected" and kind != "lstm":
            continue
        case = draw_case(rng, kind, form, small)
        if form == "cell":
            results = [(tree, "steps", comparison.run_cell(tree, case)) for tree in ("numpy", "torch")]
            yield kind, results, comparison.oracle_of_cell(case), None
            continue
        results = [(tree, engine, comparison.run(tree, engine, case)) for tree, engine in CONTENDERS]
        smooth = kind != "rnn_relu" and form != "dropout"
        check = (lambda ours, case=case: worst_error(case, ours)) if smooth else None
        yield kind, results, comparison.oracle(case), check


def _float32(case: Case, figures: dict[tuple[str, str, str], list[float]]) -> None:
    """Add one case's float32 errors, divided by torch.nn's own."""
    case = replace(case, dtype="float32", scale=case.hidden**-0.5)
    if case.kind == "rnn_relu" and _near_kink(case):
        return
    exact, theirs = comparison.oracle(case), comparison.oracle(case, "float32")
    own = {name: relative_error(theirs[name], exact[name]) for name in exact}
    for tree, engine in CONTENDERS:
        ours = comparison.run(tree, engine, case)
        for name in ours:
            if own[name] > 0:
                ratio = relative_error(ours[name], exact[name]) / own[name]
                figures[tree, engine, column_of(name)].append(ratio)


def _near_kink(case: Case) -> bool:
    """Whether any pre-activation of any layer and step is within KINK of zero, relative to the largest one."""
    layer = numpy_layer(replace(case, dtype="float64"))
    layer.dropout = 0.0
    data = comparison.make_data(case)
    x = case.pack(data.xs[0].astype(np.float64), comparison.numpy_bptt)
    _, _, tape = layer.forward(x)
    smallest, largest = np.inf, 0.0
    for each in tape.stack.layers:
        for cache in each.caches:
            a = _pre_activation(cache, each.params)
            smallest, largest = min(smallest, np.abs(a).min()), max(largest, np.abs(a).max())
    return bool(smallest < KINK * largest)


def _pre_activation(cache: Any, p: Any) -> ndarray:
    """Equation (1) of numpy_bptt/rnn.py."""
    return linear(cache.x, p.weight_ih, p.bias_ih) + linear(cache.h, p.weight_hh, p.bias_hh)
