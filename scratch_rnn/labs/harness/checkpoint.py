"""A checkpoint file: weights, optimizer state, last recurrent state, loss curve and settings.

An .npz of plain arrays (no pickle), written to a temporary file and then renamed. There is no random state to
save: all random choices of a lab are functions of its seed and the step number (lab.py).
"""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import UsageError, message
from scratch_rnn.labs.harness.lab import Lab, Settings
from scratch_rnn.labs.harness.options import flag, options_of
from scratch_rnn.labs.harness.protocols import Trainer
from scratch_rnn.labs.inputs.files import digest, read_bytes
from scratch_rnn.outputs import replacing

VERSION = 1
"""Version of the file's layout."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as read from a file. `restore` checks the arrays."""

    path: Path
    about: Mapping[str, Any]
    arrays: Mapping[str, ndarray]

    def settings(self, given: Mapping[str, Any], lab: type[Lab[Settings]]) -> dict[str, Any]:
        """The settings to continue with: the checkpoint's, replaced by the given ones that may change.

        Raises UsageError for any other given setting that differs from the checkpoint's, and for an input
        file that has changed since.
        """
        saved = {name: value for name, value in self.about["settings"].items() if value is not None}
        length = ("steps", "epochs")
        if any(name in given for name in length):
            saved = {name: value for name, value in saved.items() if name not in length}
        for name, value in given.items():
            if name not in (*length, *lab.inference_options) and saved.get(name) != value:
                raise UsageError(
                    message("--load", f"{flag(name)} {saved.get(name)}, as in {self.path}", value)
                )
        for name, sha in self.about["files"].items():
            if digest(flag(name), str(saved.get(name))) != sha:
                expected = f"the {flag(name)} that was read before {self.path} was written"
                raise UsageError(message("--load", expected, f"a {saved[name]} that has changed"))
        return saved | dict(given)

    @property
    def held_out(self) -> list[list[float]]:
        """The curve on unseen data so far: [steps, loss, accuracy] after every epoch."""
        return [
            [int(step), *point] for step, *point in self.arrays.get("held_out", np.zeros((0, 3))).tolist()
        ]

    def restore(self, trainer: Trainer) -> list[float]:
        """Load the arrays into the trainer. Returns the losses so far."""
        try:
            trainer.restore(self.arrays)
            return [float(loss) for loss in self.arrays["losses"]]
        except Exception as error:  # numpy and torch raise many types for arrays that do not fit
            text = message("--load", "a checkpoint of this model", f"{self.path} ({_first_line(error)})")
            raise UsageError(text) from None


def write_checkpoint(
    path: Path, lab: Lab[Settings], impl: str, losses: list[float], arrays: Mapping[str, ndarray]
) -> None:
    """Write a checkpoint atomically. `arrays` is the trainer's snapshot."""
    settings = asdict(lab.settings)
    given = [each.name for each in options_of(type(lab.settings)) if each.file and settings[each.name]]
    files = [name for name in given if name not in lab.inference_options]
    about = {
        "version": VERSION,
        "lab": lab.name,
        "impl": str(impl),
        "settings": settings,
        "files": {name: digest(flag(name), settings[name]) for name in files},
    }
    content = {**arrays, "losses": np.array(losses), "about": np.array(json.dumps(about))}
    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **content)


def read_checkpoint(path: Path, lab: str, impl: str) -> Checkpoint:
    """Read a checkpoint; UsageError if it is none, or one of another lab or implementation."""
    data = read_bytes("--load", path, bounded=False)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(str(arrays.pop("about")))
        found = {key: about[key] for key in ("version", "lab", "impl")}
    except Exception as error:  # zipfile and numpy raise many types for a damaged file
        text = message("--load", "a checkpoint that --save wrote", f"{path} ({_first_line(error)})")
        raise UsageError(text) from None
    expected = {"version": VERSION, "lab": lab, "impl": impl}
    if found != expected:
        raise UsageError(message("--load", f"a checkpoint of {expected}", f"{path}, of {found}"))
    if not isinstance(about.get("settings"), dict) or not isinstance(about.get("files"), dict):
        raise UsageError(message("--load", "a checkpoint with settings and files", path))
    return Checkpoint(path, about, arrays)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
