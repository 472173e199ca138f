"""When a run writes its checkpoint: as it goes, at the end, and when it is interrupted."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from scratch_rnn.labs.harness.checkpoint import write_checkpoint
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

    def after_step(self, work: Trainer, losses: list[float]) -> None:
        """Save if it is time to."""
        if self.path is None:
            return
        due = time.monotonic() - self._last >= SECONDS
        if self.processes is not None:
            due = self.processes.anyone(due) or self.saved is None
        if due or (self.every is not None and len(losses) % self.every == 0):
            self.save(work, losses)

    def save(self, work: Trainer, losses: list[float]) -> None:
        """Save, unless the run has diverged: then the last good checkpoint is kept."""
        if self.path is None or self.saved == len(losses):
            return
        arrays = work.snapshot()
        self._last = time.monotonic()
        if all(np.isfinite(array).all() for array in arrays.values()):
            if self.processes is None or self.processes.rank == 0:
                write_checkpoint(self.path, self.lab, self.impl, losses, arrays)
            self.saved = len(losses)

    def note(self, losses: list[float]) -> str:
        """What the file holds, as the end of a sentence; empty if nothing was saved."""
        if self.saved is None:
            return ""
        return (
            f"; saved to {self.path}"
            if self.saved == len(losses)
            else f"; {self.path} is of step {self.saved}"
        )
