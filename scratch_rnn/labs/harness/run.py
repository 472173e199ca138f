"""Run a lab on some of the implementations, and compare their loss curves."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import Failure, Lost
from scratch_rnn.labs.harness.checkpoint import Checkpoint, Curves
from scratch_rnn.labs.harness.implementations import first_weights, load, trainer
from scratch_rnn.labs.harness.lab import Lab, Result, Settings, Training, TrainingLab
from scratch_rnn.labs.harness.protocols import Track, Trainer, untracked
from scratch_rnn.labs.harness.saving import Saver
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
    save_every: int | None = None,
) -> Report:
    """Run a lab. `tick(impl, steps done)` is called after every step; True stops the run.

    With one implementation, `load_from` is a checkpoint to continue from, and `save` the file of the next
    one, written as saving.py says, and after every `save_every` steps too. With `processes` this process is
    one of several that train together; only the first one writes files and has a result. `track` shows the
    progress of the evaluation.

    Raises UsageError for a model that does not fit into memory or a checkpoint that does not fit the model,
    and Failure for a run that diverges or is interrupted.
    """
    check_memory(lab)
    weights = first_weights(lab)
    runs = []
    for impl in impls:
        work = trainer(lab, load(impl, lab.settings.engine), weights, processes)
        curves = Curves([], [])
        if load_from is not None and isinstance(lab, TrainingLab):
            curves = load_from.restore(work, lab)
        start, first = time.perf_counter(), processes is None or processes.rank == 0
        saver = Saver(save, lab, impl, save_every, processes)
        if isinstance(lab, TrainingLab):
            _train(lab, work, curves, tick, saver)
        seconds = time.perf_counter() - start
        try:
            result = _result(lab, impl, work, track) if first else {}
            result |= {"held_out": curves.held_out} if curves.held_out else {}
        except Failure:
            raise
        except Interrupted:
            saver.write()
            raise Failure(f"{lab.name}: interrupted in the evaluation{saver.note(curves)}") from None
        except BaseException:
            saver.write()
            raise
        saver.write()
        runs.append(Run(impl, curves.losses, work.parameters(), seconds, result))
    return Report(lab, runs)


def _train(lab: TrainingLab[Training], work: Trainer, curves: Curves, tick: Tick, saver: Saver) -> None:
    """Train up to the last step, append one loss per step, and save. Failure if the run ends earlier."""
    run, processes = f"{lab.name}: {saver.impl}", saver.processes
    losses, loaded = curves.losses, len(curves.losses)
    lab.observe(loaded, work)
    with np.errstate(all="ignore"), _lost_processes(lab.name, curves, saver):  # overflow shows in the loss
        for step in range(loaded, lab.steps):
            loss = work.step(*lab.batch(step), reset_state=lab.reset_state(step))
            if not math.isfinite(loss):
                note = saver.note(curves)
                raise Failure(f"{run}: the loss is {loss} at step {step}; try a smaller --lr{note}")
            losses.append(loss)
            lab.observe(step + 1, work)
            point = lab.held_out(work) if (step + 1) % lab.epoch == 0 else None
            if point is not None:
                curves.held_out.append([step + 1, *point])
            stop = tick(saver.impl, step + 1)
            if stop if processes is None else processes.anyone(stop):
                saver.hold(work, curves)
                saver.write()
                note = f"interrupted after step {len(losses)} of {lab.steps}{saver.note(curves)}"
                raise Failure(f"{lab.name}: {note}")
            saver.after_step(work, curves)
        note = f"after the last step; try a smaller --lr{saver.note(curves)}"
        last = saver.hold(work, curves)
        if last is None:
            raise Failure(f"{run}: the weights have NaN or infinity {note}")
        if len(losses) == loaded:  # nothing was trained
            return
        try:
            loss = _next_loss(lab, work, len(losses), last)
        except BaseException:
            saver.write()
            raise
        if not math.isfinite(loss):  # weights that are finite may be too large to use
            raise Failure(f"{run}: the loss is {loss} {note}")
        saver.write()


def _next_loss(lab: TrainingLab[Training], work: Trainer, step: int, before: Mapping[str, ndarray]) -> float:
    """The loss of one more step, which is undone: the trainer is again as its snapshot `before`."""
    loss = work.step(*lab.batch(step), reset_state=lab.reset_state(step))
    work.restore(before)
    return loss


@contextmanager
def _lost_processes(name: str, curves: Curves, saver: Saver) -> Iterator[None]:
    """Lost for torch's RuntimeError where another process has ended or cannot be reached."""
    try:
        yield
    except RuntimeError:
        if saver.processes is None:
            raise
        where = f"in step {len(curves.losses)}{saver.note(curves)}"
        raise Lost(f"{name}: the processes lost contact with each other {where}") from None


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
