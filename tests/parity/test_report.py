"""The parity report: it finds an error that is planted in one contender, and says where it is."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jaxtyping
import numpy as np
import pytest
from typer.testing import CliRunner

from scratch_rnn.cli.app import app
from scratch_rnn.cli.parity import draw
from scratch_rnn.numpy_bptt import GRU, LSTM, RNN
from scratch_rnn.parity import contenders, report
from scratch_rnn.parity.cases import FORMS, KINDS, Case, Data, draw_case, make_data
from scratch_rnn.parity.contenders import CONTENDERS

ROUNDS = 2 * len(report.ALL_FORMS)  # every form with large and with small sizes


@pytest.fixture(autouse=True)
def complex_numbers() -> Iterator[None]:
    """The shape annotations refuse complex numbers."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def measure(rounds: int, seed: int = 0) -> report.Report:
    return report.measure(rounds, seed, lambda done: None)


def test_every_kind_form_and_contender_is_within_its_bounds() -> None:
    ticks: list[int] = []
    found = report.measure(ROUNDS, 0, ticks.append)
    assert ticks == list(range(1, ROUNDS + 1))
    assert found.broken == []
    assert {(each.contender, each.column) for each in found.float32 if each.cases >= report.LEAST_CASES} == {
        (f"{tree} {engine}", column) for tree, engine in CONTENDERS for column in report.COLUMNS.values()
    }
    kinds = {form: list(KINDS) for form in FORMS} | {"projected": ["lstm"]}
    kinds["seq2seq"] = ["rnn_tanh", "lstm", "gru"]
    expected = {
        (kind, form, f"{tree} {engine}")
        for form in report.ALL_FORMS
        for kind in kinds[form]
        for tree, engine in CONTENDERS
        if (form, tree, engine) != ("cell", "numpy", "fused")
    }
    assert {(row.kind, row.form, row.contender) for row in found.float64} == expected
    assert {row.cases for row in found.float64} == {2}
    lstm = next(row for row in found.float64 if (row.kind, row.form) == ("lstm", "projected"))
    names = {"output", "h_n", "c_n", "d_x", "d_h", "d_c", "d_weight_ih", "d_weight_hh", "d_weight_hr"}
    assert lstm.worst["H >= 8"].keys() - {"d_bias_ih", "d_bias_hh"} == names
    assert lstm.worst.keys() == report.BOUNDS.keys()


def test_a_seed_gives_one_report() -> None:
    assert measure(3, 1) == measure(3, 1) != measure(3, 2)


def test_all_contenders_get_the_same_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[tuple[str, str], list[Case]] = {each: [] for each in CONTENDERS}
    run = contenders.run

    def recorded(tree: str, engine: str, case: Case) -> Any:
        seen[tree, engine].append(case)
        return run(tree, engine, case)

    monkeypatch.setattr(contenders, "run", recorded)
    measure(len(FORMS))
    layers = [[case for case in cases if not case.cell] for cases in seen.values()]
    assert len(layers[0]) > 30
    assert all(cases == layers[0] for cases in layers)


def plant(monkeypatch: pytest.MonkeyPatch, factor: float, dtype: str, *kinds: Any) -> None:
    """Let these NumPy layers with engine "fused" return a d_x that is a little too large."""
    backward = GRU.backward

    def wrong(self: Any, *arguments: Any) -> Any:
        d_x: Any
        d_x, d_state, grads = backward(self, *arguments)
        if (self.engine, self.dtype) == ("fused", dtype):
            d_x = d_x * factor if isinstance(d_x, np.ndarray) else d_x._replace(data=d_x.data * factor)
        return d_x, d_state, grads

    for kind in kinds:
        monkeypatch.setattr(kind, "backward", wrong)


def test_an_error_of_one_contender_is_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, 1 + 1e-10, "float64", GRU)
    done = CliRunner().invoke(app, ["parity", "--rounds", "2"], catch_exceptions=False)
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    row = next(r for r in measure(2).float64 if (r.kind, r.contender) == ("gru", "numpy fused"))
    by_steps = row.worst["complex step"]["all"]
    assert done.stderr == (
        "error: parity: above the bound: gru padded numpy fused float64 d_x: 1e-10, bound 1e-12; "
        f"gru padded numpy fused float64 all: {by_steps:.3g}, bound 1e-12\n"
    )
    assert row.worst["H >= 8"]["d_x"] == pytest.approx(1e-10, rel=0.01)
    assert max(error for name, error in row.worst["H >= 8"].items() if name != "d_x") < 1e-13
    assert by_steps > 1e-12  # found without torch.nn, too


def test_the_message_has_the_first_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, 1 + 1e-10, "float64", RNN, LSTM, GRU)
    done = CliRunner().invoke(app, ["parity", "--rounds", "2"], catch_exceptions=False)
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.count(", bound ") == 5
    assert done.stderr.endswith(f"; and {2 * len(KINDS) - 5} more\n")


def test_an_error_in_float32_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, 1 + 1e-5, "float32", RNN, LSTM, GRU)
    broken = measure(len(FORMS)).broken
    assert [re.sub(r" \S+ less chance: .*", "", line) for line in broken] == [
        f"numpy fused d_x float32 {quantile}" for quantile in ("median", "90 %")
    ]
    assert all(float(re.search(r": ([\d.]+), bound", line)[1]) > 10 for line in broken)  # type: ignore[index]


@pytest.mark.parametrize(
    ("cases", "each", "share", "value", "broken"),
    [
        (100, 1, 0.66, 1.11, ["median"]),
        (100, 1, 0.64, 1.11, []),  # 64 of 100 may be above the median of all cases
        (10_000, 1, 0.52, 1.11, ["median"]),
        (10_000, 1, 0.51, 1.11, []),
        (25, 4, 0.66, 1.11, []),  # four figures of one case count as one
        (25, 4, 0.84, 1.11, ["median"]),
        (100, 1, 0.2, 2.01, ["90 %"]),
        (100, 1, 0.18, 2.01, []),
        (100, 1, 1.0, 1.1, []),
        (9, 1, 1.0, 1.11, ["median"]),
        (8, 9, 1.0, 2.01, []),
    ],
)
def test_the_bounds_of_float32(cases: int, each: int, share: float, value: float, broken: list[str]) -> None:
    figures = np.where(np.arange(cases * each) < share * cases * each, value, 1.0)
    found = [(Case("gru", seed=number // each), float(figure)) for number, figure in enumerate(figures)]
    ratios = report.Ratios.of("numpy steps", "d_x", found)
    assert (ratios.cases, ratios.figures, ratios.worst) == (cases, cases * each, value)
    lines = report.Report(1, 0, [], [ratios]).broken
    bounds = {"median": 1.1, "90 %": 2}
    figures_of = {"median": ratios.median, "90 %": ratios.p90}
    assert lines == [
        f"numpy steps d_x float32 {name} {figures_of[name]:.3g} less chance: {value}, bound {bounds[name]}"
        for name in broken
    ]


def test_relative_error() -> None:
    a, tiny = np.array([1.0, -4.0]), np.float64(1e-310)
    assert report.relative_error(a, a) == 0
    assert report.relative_error(a + np.array([0, 1e-3]), a) == pytest.approx(2.5e-4)
    assert report.relative_error(np.array([1.0, tiny]), np.array([1.0, 3 * tiny])) == 0
    assert report.relative_error(np.array([tiny]), np.array([1e-300])) == pytest.approx(1)
    assert report.relative_error(np.zeros(2), np.zeros(2)) == 0
    for ours, oracle in ((a[:1], a), (a, 0 * a), (np.array([np.nan, 1]), a), (a, np.array([1, np.inf]))):
        assert report.relative_error(ours, oracle) == np.inf


def test_a_missing_or_additional_name_is_an_infinite_error() -> None:
    one = np.ones(1)
    assert report.errors_of({"h_n": one, "d_x0": one}, {"h_n": one, "c_n": one}) == {
        **{"h_n": 0, "d_x0": np.inf, "c_n": np.inf}
    }


KINKED = Case("rnn_relu", rows=4, inputs=3, hidden=8, seed=7446, dtype="float32", scale=8**-0.5)
"""A unit of this case has a pre-activation of 2e-8 times the largest one."""


def jump(case: Case, monkeypatch: pytest.MonkeyPatch) -> float:
    """How far the exact gradients move where all biases move by 1e-7: a float32's precision."""

    def shifted(case: Case) -> Data:
        data = make_data(case)
        move = {name: 1e-7 * ("bias_ih" in name) for name in data.params}
        params = {name: p.astype("float64") + move[name] for name, p in data.params.items()}
        return data._replace(params=params)

    exact = contenders.oracle(case)
    with monkeypatch.context() as patch:
        patch.setattr(contenders, "make_data", shifted)
        moved = contenders.oracle(case)
    return max(report.errors_of(moved, exact).values())


def test_relu_cases_near_the_kink_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    figures: dict[tuple[str, str], list[report.Figure]] = {}
    assert report.near_kink(KINKED)
    assert jump(KINKED, monkeypatch) > 0.1  # the derivative of one unit goes from 0 to 1
    report._add_ratios(KINKED, figures)
    assert figures == {}
    ordinary = replace(KINKED, seed=0)
    assert not report.near_kink(ordinary)
    assert jump(ordinary, monkeypatch) < 1e-5


def test_large_float32_errors_of_relu_are_all_near_the_kink() -> None:
    """In float32 such a unit falls on either side of zero. Nothing else makes gradients differ that much."""
    rng = np.random.default_rng(0)
    cases = [draw_case(rng, "rnn_relu", form, False) for form in ("padded", "stacked", "cell") * 10]
    for drawn in [KINKED, *cases]:
        case = replace(drawn, dtype="float32", scale=drawn.hidden**-0.5)
        exact = contenders.oracle(case)
        for tree, engine in contenders.contenders(case):
            ours, wanted = contenders.run(tree, engine, case), contenders.given(tree, case, exact)
            worst = max(report.errors_of(ours, wanted).values())
            assert worst < 1e-5 or report.near_kink(case)


def test_what_the_command_writes(tmp_path: Path) -> None:
    words = [
        "parity",
        "--rounds",
        "3",
        "--seed",
        "5",
        "--json",
        "out.json",
        "--plot",
        "out.png",
        "--markdown",
    ]
    words = [str(tmp_path / word) if "out." in word else word for word in words]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (0, ""), "no progress bar in a pipe"
    assert json.loads((tmp_path / "out.json").read_text()) == asdict(measure(3, 5))
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert done.stdout.startswith("| form | cases | numpy steps |")
    shown = CliRunner().invoke(app, words[:5], catch_exceptions=False).stdout
    assert "float64: worst error" in shown
    assert "float32: our error" in shown


def test_a_picture_of_one_round_shows_the_contenders_that_had_a_case(tmp_path: Path) -> None:
    """The first round is of cells, which have no fused engine in NumPy."""
    only, path = measure(1, 0), tmp_path / "out.png"
    assert {row.contender for row in only.float64} == {"numpy steps", "torch steps", "torch fused"}
    draw(only, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_missing_clone_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "find_spec", lambda name: None)
    done = CliRunner().invoke(app, ["parity", "--rounds", "1"], catch_exceptions=False)
    expected = "the folder reference/ of the project's clone beside scratch_rnn"
    assert (done.exit_code, done.stderr) == (2, f"error: parity: expected {expected}, got none\n")


def test_torch_gives_no_warning() -> None:
    """In a new process, because torch gives each of its warnings once."""
    command = [sys.executable, "-W", "error", "-m", "scratch_rnn", "parity", "--rounds", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
