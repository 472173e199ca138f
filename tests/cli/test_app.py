"""The command line: what it writes, its exit statuses, and the one line of every error."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scratch_rnn.cli import app as cli
from scratch_rnn.labs import LABS, Lab
from scratch_rnn.labs.harness.implementations import PACKAGES, load
from scratch_rnn.labs.inputs.files import DATA
from scratch_rnn.torch_autograd.models.trainer import Trainer
from tests.labs.running import IMPLS, lab, refused

SHORT: dict[str, dict[str, Any]] = {
    "basics": {},
    "charseq": {"steps": 3},
    "charlm": {"steps": 2, "hidden": 4, "test_file": str(DATA / "this.txt")},
    "one-to-many": {"steps": 2},
}


@pytest.fixture
def short_labs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The main job with a few labs and few steps, in a folder of its own."""
    labs = {name: type(name, (LABS[name],), {"smoke_settings": settings}) for name, settings in SHORT.items()}
    monkeypatch.setattr(cli, "LABS", labs)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("short_labs")
def test_the_main_job() -> None:
    done = CliRunner().invoke(cli.app, [], catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (0, "")
    for name in SHORT:
        assert f"\n {name} " in done.stdout
        assert f"\n{name}: " in done.stdout
        report = json.loads(Path(f"runs/{name}.json").read_text(encoding="utf-8"))
        assert [run["impl"] for run in report["runs"]] == list(IMPLS)
        assert Path(f"runs/{name}.png").exists()
    assert sorted(path.suffix for path in Path("runs").iterdir()) == [".json"] * 4 + [".png"] * 4


def spoil(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    """Make the torch twin return losses that are too large by a factor."""
    step = Trainer.step

    def wrong(self: Any, *batch: Any, reset_state: bool = True) -> float:
        return step(self, *batch, reset_state=reset_state) * factor

    monkeypatch.setattr(Trainer, "step", wrong)


@pytest.mark.usefixtures("short_labs")
def test_disagreement_is_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, 1 + 1e-8)
    done = CliRunner().invoke(cli.app, [], catch_exceptions=False)
    assert done.exit_code == 1
    assert done.stderr == "error: the implementations disagree: charseq, charlm, one-to-many\n"
    assert Path("runs/charlm.json").exists()


def test_disagreement_of_one_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, 1 + 1e-6)
    error = refused("lab", "hihello", "--steps", 2, "--quiet", status=1)
    assert error == "the implementations disagree: hihello"
    assert lab("hihello", "--steps", 2, "--dtype", "float32")["max_relative_loss_difference"] > 1e-7
    lab("hihello", "--steps", 2, "--impl", "numpy", "--impl", "reference")


def test_json_keys() -> None:
    report = lab("charseq", "--steps", 2, "--seed", 3)
    assert list(report) == ["lab", "settings", "max_relative_loss_difference", "runs"]
    assert report["lab"] == "charseq"
    assert report["settings"]["seed"] == 3
    assert report["max_relative_loss_difference"] <= 1e-9
    for run in report["runs"]:
        assert list(run) == ["impl", "losses", "parameters", "seconds", "result"]
        assert len(run["losses"]) == 2


HOUSE: dict[str, dict[str, Any]] = {
    "basics": {"cell": "rnn", "hidden": 2},
    "hihello": {"cell": "rnn", "hidden": 5, "head": False, "optimizer": "adam", "lr": 0.1},
    "charseq": {"cell": "rnn", "hidden": 10, "head": False, "optimizer": "adam", "lr": 0.1},
    "longseq": {"cell": "rnn", "hidden": 25, "layers": 2, "window": 10, "optimizer": "adam", "lr": 0.01},
    "charlm": {"cell": "lstm", "hidden": 128, "window": 50, "batch_size": 16, "lr": 0.003, "clip": 1.0},
    "timeseries": {
        "cell": "lstm",
        "hidden": 10,
        "window": 7,
        "scale": "train",
        "lr": 0.01,
        "target": "close",
    },
}
STEPS = {"basics": 0, "hihello": 100, "charseq": 100, "longseq": 300, "charlm": 1000, "timeseries": 500}


@pytest.mark.parametrize("name", HOUSE)
def test_defaults(name: str) -> None:
    chosen = cli.make(name, {})
    settings = vars(chosen.settings)
    assert {option: settings[option] for option in HOUSE[name]} == HOUSE[name]
    assert (settings["seed"], settings["dtype"], settings["layers"]) == (
        0,
        "float64",
        HOUSE[name].get("layers", 1),
    )
    assert chosen.steps == STEPS[name]


@pytest.mark.parametrize("impl", IMPLS)
def test_float32_and_float64(impl: str) -> None:
    wide, narrow = (
        lab("longseq", "--steps", 3, "--impl", impl, "--dtype", dtype)["runs"][0]["losses"]
        for dtype in ("float64", "float32")
    )
    assert wide != narrow
    assert wide == pytest.approx(narrow, rel=1e-5)


def test_implementations_in_the_order_given_each_once() -> None:
    report = lab("hihello", "--steps", 1, "--impl", "reference", "--impl", "numpy", "--impl", "reference")
    assert [run["impl"] for run in report["runs"]] == ["reference", "numpy"]


def test_what_a_pipe_gets(tmp_path: Path) -> None:
    """A real process: the table and the results on stdout, nothing on stderr, files where they are wanted."""
    words = ["lab", "charseq", "--steps", "20", "--json", "out.json", "--plot", "out.png"]
    done = subprocess.run(
        [sys.executable, "-m", "scratch_rnn", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "charseq: 'if you want you', 100% correct, loss cannot go below 0.796614" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "out.png"]


def test_a_terminal_without_korean(tmp_path: Path) -> None:
    words = ["lab", "charseq", "--text", "우리말", "--steps", "1", "--impl", "numpy"]
    command = [sys.executable, "-m", "scratch_rnn", *words]
    latin = {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, env=latin)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"charseq: '??'" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("lab", "nosuch"),
        ("nosuch",),
        ("lab", "hihello", "--impl", "jax"),
        ("lab", "hihello", "--cell", "elman"),
        ("lab", "hihello", "--hidden", "five"),
        ("lab", "hihello", "--lr"),
        ("lab", "hihello", "--text", "hello"),
        ("lab", "basics", "--steps", "3"),
        ("lab", "basics", "--save", "x.npz"),
        ("lab", "longseq", "--distributed"),
        ("lab", "timeseries", "--order", "random"),
    ],
)
def test_usage_mistakes(words: tuple[str, ...]) -> None:
    """The command-line library's own message, status 2, no traceback."""
    done = CliRunner().invoke(cli.app, list(words), catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_without_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reference", None)
    error = refused("lab", "hihello", "--steps", 1)
    expected = (
        "--impl reference: expected the folder reference/ of the project's clone, next to scratch_rnn, got "
    )
    assert error.startswith(expected)
    lab("hihello", "--steps", 1, "--impl", "numpy", "--impl", "torch")


@pytest.mark.parametrize("impl", ["numpy", "torch"])
def test_a_module_that_is_missing_elsewhere_is_no_usage_error(
    monkeypatch: pytest.MonkeyPatch, impl: str
) -> None:
    monkeypatch.setitem(PACKAGES, impl, "scratch_rnn.missing")
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'scratch_rnn\.missing'$"):
        load(impl)


def test_help_lists_every_lab_and_option() -> None:
    listed = CliRunner().invoke(cli.app, ["lab", "--help"], catch_exceptions=False).stdout
    assert all(name in listed for name in LABS)
    for name, kind in LABS.items():
        shown = CliRunner().invoke(cli.app, ["lab", name, "--help"], catch_exceptions=False).stdout
        for option in vars(cli.make(name, {}).settings):
            assert f"--{option.replace('_', '-')}" in shown
        assert ("--distributed" in shown) == kind.distributes
        assert ("--save" in shown) == (name not in ("basics", "packed"))


def test_every_lab_keeps_its_promises() -> None:
    for name, kind in LABS.items():
        assert issubclass(kind, Lab)
        assert kind.name == name
        assert cli.make(name, kind.smoke_settings).steps <= cli.make(name, {}).steps


def test_the_name_of_a_lab_as_a_command_gets_a_hint() -> None:
    for words in (("longseq",), ("longseq", "--steps", "3"), ("longseq", "--help")):
        assert refused(*words) == "python -m scratch_rnn: expected lab longseq, got longseq"
    listed = CliRunner().invoke(cli.app, ["--help"], catch_exceptions=False).stdout
    assert "longseq" not in listed


def test_one_implementation_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["lab", "charseq", "--steps", "2", "--impl", "numpy"]
    alone = CliRunner().invoke(cli.app, words, catch_exceptions=False).stdout
    assert "implementations" not in alone
    assert "difference" not in alone
    two = CliRunner().invoke(cli.app, [*words, "--impl", "torch"], catch_exceptions=False).stdout
    assert "all implementations" in two
    assert "difference" in two
    monkeypatch.setenv("COLUMNS", "20")
    narrow = CliRunner().invoke(cli.app, [*words, "--impl", "torch"], catch_exceptions=False).stdout
    assert "…" not in narrow
    assert re.search(r"^ *charseq +numpy \(steps\) ", narrow, re.MULTILINE)


def test_processes_that_lose_contact(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def lost() -> Iterator[None]:
        raise RuntimeError("Connection closed by peer\n[rank 1] a stack trace")
        yield

    monkeypatch.setattr(cli, "joined", lost)
    monkeypatch.delenv("RANK", raising=False)
    error = refused("lab", "charlm", "--impl", "torch", "--distributed", status=1)
    assert error == "charlm: the processes lost contact with each other"


def test_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object) -> None:
        raise MemoryError("Unable to allocate 8.00 TiB")

    monkeypatch.setattr(cli, "run_lab", fails)
    error = refused("lab", "hihello", status=1)
    assert error == "not enough memory: Unable to allocate 8.00 TiB"
