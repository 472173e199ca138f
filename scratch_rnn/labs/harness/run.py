"""Run a lab on some of the implementations, and compare their loss curves."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from scratch_rnn.checks import Failure, UsageError, message
from scratch_rnn.labs.harness.checkpoint import Checkpoint, write_checkpoint
from scratch_rnn.labs.harness.implementations import first_weights, load, trainer
from scratch_rnn.labs.harness.lab import Lab, Result, Settings, Training, TrainingLab
from scratch_rnn.labs.harness.protocols import Track, Trainer, untracked
from scratch_rnn.labs.harness.size import check_memory
from scratch_rnn.torch_autograd.models.distributed import Processes

TOLERANCE = 1e-9
"""Largest accepted relative difference between two curves, in float64."""
JUDGED_STEPS = 150
"""Later steps are reported, not judged: training amplifies rounding differences (labs/README.md)."""

Tick = Callable[[str, int], bool]


class Interrupted(Exception):
    """The user asked to stop. Raised between two steps, when the trainer's state is complete."""


@dataclass(frozen=True)
class Run:
    """One lab on one implementation."""

    impl: str
    losses: list[float]
    parameters: int
    seconds: float
    result: Result


@dataclass(frozen=True)
class Report:
    """One lab on several implementations."""

    lab: Lab[Settings]
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
        """Whether the curves agree within TOLERANCE. Always True in float32, which is not judged."""
        difference = self.difference(JUDGED_STEPS)
        return difference is None or self.lab.settings.dtype != "float64" or difference <= TOLERANCE

    def as_json(self) -> Result:
        """The object that --json writes."""
        difference = self.difference() if any(run.losses for run in self.runs) else None
        return {
            "lab": self.lab.name,
            "settings": asdict(self.lab.settings),
            "max_relative_loss_difference": difference,
            "runs": [asdict(run) for run in self.runs],
        }


def run_lab(
    lab: Lab[Settings],
    impls: Sequence[str],
    tick: Tick,
    save: Path | None = None,
    load_from: Checkpoint | None = None,
    processes: Processes | None = None,
    track: Track = untracked,
) -> Report:
    """Run a lab. `tick(impl, steps done)` is called after every step; True stops the run.

    With one implementation, `load_from` is a checkpoint to continue from, and `save` the file of the next
    one, written at the end and on interruption. With `processes` this process is one of several that train
    together; only the first one writes files and has a result. `track` shows the progress of the evaluation.
    """
    check_memory(lab)
    weights = first_weights(lab)
    runs = []
    for impl in impls:
        work = trainer(lab, load(impl, lab.settings.engine), weights, processes)
        losses = [] if load_from is None else load_from.restore(work)
        curve = [] if load_from is None else load_from.held_out
        if len(losses) > lab.steps:
            raise UsageError(message("--load", f"--steps of at least {len(losses)}, as it took", lab.steps))
        start, first = time.perf_counter(), processes is None or processes.rank == 0
        try:
            with np.errstate(all="ignore"):  # overflow shows in the loss
                if isinstance(lab, TrainingLab):
                    _train(lab, impl, work, losses, curve, tick, processes)
        except Interrupted:
            saved = _save(save, lab, impl, losses, curve, work, first)
            raise Failure(f"{lab.name}: interrupted after step {len(losses)} of {lab.steps}{saved}") from None
        saved = _save(save, lab, impl, losses, curve, work, first)
        seconds = time.perf_counter() - start
        try:
            result = _result(lab, impl, work, track) if first else {}
            result |= {"held_out": curve} if curve else {}
        except Interrupted:
            raise Failure(f"{lab.name}: interrupted in the evaluation{saved}") from None
        runs.append(Run(impl, losses, work.parameters(), seconds, result))
    return Report(lab, runs)


def _train(
    lab: TrainingLab[Training],
    impl: str,
    work: Trainer,
    losses: list[float],
    curve: list[list[float]],
    tick: Tick,
    processes: Processes | None,
) -> None:
    """Train up to the last step; append one loss per step, and what the lab measures after every epoch."""
    for step in range(len(losses), lab.steps):
        loss = work.step(*lab.batch(step), reset_state=lab.reset_state(step))
        losses.append(loss)
        if not math.isfinite(loss):
            raise Failure(f"{lab.name}: {impl}: the loss is {loss} at step {step}; try a smaller --lr")
        point = lab.held_out(work) if (step + 1) % lab.epoch == 0 else None
        if point is not None:
            curve.append([step + 1, *point])
        stop = tick(impl, step + 1)
        if stop if processes is None else processes.anyone(stop):
            raise Interrupted


def _save(
    path: Path | None,
    lab: Lab[Settings],
    impl: str,
    losses: list[float],
    curve: list[list[float]],
    work: Trainer,
    first: bool,
) -> str:
    """Write a checkpoint if `path` is given. All processes must call it: the snapshot is collective."""
    if path is None:
        return ""
    arrays = work.snapshot()
    if curve:
        arrays["held_out"] = np.array(curve)
    if first:
        write_checkpoint(path, lab, impl, losses, arrays)
    return f"; saved to {path}"


def _result(lab: Lab[Settings], impl: str, work: Trainer, track: Track) -> Result:
    """The lab's result; Failure if it is not finite, for instance after a last update that diverged."""
    with np.errstate(all="ignore"):
        result = lab.result(work, lambda label, parts: track(f"{lab.name} {impl}: {label}", parts))
    for name, value in result.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise Failure(f"{lab.name}: {impl}: {name} is {value}; try a smaller --lr")
    return result


def _curve(run: Run) -> list[float]:
    """The numbers to compare: the losses, or the outputs of a lab that does not train."""
    if run.losses:
        return run.losses
    return [value for row in run.result["outputs"] for value in row]
