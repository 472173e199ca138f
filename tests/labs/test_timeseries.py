"""Lab timeseries: windows, scales, both errors in the target's own unit, files of the user."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from scratch_rnn.cli.app import app, make
from scratch_rnn.labs.inputs.files import DATA
from scratch_rnn.labs.inputs.series import read_series
from tests.labs.running import assert_one_curve, lab, run

SUNSPOTS = {"csv": str(DATA / "sunspots.csv"), "columns": "sunspots", "target": "sunspots"}
ROWS = 40


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A header in another order, a date, a comment, an empty line."""
    rng = np.random.default_rng(0)
    path = tmp_path / "table.csv"
    lines = ["# a comment", "Date,Close, VOLUME ,Open"]
    lines += [f"2024-01-{n},{n + rng.random():.3f},{1000 - n},{n / 7:.3f}" for n in range(ROWS)]
    lines.insert(9, "")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_google() -> None:
    done = run("timeseries", steps=60)
    assert done.result["naive_rmse"] == pytest.approx(9.76, abs=0.005)
    assert done.parameters == 4 * 10 * (5 + 10 + 2) + 10 + 1
    assert len(done.result["prediction"]) == 645
    assert make("timeseries", {}).steps == 500


def test_google_by_change() -> None:
    """With the change as target the error equals that of 'tomorrow = today'."""
    result = run("timeseries", predict="change", steps=300).result
    assert result["rmse"] == pytest.approx(9.76, abs=0.15)


def test_sunspots() -> None:
    """A series with signal: much better than 'tomorrow = today'."""
    result = run("timeseries", **SUNSPOTS, hidden=16, window=11).result
    assert result["naive_rmse"] == pytest.approx(30.3, abs=0.05)
    assert 16 < result["rmse"] < 21
    assert len(result["prediction"]) == 93


@pytest.mark.parametrize("predict", ["value", "change"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_one_curve(table: Path, predict: str, cell: str) -> None:
    options = ("--csv", table, "--columns", "open,close", "--predict", predict, "--cell", cell, "--window", 3)
    report = lab("timeseries", *options, "--batch-size", 10, "--epochs", 15)
    assert_one_curve(report)
    assert len(report["runs"][0]["losses"]) == 15 * 3  # 28 training rows, 25 windows
    errors = [each["result"]["rmse"] for each in report["runs"]]
    assert errors == pytest.approx([errors[0]] * 3)


def test_the_order_of_rows(table: Path, tmp_path: Path) -> None:
    lines = table.read_text(encoding="utf-8").splitlines()
    turned = tmp_path / "turned.csv"
    turned.write_text("\r\n".join(lines[:2] + lines[:1:-1]), encoding="utf-8-sig")
    options: dict[str, Any] = {"columns": "close,open", "window": 3}
    one: Any = make("timeseries", {**options, "csv": str(table)})
    other: Any = make("timeseries", {**options, "csv": str(turned), "order": "newest-first"})
    assert np.array_equal(one.x, other.x)
    assert np.array_equal(one.truth, other.truth)
    assert one.truth[0] < one.truth[-1]


def windows(table: Path, **options: Any) -> Any:
    return make("timeseries", {"csv": str(table), "columns": "close,volume", "window": 3, **options})


def test_windows_and_their_targets(table: Path) -> None:
    rows = read_series(table, ["close", "volume"]).values
    chosen = windows(table)
    least, most = rows[:28].min(axis=0), rows[:28].max(axis=0)
    scaled = (rows - least) / (most - least)
    assert chosen.x.shape == (25, 3, 2)
    assert chosen.test_x.shape == (12, 3, 2)
    np.testing.assert_allclose(chosen.x[4], scaled[4:7])
    np.testing.assert_allclose(chosen.y[4], scaled[7, :1])
    np.testing.assert_allclose(chosen.test_x[0], scaled[25:28], err_msg="the unseen part's first context")
    assert np.array_equal(chosen.truth, rows[28:, 0])
    assert np.array_equal(chosen.today, rows[27:-1, 0])
    change = windows(table, predict="change")
    np.testing.assert_allclose(change.y[4], scaled[7, :1] - scaled[6, :1])
    assert chosen.x.min() == 0 <= chosen.x.max() <= 1 < chosen.test_x.max()


class Oracle:
    """A trainer that knows the answer, scaled."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, x: Any) -> tuple[Any, None]:
        return self.answer[:, None], None


@pytest.mark.parametrize("scale", ["train", "own"])
def test_errors_are_in_the_targets_own_unit(table: Path, scale: str) -> None:
    chosen = windows(table, scale=scale)
    low, extent = chosen.test_scale.least[0], chosen.test_scale.range[0]
    perfect = (chosen.truth - low) / extent
    assert chosen.result(Oracle(perfect))["rmse"] == pytest.approx(0, abs=1e-12)
    assert chosen.result(Oracle(perfect + 2 / extent))["rmse"] == pytest.approx(2)
    change = windows(table, scale=scale, predict="change")
    assert change.result(Oracle(np.zeros(12)))["rmse"] == pytest.approx(
        change.result(Oracle(np.zeros(12)))["naive_rmse"]
    )
    assert change.result(Oracle((chosen.truth - chosen.today) / extent))["rmse"] == pytest.approx(
        0, abs=1e-12
    )


def test_the_courses_scale_warns_of_the_leak(table: Path) -> None:
    own = windows(table, scale="own")
    assert own.test_x.max() == 1
    assert own.test_x.min() == 0
    words = [
        "lab",
        "timeseries",
        "--csv",
        str(table),
        "--columns",
        "close",
        "--steps",
        "1",
        "--impl",
        "numpy",
    ]
    done = CliRunner().invoke(app, [*words, "--scale", "own", "--quiet"])
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("warning: timeseries: --scale own")
    assert CliRunner().invoke(app, [*words, "--quiet"]).stderr == ""


@pytest.mark.parametrize("predict", ["value", "change"])
def test_a_forecast_reads_its_own_predictions(table: Path, predict: str) -> None:
    chosen = windows(table, predict=predict, forecast=5)
    low, extent = chosen.scale.least[0], chosen.scale.range[0]
    seen: list[Any] = []

    class Adder:
        """Predicts that the target rises by 3."""

        def predict(self, x: Any) -> tuple[Any, None]:
            seen.append(x)
            return 3 / extent + (x[:, -1, :1] if predict == "value" else 0 * x[:, -1, :1]), None

    result = chosen.result(Adder())
    last = read_series(table, ["close", "volume"]).values[-1]
    assert result["forecast"] == pytest.approx([last[0] + 3 * n for n in range(1, 6)])
    for before, after in zip(seen[-5:], seen[-4:], strict=False):
        assert np.array_equal(after[0, :-1], before[0, 1:]), "the window moves on"
    assert [x[0, -1, 0] for x in seen[-5:]] == pytest.approx(
        [(last[0] + 3 * n - low) / extent for n in range(5)]
    )
    assert len({x[0, -1, 1] for x in seen[-5:]}) == 1, "the other column keeps its last value"
    told = chosen.summary(result).splitlines()[1]
    assert told.startswith(
        "  forecast of the next 5 rows, each from the predictions before it; the other columns"
    )


def test_a_loaded_run_may_forecast(table: Path, tmp_path: Path) -> None:
    options = ("--csv", table, "--columns", "close", "--window", 3, "--steps", 4, "--impl", "numpy")
    saved = tmp_path / "m.npz"
    assert "forecast" not in lab("timeseries", *options, "--save", saved)["runs"][0]["result"]
    report = lab("timeseries", "--load", saved, "--impl", "numpy", "--forecast", 2)
    assert len(report["runs"][0]["result"]["forecast"]) == 2
    whole = lab("timeseries", *options[:-2], "--forecast", 3)
    forecasts = [each["result"]["forecast"] for each in whole["runs"]]
    for each in forecasts:
        assert each == pytest.approx(forecasts[0], rel=1e-9)
    assert report["runs"][0]["result"]["forecast"] == forecasts[0][:2]


def test_dates_of_the_unseen_rows() -> None:
    result = run("timeseries", steps=1).result
    assert (result["dates"][0], result["dates"][-1]) == ("2010-08-09T00:00:00", "2013-03-01T00:00:00")
    assert len(result["dates"]) == len(result["prediction"])
    summary = make("timeseries", {}).summary(result)
    assert summary.startswith("close, 645 unseen rows from 2010-08-09 to 2013-03-01: RMSE")


def test_files_of_a_user(tmp_path: Path) -> None:
    """A semicolon, decimal commas, missing numbers, newest day first."""
    path = tmp_path / "kurs.csv"
    days = [f"{n:02}.03.2024;{'' if n == 20 else f'{n},5'};{n * n}" for n in range(31, 0, -1)]
    path.write_text("\n".join(["Datum;Kurs;Menge", *days]), encoding="utf-8-sig")
    options = ["--csv", str(path), "--columns", "kurs,menge", "--target", "kurs", "--window", "2"]
    options += ["--order", "newest-first", "--missing", "previous", "--steps", "2", "--impl", "numpy"]
    done = CliRunner().invoke(app, ["lab", "timeseries", *options])
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith(
        f"warning: timeseries: 1 missing numbers of {path} are those of the row before"
    )
    assert "kurs, 10 unseen rows from 2024-03-22 to 2024-03-31: RMSE" in done.stdout
