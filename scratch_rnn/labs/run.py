"""Run a lab on some of the three implementations, and hold their loss curves against each other."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from scratch_rnn.labs.checkpoint import Checkpoint, write_checkpoint
from scratch_rnn.labs.implementations import first_weights, load, trainer
from scratch_rnn.labs.lab import Lab

TOLERANCE = 1e-9
"""Largest relative difference between two curves, in float64."""
JUDGED_STEPS = 150
"""Later steps are reported, not judged: rounding grows by itself (labs/README.md)."""


class Failure(Exception):
    """A run that went wrong: one line, exit status 1."""


class Interrupted(Exception):
    """The user wants to stop; raised between two steps, when the state is whole."""


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
    tick: Callable[[str, int], None],
    save: Path | None = None,
    load_from: Checkpoint | None = None,
) -> Report:
    """Run a lab; `tick(impl, steps done)` is told of every step, and may raise Interrupted.

    With one implementation, `load_from` goes on where a checkpoint ended, and `save` names the file for
    the next one, written at the end and when interrupted.
    """
    weights = first_weights(lab)
    runs = []
    for impl in impls:
        work = trainer(lab, load(impl), weights)
        losses: list[float] = []
        if load_from is not None:
            losses = load_from.restore(work)
        start = time.perf_counter()
        try:
            _train(lab, impl, work, losses, tick)
        except Interrupted:
            kept = ""
            if save is not None:
                write_checkpoint(save, lab, impl, losses, work)
                kept = f"; it stands in {save}"
            raise Failure(f"{lab.name}: interrupted after step {len(losses)} of {lab.steps}{kept}") from None
        if save is not None:
            write_checkpoint(save, lab, impl, losses, work)
        seconds = time.perf_counter() - start
        runs.append(Run(impl, losses, work.parameters(), seconds, lab.result(work)))
    return Report(lab, runs)


def _train(lab: Lab, impl: str, work: Any, losses: list[float], tick: Callable[[str, int], None]) -> None:
    """Go on to the last step, one loss a step."""
    for step in range(len(losses), lab.steps):
        loss = work.step(*lab.batch(step), fresh=lab.fresh(step))
        losses.append(loss)
        if not math.isfinite(loss):
            raise Failure(f"{lab.name}: {impl}: the loss is {loss} at step {step}; try a smaller --lr")
        tick(impl, step + 1)


def _curve(run: Run) -> list[float]:
    """What is compared: the losses, or where nothing is trained the outputs."""
    if run.losses:
        return run.losses
    return [value for row in run.result["outputs"] for value in row]
