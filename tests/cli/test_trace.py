"""`python -m scratch_rnn trace LAB`: what it prints and writes, and what it refuses."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from scratch_rnn import fonts
from scratch_rnn.cli import trace as trace_file
from scratch_rnn.cli.app import app
from scratch_rnn.labs import LABS
from scratch_rnn.trace import Trace
from tests.labs.running import lab, refused

TRACED = ("hihello", "charseq", "longseq", "charlm", "timeseries", "many-to-one", "memory")


def test_an_interrupt_ends_it_after_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def interrupted_at_2(*_: object) -> Iterator[tuple[Any, None]]:
        yield (lambda _, steps: steps == 2), None

    monkeypatch.setattr(trace_file, "progress", interrupted_at_2)
    done = CliRunner().invoke(app, ["trace", "hihello", "--updates", "5"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "error: hihello: interrupted after step 2 of 6\n"


@pytest.mark.parametrize("words", [("trace", "--updates", "0"), ("lab", "--steps", "1", "--impl", "numpy")])
def test_characters_without_a_font_are_named(
    words: Sequence[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fonts, "fallback", lambda: None)
    command, *own = words
    done = CliRunner().invoke(
        app,
        [command, "charseq", *own, "--text", "가나다", "--quiet", "--plot", str(tmp_path / "t.png")],
    )
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: no installed font has ")
    assert "나" in done.stderr


def trace(*words: object) -> str:
    done = CliRunner().invoke(app, ["trace", *map(str, words)], catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def write(folder: Path, *words: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """What --json and --npz write."""
    files = folder / "t.json", folder / "t.npz"
    assert trace(*words, "--quiet", "--json", files[0], "--npz", files[1]) == ""
    with np.load(files[1]) as arrays:
        return json.loads(files[0].read_text(encoding="utf-8")), dict(arrays)


def test_the_traced_steps_are_the_labs_own(tmp_path: Path) -> None:
    options = ("charseq", "--cell", "lstm", "--head", "--hidden", 4, "--text", "a cat\n")
    report, arrays = write(tmp_path, *options, "--updates", "3,0", "--seed", 2)
    losses = lab(*options, "--steps", 4, "--seed", 2, "--impl", "numpy")["runs"][0]["losses"]
    assert (report["lab"], report["settings"]["seed"]) == ("charseq", 2)
    assert [each["updates"] for each in report["traces"]] == [0, 3]
    assert [each["loss"] for each in report["traces"]] == pytest.approx([losses[0], losses[3]], rel=1e-12)
    for each in report["traces"]:
        assert each["inputs"] == list("a cat")
        for name, values in each["values"].items():
            np.testing.assert_array_equal(arrays[f"{each['updates']}/{name}_l0"][:, 0], values)
        assert {"f", "d_f", "h_next"} <= each["values"].keys()


def test_another_layer_and_sequence(tmp_path: Path) -> None:
    report, arrays = write(tmp_path, "longseq", "--layer", 1, "--sequence", 2, "--updates", 1)
    (only,) = report["traces"]
    assert only["inputs"] == list(" you want ")
    np.testing.assert_array_equal(arrays["1/h_next_l1"][:, 2], only["values"]["h_next"])
    np.testing.assert_array_equal(arrays["1/h_next_l0"][:, 2], only["values"]["x"])


def test_inputs_of_other_kinds(tmp_path: Path) -> None:
    words, _ = write(tmp_path, "many-to-one", "--sequence", 3, "--updates", 0)
    assert words["traces"][0]["inputs"][-1] == "<EOS>"
    numbers, _ = write(tmp_path, "timeseries", "--updates", 0)
    assert numbers["traces"][0]["inputs"] is None


def test_the_table(tmp_path: Path) -> None:
    said = trace("hihello", "--updates", "0,1", "--unit", 2, "--plot", tmp_path / "t.png").splitlines()
    assert said[0].startswith("hihello, rnn, after 0 updates: loss 1.")
    assert said[0].endswith(" nats; layer 0, sequence 0, unit 2")
    assert [line.split() for line in said if "input" in line] == [
        ["t", "input", "h_next"],
        ["t", "input", "d_h_next"],
    ] * 2
    report, _ = write(tmp_path, "hihello", "--updates", 0)
    rows = [line.split() for line in said if len(line.split()) == 3 and line.split()[0].isdigit()]
    values = report["traces"][0]["values"]
    assert rows[:6] == [[str(t), c, f"{values['h_next'][t][2]:.3f}"] for t, c in enumerate("hihell")]
    assert rows[6:12] == [[str(t), c, f"{values['d_h_next'][t][2]:.1e}"] for t, c in enumerate("hihell")]
    assert imread(tmp_path / "t.png").ndim == 3


@pytest.mark.parametrize("name", LABS)
def test_every_lab_is_traced_or_says_that_it_is_not(name: str) -> None:
    if name in TRACED:
        assert f"{name}, " in trace(name, "--updates", 0)
    else:
        said = refused("trace", name)
        assert said == f"trace: expected a lab that trains one recurrent layer, got {name}, which does not"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--updates", "1,x"), "--updates: expected whole numbers from 0 on, separated by commas, got '1,x'"),
        (("--updates", "-1"), "--updates: expected whole numbers from 0 on, separated by commas, got '-1'"),
        (("--layer", 1), "--layer: expected a number from 0 to 0, got 1"),
        (("--sequence", -1), "--sequence: expected a number from 0 to 0, got -1"),
        (("--unit", 5), "--unit: expected a number from 0 to 4, got 5"),
        (("--json", "a", "--npz", "a"), "--json: expected another file than --npz, got a"),
        (("--plot", "t.gif"), "--plot: expected a name that ends in .png, .svg, .pdf, got t.gif"),
        (("--lr", 0), "hihello: expected --lr above 0, got 0.0"),
    ],
)
def test_mistakes(words: tuple[object, ...], message: str) -> None:
    assert refused("trace", "hihello", *words) == message


def test_a_loss_that_is_no_number() -> None:
    options = ("--head", "--cell", "rnn", "--optimizer", "sgd", "--lr", 1e308, "--updates", 9)
    said = refused("trace", "hihello", *options, "--quiet", status=1)
    assert said.startswith("hihello: the loss is inf at step ")


def test_options_that_a_trace_does_not_take_are_not_there() -> None:
    for words in (("hihello", "--steps", "3"), ("charlm", "--sample", "3"), ("hihello", "--save", "x.npz")):
        done = CliRunner().invoke(app, ["trace", *words], catch_exceptions=False)
        assert done.exit_code == 2
        assert f"No such option: {words[1]}" in done.stderr


def test_a_model_that_does_not_fit_is_refused() -> None:
    error = refused("trace", "hihello", "--head", "--hidden", 10**30)
    assert error.startswith("hihello: expected a model that fits into ")


def test_values_that_are_not_finite_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They can be infinite where the loss is still finite."""
    monkeypatch.setattr(Trace, "sequence", lambda trace, n: {"d_c": np.array([[1.0], [np.inf]])})
    error = refused("trace", "hihello", "--json", tmp_path / "out.json", "--quiet", status=1)
    assert error == "hihello: the recorded values have NaN or infinity after 15 updates; try a smaller --lr"
    assert list(tmp_path.iterdir()) == []


def test_values_of_the_batch_that_are_infinite_are_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--npz has more than the chosen sequence."""
    infinite = np.array([[[np.nan]], [[np.inf]]])
    monkeypatch.setattr(Trace, "arrays", lambda trace: {"d_weight_hh_l1": infinite})
    error = refused("trace", "hihello", "--npz", tmp_path / "out.npz", "--quiet", status=1)
    assert error == "hihello: the recorded values have NaN or infinity after 15 updates; try a smaller --lr"
    assert list(tmp_path.iterdir()) == []
    trace("hihello", "--json", tmp_path / "out.json", "--quiet")
