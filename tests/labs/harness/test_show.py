"""Pictures and tables: every lab has both, on one implementation and on three."""

import io
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from rich.console import Console
from typer.testing import CliRunner

from scratch_rnn.cli.app import app, make
from scratch_rnn.labs import LABS, Report, Training, run_lab
from scratch_rnn.labs.harness import show
from scratch_rnn.labs.inputs.files import DATA
from tests.labs.running import IMPLS

SHORT: dict[str, Any] = {"charlm": {"test_file": str(DATA / "this.txt")}}


def report(name: str, *impls: str, **settings: Any) -> Report:
    steps = {"steps": 2} if issubclass(LABS[name].options, Training) else {}
    return run_lab(make(name, {**steps, **SHORT.get(name, {}), **settings}), impls, lambda impl, done: False)


@pytest.mark.parametrize("name", LABS)
def test_a_picture_and_a_table(name: str, tmp_path: Path) -> None:
    made = report(name, *IMPLS)
    path = tmp_path / "picture.png"
    assert show.can_plot(made.lab) == (name != "basics")
    if show.can_plot(made.lab):
        show.plot(made, path)
        assert path.read_bytes().startswith(b"\x89PNG")
    written = io.StringIO()
    Console(width=80, file=written).print(show.table([made]))
    text = written.getvalue()
    assert "…" not in text, "the table fits into 80 columns"
    assert all(word in text for word in (name, *IMPLS))
    lines = show.results(made)
    assert len(lines) == 1
    assert lines[0].startswith(f"{name}: ")


@pytest.mark.parametrize(("name", "settings"), [("one-to-many", {"language": "ko"}), ("timeseries", {})])
def test_pictures_have_titles_axes_and_glyphs(name: str, settings: dict[str, Any]) -> None:
    """A missing glyph would be a warning, which is an error in tests."""
    made = report(name, "numpy", **settings)
    figure = Figure()
    axes: Any = figure.subplots()
    made.lab.picture(axes, {"numpy": made.runs[0].result})
    assert name in axes.get_title()
    figure.savefig("/dev/null", format="png")
    if name == "timeseries":
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        assert labels == ["truth", "tomorrow = today", "numpy"]


def test_curves_and_levels() -> None:
    made = report("longseq", *IMPLS)
    axes: Any = Figure().subplots()
    show._curves(axes, made)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == [*IMPLS, "best possible: 0.2285"]
    assert len({line.get_linestyle() for line in axes.get_lines()[:3]}) == 3


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
