"""Pictures and tables: every lab has both, on one implementation and on three."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from rich.console import Console
from typer.testing import CliRunner

from scratch_rnn import fonts
from scratch_rnn.cli.app import app, make
from scratch_rnn.labs import LABS, Report, Training, run_lab
from scratch_rnn.labs.harness import show
from scratch_rnn.labs.harness.checkpoint import read_checkpoint
from scratch_rnn.labs.inputs.files import DATA
from tests.labs.running import IMPLS

SHORT: dict[str, Any] = {"charlm": {"test_file": str(DATA / "this.txt")}}


def report(name: str, *impls: str, **settings: Any) -> Report:
    steps = {"steps": 2} if issubclass(LABS[name].options, Training) else {}
    return run_lab(make(name, {**steps, **SHORT.get(name, {}), **settings}), impls, lambda impl, done: False)


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that `plot` draws."""
    drawn: list[Figure] = []

    def figure(**options: Any) -> Figure:
        drawn.append(Figure(**options))
        return drawn[-1]

    monkeypatch.setattr(show, "Figure", figure)
    return drawn


def check_axes(figure: Figure) -> None:
    """Every axes with numbers on it has names of its axes, and its legend covers no point."""
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert axes.get_ylabel() or not axes.axison or axes.get_title().startswith("basics")
        key = axes.get_legend()
        for line in axes.get_lines() if key else []:
            places = line.get_transform().transform(np.asarray(line.get_xydata(), dtype=float))
            assert key is not None
            assert not any(key.get_window_extent().contains(x, y) for x, y in places), line.get_label()


@pytest.mark.parametrize("name", LABS)
def test_a_picture_and_a_table(name: str, tmp_path: Path, figures: list[Figure]) -> None:
    made = report(name, *IMPLS)
    path = tmp_path / "picture.png"
    assert show.plot(made, path) is None
    check_axes(figures[0])
    assert path.read_bytes().startswith(b"\x89PNG")
    written = io.StringIO()
    Console(width=80, file=written).print(show.table([made]))
    text = written.getvalue()
    assert "…" not in text, "the table fits into 80 columns"
    assert all(word in text for word in (name, *IMPLS))
    lines = show.results(made)
    assert len(lines) == 1
    assert lines[0].startswith(f"{name}: ")


def picture(name: str, **settings: Any) -> Any:
    """The axes of a lab's own picture."""
    made = report(name, "numpy", **settings)
    axes: Any = Figure().subplots()
    made.lab.picture(axes, {"numpy": made.runs[0].result})
    assert name in axes.get_title()
    return axes


def texts(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.texts]


def legend(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_time_series_has_dates_errors_and_the_range_seen_in_training() -> None:
    axes = picture("timeseries")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("date", "close (dollars)")
    naive, truth, ours, seen = legend(axes)
    assert naive.startswith("tomorrow = today: RMSE ")
    assert ours.startswith("numpy: RMSE ")
    assert (truth, seen) == ("truth", "range seen in training")
    lines = axes.get_lines()
    assert lines[0].get_linewidth() > 2 * lines[2].get_linewidth()
    assert str(lines[0].get_xdata()[-1]) == "2013-03-01"


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        ({"target": "volume"}, "volume (the file's unit)"),
        (
            {"csv": str(DATA / "sunspots.csv"), "columns": "sunspots", "target": "sunspots"},
            "sunspots (the file's unit)",
        ),
        ({"csv": str(DATA / "goog.csv")}, "close (the file's unit)"),
        ({"target": "open"}, "open (dollars)"),
    ],
)
def test_only_prices_of_the_default_file_are_in_dollars(settings: dict[str, str], label: str) -> None:
    assert picture("timeseries", **settings).get_ylabel() == label


def test_korean_names_are_drawn_as_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    axes = picture("one-to-many", language="ko")
    assert any("\uac00" <= letter <= "\ud7a3" for text in texts(axes) for letter in text)
    monkeypatch.setattr(fonts, "fallback", lambda: None)
    missing = show.plot(report("one-to-many", "numpy", language="ko"), tmp_path / "t.png")
    assert missing is not None
    assert missing.startswith("no installed font has ")


def test_mistakes_come_first_with_their_true_names() -> None:
    axes = picture("one-to-many")
    assert texts(axes)[1].startswith("is ")
    assert axes.get_aspect() == 1


def test_characters_over_the_steps() -> None:
    axes = picture("hihello")
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["0", "1", "2", "target"]
    assert texts(axes)[-6:] == list("ihello")


def test_basics_shows_which_outputs_move() -> None:
    axes = picture("basics")
    moved = [("\n" in text, text) for text in texts(axes) if len(text) == 1 or "\n" in text]
    assert len(moved) == 30
    assert [each for each, _ in moved[5:15]] == [False] * 10
    assert any(each for each, _ in moved[20:])


def test_many_to_one_has_a_curve_on_unseen_lines() -> None:
    epoch: Any = {"epochs": 1, "steps": None, "batch_size": 300}
    axes = picture("many-to-one", **epoch)
    assert legend(axes)[0] == "unseen lines"
    assert axes.get_xlim()[0] == 0
    assert all(float(tick).is_integer() for tick in axes.get_xticks())
    assert [line.split(":")[0] for line in legend(axes)[1:]] == ["bag of letters", "most frequent label"]
    assert list(axes.get_lines()[0].get_ydata())[-1] == pytest.approx(
        report("many-to-one", "numpy", **epoch).runs[0].result["accuracy"]
    )


def curves(made: Report) -> Any:
    figure = Figure()
    show._curves(figure, made)
    return figure.axes


def test_one_curve_and_the_differences() -> None:
    loss, difference = curves(report("longseq", *IMPLS))
    assert legend(loss) == ["numpy, torch, reference", "best possible: 0.2285"]
    assert legend(difference) == ["torch – numpy", "reference – numpy", "limit"]
    assert (loss.get_ylabel(), difference.get_yscale()) == ("loss (nats per character)", "log")


def test_differences_in_float32_have_no_limit() -> None:
    _, difference = curves(report("longseq", *IMPLS, dtype="float32"))
    assert legend(difference) == ["torch – numpy", "reference – numpy"]
    assert len(difference.get_lines()) == 2


def test_no_legend_covers_differences_that_grow(tmp_path: Path, figures: list[Figure]) -> None:
    made = report("longseq", *IMPLS, steps=40)
    for step, loss in enumerate(made.runs[1].losses):
        made.runs[1].losses[step] = loss * (1 + 10 ** (-16 + step / 5))
    show.plot(made, tmp_path / "t.png")
    check_axes(figures[0])


def test_charlm_has_an_axis_in_bits() -> None:
    (loss,) = curves(report("charlm", "numpy"))
    assert loss.get_ylabel() == "loss (nats per character)"
    (bits,) = loss.child_axes
    loss.figure.draw_without_rendering()
    assert bits.get_ylabel() == "bits per character"
    assert bits.get_ylim() == pytest.approx([each / np.log(2) for each in loss.get_ylim()])


def test_a_loaded_run_says_from_where_its_text_is_shown(tmp_path: Path) -> None:
    path, words = tmp_path / "run.npz", ["lab", "hihello", "--impl", "numpy", "--quiet"]
    done = CliRunner().invoke(app, [*words, "--steps", "4", "--save", str(path)], catch_exceptions=False)
    assert done.exit_code == 0
    lab = make("hihello", {"steps": 7})
    made = run_lab(lab, ["numpy"], lambda impl, done: False, load_from=read_checkpoint(path, "hihello"))
    axes: Any = Figure().subplots()
    lab.picture(axes, {"numpy": made.runs[0].result})
    assert [label.get_text() for label in axes.get_yticklabels()] == ["5", "7", "target"]
    assert "a loaded run: shown from update 5 on" in axes.get_title()


def test_curves_that_differ_are_drawn_apart() -> None:
    made = report("longseq", "numpy", "torch")
    made.runs[1].losses[-1] *= 2
    loss, difference = curves(made)
    assert legend(loss)[:2] == ["numpy", "torch"]
    assert np.nanmax(difference.get_lines()[0].get_ydata()) == pytest.approx(0.5)


def test_the_curve_with_a_head_ends_below_the_floor() -> None:
    made = report("charseq", "numpy", steps=60)
    (loss,) = curves(made)
    assert legend(loss)[:2] == ["numpy", "with --head"]
    floor = made.runs[0].result["loss_floor"]
    plain, head = (line.get_ydata() for line in loss.get_lines()[:2])
    assert head[-1] < floor < plain[-1]


def test_noisy_losses_have_a_running_mean() -> None:
    (loss,) = curves(report("seq2seq", "numpy", steps=100))
    assert "mean of 10 steps" in loss.get_title()
    assert loss.get_ylabel() == "loss (nats per sentence)"


def test_results_that_differ_get_a_line_each() -> None:
    made = report("hihello", "numpy", "torch")
    made.runs[1].result["prediction"] = "other"
    assert [line[:15] for line in show.results(made)] == ["hihello, numpy:", "hihello, torch:"]


def test_divergence_is_warned_of() -> None:
    words = ["lab", "charseq", "--impl", "numpy", "--quiet", "--head", "--steps", "40"]
    done = CliRunner().invoke(app, [*words, "--optimizer", "sgd", "--lr", "60"])
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("warning: charseq: numpy: training diverges: the loss rises from ")
    assert done.stderr.endswith("; try a smaller --lr, or --clip\n")
    assert CliRunner().invoke(app, words).stderr == ""
