"""Where a run stands, in a file: weights, optimiser state, last state, loss curve and settings.

An .npz of plain arrays (no pickle), written beside its name and then renamed. There is no random state to
keep: what a lab draws is a function of its seed and the number of the step (lab.py).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import message
from scratch_rnn.labs.lab import Lab, UsageError

VERSION = 1
"""Of the file's layout."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as it was read; nothing of it is trusted before `restore` has seen it."""

    path: Path
    about: Mapping[str, Any]
    arrays: Mapping[str, ndarray]

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The settings to go on with: the checkpoint's, and a new --steps or --epochs.

        UsageError where another option is given that differs from the checkpoint's.
        """
        kept = {k: v for k, v in self.about["settings"].items() if k not in ("steps", "epochs")}
        for option, value in given.items():
            if option in kept and kept[option] != value:
                expected = f"--{option.replace('_', '-')} {kept[option]}, as in {self.path}"
                raise UsageError(message("--load", expected, value))
        return {k: v for k, v in kept.items() if v is not None} | dict(given)

    def restore(self, trainer: Any) -> list[float]:
        """Put the trainer where the run stood: the losses so far."""
        try:
            trainer.restore(self.arrays)
            return [float(loss) for loss in self.arrays["losses"]]
        except Exception as error:  # likewise
            text = message("--load", "a checkpoint of this model", f"{self.path} ({_first_line(error)})")
            raise UsageError(text) from None


def write_checkpoint(path: Path, lab: Lab, impl: str, losses: list[float], trainer: Any) -> None:
    """Whole or not at all."""
    about = {"version": VERSION, "lab": lab.name, "impl": str(impl), "settings": asdict(lab.settings)}
    arrays = trainer.snapshot() | {"losses": np.array(losses), "about": np.array(json.dumps(about))}
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        np.savez(file, **arrays)
    beside.replace(path)


def read_checkpoint(path: Path, lab: str, impl: str) -> Checkpoint:
    """UsageError for what is no checkpoint of this lab on this implementation."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(str(arrays.pop("about")))
        found = {key: about[key] for key in ("version", "lab", "impl")}
        dict(about["settings"])
    except Exception as error:  # a damaged file can make zipfile and numpy raise almost anything
        text = message("--load", "a checkpoint that --save wrote", f"{path} ({_first_line(error)})")
        raise UsageError(text) from None
    wanted = {"version": VERSION, "lab": lab, "impl": impl}
    if found != wanted:
        raise UsageError(message("--load", f"a checkpoint of {wanted}", f"{path}, of {found}"))
    return Checkpoint(path, about, arrays)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
