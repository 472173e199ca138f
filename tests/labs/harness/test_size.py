"""A model that cannot fit into memory is refused before it is made, with the bytes that it would need."""

import os
from typing import Any

import pytest
from typer.testing import CliRunner

from scratch_rnn.cli.app import app, make
from scratch_rnn.labs import LABS
from scratch_rnn.labs.harness import size
from scratch_rnn.labs.harness.implementations import first_weights, load, trainer
from tests.labs.running import refused, run

SMALL: dict[str, dict[str, Any]] = {
    "charlm": {"steps": 1, "window": 2, "batch_size": 2, "hidden": 7},
    "hihello": {"steps": 1},
    "charseq": {"steps": 1, "head": True, "hidden": 3},
    "basics": {},
    "packed": {},
}


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("name", LABS)
def test_parameters_are_counted(name: str, cell: str, layers: int) -> None:
    settings = {**SMALL.get(name, {"steps": 1, "hidden": 6}), "cell": cell, "layers": layers}
    chosen = make(name, settings)
    made = trainer(chosen, load("numpy"), first_weights(chosen))
    assert size.count_parameters(chosen) == made.parameters()


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        (("--hidden", 200_000, "--head"), 200_000 * (5 + 200_000 + 2) + 5 * 200_001),
        (("--hidden", 10**21, "--head"), 10**21 * (5 + 10**21 + 2) + 5 * (10**21 + 1)),
        (("--hidden", 900, "--layers", 100_000, "--head"), 900 * 907 + 99_999 * 900 * 1802 + 5 * 901),
    ],
)
def test_models_that_do_not_fit(
    options: tuple[object, ...], parameters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(size, "machine_memory", lambda: 2**35)
    for dtype, itemsize in (("float64", 8), ("float32", 4)):
        error = refused("lab", "hihello", *options, "--dtype", dtype)
        assert error == (
            "hihello: expected a model that fits into 34,359,738,368 bytes of memory, got one of "
            f"{parameters:,} parameters, which needs {4 * itemsize * parameters:,} bytes to train"
        )


def test_a_model_of_many_layers_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "MANY_LAYERS", 20)
    words = ["lab", "hihello", "--quiet", "--impl", "numpy", "--layers", "20"]
    done = CliRunner().invoke(app, [*words, "--steps", "1"], catch_exceptions=False)
    assert done.exit_code == 0
    parameters = 20 * (2 * 5 * 5 + 2 * 5)
    assert done.stderr == (
        f"warning: hihello: the model has {parameters:,} parameters in 20 layers and needs "
        f"{parameters * 4 * 8:,} bytes to train: a step takes a long time\n"
    )


def test_only_a_large_model_that_fits_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    assert size.announcement(make("hihello", {"layers": 999})) == []
    wide = make("hihello", {"hidden": 5793, "head": True, "dtype": "float32"})
    assert 2**29 <= size.needed_memory(wide) < 2**30
    assert size.announcement(wide) == []
    wide = make("hihello", {"hidden": 5793, "head": True})
    assert size.needed_memory(wide) >= 2**30
    assert len(size.announcement(wide)) == 1
    monkeypatch.setattr(size, "machine_memory", lambda: size.needed_memory(wide) - 1)
    assert size.announcement(wide) == []


def test_a_model_that_just_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = 4 * 8 * (5 * 5 + 5 * 5 + 2 * 5)
    monkeypatch.setattr(size, "machine_memory", lambda: needed)
    run("hihello", steps=1)
    monkeypatch.setattr(size, "machine_memory", lambda: needed - 1)
    assert f"needs {needed:,} bytes" in refused("lab", "hihello", "--steps", 1)


def test_the_memory_of_this_machine() -> None:
    assert size.machine_memory() > 2**27


@pytest.mark.parametrize("kind", [AttributeError, ValueError, OSError])
def test_a_system_that_does_not_tell_its_memory(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    """AttributeError: there is no os.sysconf; ValueError: it does not know the name."""

    def sysconf(name: str) -> int:
        raise kind(name)

    with monkeypatch.context() as patch:
        if kind is AttributeError:
            patch.delattr(os, "sysconf")
        else:
            patch.setattr(os, "sysconf", sysconf)
        found = size.machine_memory()
    assert found == 2**40
