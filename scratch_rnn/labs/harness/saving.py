"""When a run writes its checkpoint: during training, at the end, and when it is interrupted.

A snapshot is held until the next loss, or the evaluation, is finite; then it is written. So a run that
diverges keeps its last good checkpoint: weights that are finite may already be too large to use.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy import ndarray

from scratch_rnn.labs.harness.checkpoint import Curves, write_checkpoint
from scratch_rnn.labs.harness.lab import Lab, Settings
from scratch_rnn.labs.harness.protocols import Trainer
from scratch_rnn.torch_autograd.models.distributed import Processes

SECONDS = 60.0
"""Time between two checkpoints."""


@dataclass
class Saver:
    """Writes the checkpoints of one run; does nothing without a path.

    `every` is a number of steps between two checkpoints; SECONDS holds as well. All of the `processes` that
    train together must make the same calls, because a snapshot is collective; the first one writes. They also
    save after their first step, so that a run whose process is lost leaves a checkpoint.
    """

    path: Path | None
    lab: Lab[Settings]
    impl: str
    every: int | None = None
    processes: Processes | None = None
    saved: int | None = field(default=None, init=False)
    """The number of steps in the file, once this run has written it."""

    def __post_init__(self) -> None:
        self._last = time.monotonic()
        self._held: tuple[Curves, dict[str, ndarray]] | None = None

    def after_step(self, work: Trainer, curves: Curves) -> None:
        """After a step with a finite loss: write what is held, and hold a new snapshot if it is time to."""
        if self.path is None:
            return
        self.write()
        due = time.monotonic() - self._last >= SECONDS
        if self.processes is not None:
            due = self.processes.anyone(due) or self.saved is None
        if due or (self.every is not None and len(curves.losses) % self.every == 0):
            self.hold(work, curves)

    def hold(self, work: Trainer, curves: Curves) -> dict[str, ndarray] | None:
        """Keep a snapshot in memory, and return it. None if it is not finite: then nothing is kept."""
        self._last = time.monotonic()
        arrays = work.snapshot()
        good = all(np.isfinite(array).all() for array in arrays.values())
        copy = Curves(list(curves.losses), list(curves.held_out))
        self._held = (copy, arrays) if good else None
        return arrays if good else None

    def write(self) -> None:
        """Write what is held."""
        if self.path is None or self._held is None:
            return
        curves, arrays = self._held
        if self.processes is None or self.processes.rank == 0:
            write_checkpoint(self.path, self.lab, self.impl, curves, arrays)
        self.saved, self._held = len(curves.losses), None

    def note(self, curves: Curves) -> str:
        """What the file holds, as the end of a sentence; empty if nothing was saved."""
        if self.saved is None:
            return ""
        return (
            f"; saved to {self.path}"
            if self.saved == len(curves.losses)
            else f"; {self.path} is of step {self.saved}"
        )
