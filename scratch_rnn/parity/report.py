"""How equal "equal" is: random cases on every contender, and the worst differences found.

    H >= 8, H < 8   float64: the error of a tensor is max|ours - torch.nn| / max|torch.nn|
    complex step    float64: the error of a directional derivative, without torch.nn (complex_step.py)
    float32         the error against torch.nn in float64, divided by torch.nn's own float32 error

A float32 figure is left out where torch.nn's own error is 0. So is a ReLU case in which a pre-activation is
nearer to zero than KINK times the largest one: there the derivative jumps from 0 to 1, and two correct
programs that round differently have different gradients.

The figures of one case rise and fall together, so those of n cases count as n: as a share of the figures, a
quantile q then has a standard deviation of √(q (1-q) / n). The float32 bounds are for all cases that can be
drawn. One is broken where the figure 3 standard deviations below the quantile found is above it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy import ndarray

from scratch_rnn.numpy_bptt.ops import linear
from scratch_rnn.parity import contenders, seq2seq
from scratch_rnn.parity.cases import FORMS, KINDS, Case, draw_case, make_data
from scratch_rnn.parity.contenders import CONTENDERS, Result

ALL_FORMS = (*FORMS, "seq2seq")
BOUNDS = {"H >= 8": 1e-12, "H < 8": 1e-10, "complex step": 1e-12}
"""Of float64 errors. In small sizes cancellation weighs more."""
MEDIAN_BOUND, P90_BOUND = 1.1, 2.0  # of float32, in every column
LEAST_CASES = 9  # with fewer, 3 standard deviations below the median is below all figures
KINK = 5e-6  # 9 times the worst float32 error of a pre-activation in 2,900 random cases

OUTPUTS = {"output": "output", "loss": "output", "h_n": "state", "c_n": "state"}
COLUMNS = OUTPUTS | {"d_x": "d_x", "d_h": "d_state", "d_c": "d_state", "others": "d_parameters"}
"""Quantity -> its column in the tables. Gradients of parameters are the others."""
Figure = tuple[Case, float]


def quantity(name: str) -> str:
    """Without the number of a call or layer and the direction: d_bias_hh for d_bias_hh_l0_reverse."""
    return re.sub(r"(_l\d+(_reverse)?|(?<=output)\d+|(?<=d_[xhc])\d+)$", "", name)


def relative_error(ours: ndarray, oracle: ndarray) -> float:
    """max|ours - oracle| / max|oracle|; infinite where the shapes differ or a value is not finite.

    Entries below the normal range in both arrays count as equal: there a float has fewer digits.
    """
    if ours.shape != oracle.shape or not (np.isfinite(ours).all() and np.isfinite(oracle).all()):
        return float("inf")
    normal = np.maximum(np.abs(ours), np.abs(oracle)) >= np.finfo(ours.dtype).tiny
    error = float(np.abs(ours.astype(np.float64) - oracle)[normal].max(initial=0.0))
    largest = float(np.abs(oracle).max(initial=0.0))
    return error / largest if largest else float("inf") if error else 0.0


def errors_of(ours: Result, expected: Result) -> dict[str, float]:
    """`relative_error` by name; infinite for a missing or an additional name."""
    both, either = ours.keys() & expected.keys(), ours.keys() | expected.keys()
    return {n: relative_error(ours[n], expected[n]) if n in both else float("inf") for n in sorted(either)}


@dataclass
class Row:
    """One kind and form on one contender: the worst errors, {name in BOUNDS: {quantity: error}}."""

    kind: str
    form: str
    contender: str
    cases: int = 0
    worst: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, which: str, errors: Mapping[str, float]) -> None:
        """The errors of one more case, by name."""
        worst = self.worst.setdefault(which, {})
        for name, error in errors.items():
            worst[quantity(name)] = max(worst.get(quantity(name), 0.0), error)


@dataclass
class Ratios:
    """One contender and column: its float32 errors divided by torch.nn's own."""

    contender: str
    column: str
    cases: int
    figures: int
    median: float
    p90: float
    worst: float
    median_low: float  # 3 standard deviations below the median
    p90_low: float

    @classmethod
    def of(cls, contender: str, column: str, found: Sequence[Figure]) -> "Ratios":
        """From the figures, each with its case."""
        n, ratios = len({case for case, _ in found}), [ratio for _, ratio in found]
        low = [max(0.0, q - 3 * (q * (1 - q) / n) ** 0.5) for q in (0.5, 0.9)]
        return cls(contender, column, n, len(ratios), *map(float, np.quantile(ratios, [0.5, 0.9, 1, *low])))


@dataclass
class Report:
    """The result of `measure`. `asdict` of it is what --json writes."""

    rounds: int
    seed: int
    float64: list[Row]
    float32: list[Ratios]

    @property
    def broken(self) -> list[str]:
        """What is above its bound: the name, the figure, the bound."""
        found = [
            (f"{row.kind} {row.form} {row.contender} float64 {name}", error, BOUNDS[which])
            for row in self.float64
            for which, errors in row.worst.items()
            for name, error in errors.items()
        ]
        for r in (each for each in self.float32 if each.cases >= LEAST_CASES):
            name = f"{r.contender} {r.column} float32"
            found.append((f"{name} median {r.median:.3g} less chance", r.median_low, MEDIAN_BOUND))
            found.append((f"{name} 90 % {r.p90:.3g} less chance", r.p90_low, P90_BOUND))
        return [f"{who}: {figure:.3g}, bound {bound:g}" for who, figure, bound in found if figure > bound]


def measure(rounds: int, seed: int, tick: Callable[[int], None]) -> Report:
    """Run `rounds` rounds: in each, one random case of every kind, the form changing from round to round.

    Every contender sees the same cases, and the same seed gives the same cases. `tick` gets the number of
    finished rounds. Raises UsageError where reference/ is missing.
    """
    rng = np.random.default_rng(seed)
    rows: dict[tuple[str, str, str], Row] = {}
    figures = {(" ".join(c), column): list[Figure]() for c in CONTENDERS for column in COLUMNS.values()}
    for number in range(rounds):
        turn, place = divmod(number, len(ALL_FORMS))
        form, small = ALL_FORMS[place], turn % 2 == 1
        for kind, case, expected, results in _results(rng, form, small):
            for (tree, engine), ours in results.items():
                key = kind, form, f"{tree} {engine}"
                row = rows.setdefault(key, Row(*key))
                wanted = expected if case is None else contenders.given(tree, case, expected)
                row.cases += 1
                row.add("H < 8" if small else "H >= 8", errors_of(ours, wanted))
                if case is not None and tree == "numpy":
                    row.add("complex step", {"all": contenders.complex_error(case, ours)})
            if case is not None and not small:
                _add_ratios(case, figures)
        tick(number + 1)
    ordered = sorted(rows.values(), key=lambda row: (list(KINDS).index(row.kind), ALL_FORMS.index(row.form)))
    return Report(rounds, seed, ordered, [Ratios.of(*key, found) for key, found in figures.items() if found])


def _results(
    rng: np.random.Generator, form: str, small: bool
) -> Iterator[tuple[str, Case | None, Result, dict[tuple[str, str], Result]]]:
    """(kind, the layer's or cell's case, torch.nn's result, the contenders' results) of a round."""
    if form == "seq2seq":
        for kind, cell in (("rnn_tanh", "rnn"), ("lstm", "lstm"), ("gru", "gru")):
            model = seq2seq.draw_case(rng, cell, small)
            results = {(tree, e): seq2seq.run_case(tree, model, engine=e) for tree, e in CONTENDERS}
            yield kind, None, seq2seq.run_case("reference", model), results
        return
    for kind in KINDS if form != "projected" else ["lstm"]:
        case = draw_case(rng, kind, form, small)
        results = {each: contenders.run(*each, case) for each in contenders.contenders(case)}
        yield kind, case, contenders.oracle(case), results


def _add_ratios(case: Case, figures: Mapping[tuple[str, str], list[Figure]]) -> None:
    """Run a case in float32, and add each error divided by torch.nn's own."""
    case = replace(case, dtype="float32")
    if case.kind == "rnn_relu" and near_kink(case):
        return
    exact, theirs = contenders.oracle(case), contenders.oracle(case, "float32")
    own = {name: relative_error(theirs[name], exact[name]) for name in exact}
    for contender in contenders.contenders(case):
        for name, ours in contenders.run(*contender, case).items():
            if own[name] > 0:
                column = COLUMNS.get(quantity(name), COLUMNS["others"])
                ratio = relative_error(ours, exact[name]) / own[name]
                figures[" ".join(contender), column].append((case, ratio))


def near_kink(case: Case) -> bool:
    """Whether a pre-activation (1) of an RNN's case, in float64, is below KINK times the largest one."""
    data, module = make_data(case), contenders.numpy_layer(case, dtype="float64")
    states = {k: s.astype("float64") for k, s in data.states.items()}
    _, tapes = contenders.forward_numpy(case, module, [x.astype("float64") for x in data.xs], states)
    layers = [layer for tape in tapes for layer in ([] if case.cell else tape.stack.layers)]
    steps = [(cache, layer.params) for layer in layers for cache in layer.caches]
    steps += [(tape.cache, tape.params) for tape in tapes if case.cell]
    a = [linear(c.x, p.weight_ih, p.bias_ih) + linear(c.h, p.weight_hh, p.bias_hh) for c, p in steps]
    sizes = np.abs(np.concatenate([each.ravel() for each in a]))
    return bool(sizes.min() < KINK * sizes.max())
