"""How tests run labs: through the command line like users, or without it where only the numbers matter."""

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from typer.testing import CliRunner

from scratch_rnn.cli.app import app, make
from scratch_rnn.labs import Run, run_lab

IMPLS = ("numpy", "torch", "reference")


def lab(name: str, *options: object) -> dict[str, Any]:
    """What --json writes; the command must succeed, and print nothing with --quiet."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "out.json"
        words = ["lab", name, "--quiet", "--json", str(path), *map(str, options)]
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert done.stdout == ""
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return report


def refused(*words: object, status: int = 2) -> str:
    """The one line of error of a command that ends with this status."""
    done = CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)
    assert done.exit_code == status, done.output
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: ")
    return done.stderr.removeprefix("error: ").strip()


def run(name: str, impl: str = "numpy", **settings: Any) -> Run:
    """One lab on one implementation, without the command line; the fast engine, unless another is given."""
    return run_lab(make(name, {"engine": "fused"} | settings), [impl], lambda impl, done: False).runs[0]


def assert_one_curve(report: dict[str, Any], bound: float = 1e-9) -> None:
    """All runs of a report have the same losses, step by step, and the same parameters."""
    first, *others = report["runs"]
    assert len(others) == len(IMPLS) - 1
    for other in others:
        assert other["parameters"] == first["parameters"]
        assert len(other["losses"]) == len(first["losses"]) > 0
        for a, b in zip(first["losses"], other["losses"], strict=True):
            assert math.isclose(a, b, rel_tol=bound)
    assert report["max_relative_loss_difference"] <= bound
