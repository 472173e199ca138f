"""--engine: the labs run the cell files by default, on numpy and torch; the seq2seq decoder always does."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scratch_rnn.cli.app import app, make
from scratch_rnn.labs import LABS, Lab, TrainingLab
from scratch_rnn.labs.inputs.files import DATA
from scratch_rnn.numpy_bptt import gru as numpy_gru
from scratch_rnn.torch_autograd import gru as torch_gru
from scratch_rnn.torch_autograd import layer
from scratch_rnn.torch_autograd import rnn_base as torch_base
from tests.labs.running import lab, refused, run

CELLS: dict[str, Any] = {"numpy": numpy_gru, "torch": torch_gru}
SMALL: dict[str, dict[str, Any]] = {
    name: {"cell": "gru", "steps": 1} for name in LABS if name not in ("basics", "packed")
}
SMALL |= {name: {"cell": "gru"} for name in ("basics", "packed")}
SMALL["charlm"] |= {"hidden": 3, "test_file": str(DATA / "this.txt")}
SMALL["timeseries"] |= {"hidden": 3}
SMALL["many-to-one"] |= {"hidden": 3}
SMALL["one-to-many"] |= {"hidden": 3}


def count_steps(monkeypatch: pytest.MonkeyPatch, impl: str) -> list[str]:
    """One entry per call of the GRU file's `step`."""
    calls: list[str] = []
    step = CELLS[impl].step

    def counting(*arguments: Any) -> Any:
        calls.append(impl)
        return step(*arguments)

    monkeypatch.setattr(CELLS[impl], "step", counting)
    monkeypatch.setitem(torch_base.ENGINES["steps"], "GRU", partial(layer.forward, torch_gru.step))
    return calls


@pytest.mark.parametrize("impl", CELLS)
@pytest.mark.parametrize("name", LABS)
def test_the_cell_files_run_by_default(name: str, impl: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert make(name, {}).settings.engine == "steps"
    calls = count_steps(monkeypatch, impl)
    run(name, impl, **SMALL[name], engine="steps")
    assert calls
    calls.clear()
    run(name, impl, **SMALL[name], engine="fused")
    assert bool(calls) == (name == "seq2seq")


@pytest.mark.parametrize("impl", CELLS)
def test_the_decoder_runs_step_by_step(impl: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: Any = make("seq2seq", SMALL["seq2seq"])
    source, _ = chosen.test_sources.batch(range(len(chosen.test)))
    trained = [chosen.batch(step)[0].shape[1] for step in range(2)]  # the last one is undone
    encoder_steps = sum(trained) + source.shape[1]
    calls = count_steps(monkeypatch, impl)
    run("seq2seq", impl, **SMALL["seq2seq"], engine="steps")
    both = len(calls)
    calls.clear()
    run("seq2seq", impl, **SMALL["seq2seq"], engine="fused")
    assert len(calls) == both - encoder_steps > 0


@pytest.mark.parametrize("name", LABS)
def test_both_engines_have_one_curve(name: str) -> None:
    steps = {} if name in ("basics", "packed") else {"steps": 3}
    for impl in CELLS:
        one, other = (run(name, impl, **{**SMALL[name], **steps}, engine=e) for e in ("steps", "fused"))
        assert one.losses == pytest.approx(other.losses, rel=1e-12)


def test_the_table_and_the_json_file_say_the_engine() -> None:
    words = ["lab", "hihello", "--steps", "1", "--engine", "fused"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert "numpy (fused)" in done.stdout
    assert "torch (fused)" in done.stdout
    assert "reference (" not in done.stdout
    report = lab("hihello", "--steps", 1)
    assert report["settings"]["engine"] == "steps"
    assert [each["impl"] for each in report["runs"]] == ["numpy", "torch", "reference"]


def test_an_engine_for_the_reference_alone_is_refused() -> None:
    error = refused("lab", "hihello", "--impl", "reference", "--engine", "steps")
    assert error == "--engine: expected --impl numpy or torch, which have engines, got reference"
    lab("hihello", "--steps", 1, "--impl", "reference", "--impl", "torch", "--engine", "fused")


@pytest.mark.parametrize("impl", CELLS)
def test_a_loaded_run_may_have_another_engine(impl: str, tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    words = ("charseq", "--impl", impl)
    whole = lab(*words, "--steps", 9)["runs"][0]["losses"]
    lab(*words, "--steps", 4, "--save", path)
    report = lab(*words, "--load", path, "--steps", 9, "--engine", "fused")
    assert report["settings"]["engine"] == "fused"
    assert report["runs"][0]["losses"] == pytest.approx(whole, rel=1e-12)
    assert lab(*words, "--load", path, "--steps", 9)["settings"]["engine"] == "steps"


def test_a_lab_must_be_complete() -> None:
    """A method that a lab leaves out is found when the lab is made, and it is not the user's error."""
    for base, missing in ((Lab, "model"), (TrainingLab, "batch")):
        incomplete: Any = type("Incomplete", (base,), {"name": "incomplete"})
        with pytest.raises(TypeError, match=f"abstract methods.* {missing}|abstract methods.*{missing}"):
            incomplete(None)
