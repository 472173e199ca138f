"""Run a lab on some of the three implementations, and hold their loss curves against each other."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from scratch_rnn.checks import Failure, UsageError, message
from scratch_rnn.labs.harness.checkpoint import Checkpoint, write_checkpoint
from scratch_rnn.labs.harness.implementations import first_weights, load, trainer
from scratch_rnn.labs.harness.lab import Lab
from scratch_rnn.torch_autograd.models.distributed import Processes

TOLERANCE = 1e-9
"""Largest relative difference between two curves, in float64."""
JUDGED_STEPS = 150
"""Later steps are reported, not judged: rounding grows by itself (labs/README.md)."""

Tick = Callable[[str, int], bool]


class Interrupted(Exception):
    """The user asked to stop. Raised between two steps, when the state is complete."""


@dataclass(frozen=True)
class Run:
    """One lab on one implementation."""

    impl: str
    losses: list[float]
    parameters: int
    seconds: float
    result: dict[str, Any]


@dataclass(frozen=True)
class Report:
    """One lab on several implementations."""

    lab: Lab
    runs: list[Run]

    def difference(self, steps: int | None = None) -> float | None:
        """The largest relative difference of any two curves, over the first `steps`; None without two."""
        pairs = [
            (a, b)
            for one, other in combinations(self.runs, 2)
            for a, b in zip(_curve(one)[:steps], _curve(other)[:steps], strict=True)
        ]
        return max((abs(a - b) / max(abs(a), abs(b), math.ulp(0)) for a, b in pairs), default=None)

    @property
    def agree(self) -> bool:
        """Whether the curves are one curve. In float32 there is no verdict: they count as agreeing."""
        difference = self.difference(JUDGED_STEPS)
        return difference is None or self.lab.settings.dtype != "float64" or difference <= TOLERANCE

    def as_json(self) -> dict[str, Any]:
        """The object that --json writes."""
        difference = self.difference() if any(run.losses for run in self.runs) else None
        return {
            "lab": self.lab.name,
            "settings": asdict(self.lab.settings),
            "max_relative_loss_difference": difference,
            "runs": [asdict(run) for run in self.runs],
        }


def run_lab(
    lab: Lab,
    impls: Sequence[str],
    tick: Tick,
    save: Path | None = None,
    load_from: Checkpoint | None = None,
    processes: Processes | None = None,
) -> Report:
    """Run a lab; `tick(impl, steps done)` is told of every step, and says whether to stop there.

    With one implementation, `load_from` goes on where a checkpoint ended, and `save` names the file for
    the next one, written at the end and when interrupted. With `processes` this is one of several that
    train together; only the first of them writes and has a result.
    """
    weights = first_weights(lab)
    runs = []
    for impl in impls:
        work = trainer(lab, load(impl), weights, processes)
        losses = [] if load_from is None else load_from.restore(work)
        if len(losses) > lab.steps:
            raise UsageError(message("--load", f"--steps of at least {len(losses)}, as it took", lab.steps))
        start, first = time.perf_counter(), processes is None or processes.rank == 0
        try:
            with np.errstate(all="ignore"):  # the loss tells
                _train(lab, impl, work, losses, tick, processes)
        except Interrupted:
            kept = _save(save, lab, impl, losses, work, first)
            raise Failure(f"{lab.name}: interrupted after step {len(losses)} of {lab.steps}{kept}") from None
        _save(save, lab, impl, losses, work, first)
        seconds = time.perf_counter() - start
        result = _result(lab, impl, work) if first else {}
        runs.append(Run(impl, losses, work.parameters(), seconds, result))
    return Report(lab, runs)


def _train(
    lab: Lab, impl: str, work: Any, losses: list[float], tick: Tick, processes: Processes | None
) -> None:
    """Go on to the last step, one loss a step."""
    for step in range(len(losses), lab.steps):
        loss = work.step(*lab.batch(step), reset_state=lab.reset_state(step))
        losses.append(loss)
        if not math.isfinite(loss):
            raise Failure(f"{lab.name}: {impl}: the loss is {loss} at step {step}; try a smaller --lr")
        wish = tick(impl, step + 1)
        if wish if processes is None else processes.anyone(wish):
            raise Interrupted


def _save(path: Path | None, lab: Lab, impl: str, losses: list[float], work: Any, first: bool) -> str:
    """Write a checkpoint where one is wanted; all processes must join in the snapshot."""
    if path is None:
        return ""
    arrays = work.snapshot()
    if first:
        write_checkpoint(path, lab, impl, losses, arrays)
    return f"; it stands in {path}"


def _result(lab: Lab, impl: str, work: Any) -> dict[str, Any]:
    """The lab's; Failure for one that is no number, after a last update that went too far."""
    with np.errstate(all="ignore"):
        result = lab.result(work)
    for name, value in result.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise Failure(f"{lab.name}: {impl}: {name} is {value}; try a smaller --lr")
    return result


def _curve(run: Run) -> list[float]:
    """What is compared: the losses, or where nothing is trained the outputs."""
    if run.losses:
        return run.losses
    return [value for row in run.result["outputs"] for value in row]
