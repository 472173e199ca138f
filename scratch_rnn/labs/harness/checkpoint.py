"""A checkpoint file: weights, optimizer state, last recurrent state, loss curve and settings.

An .npz of plain arrays (no pickle), written to a temporary file and then renamed. There is no random state to
save: all random choices of a lab are functions of its seed and the step number (lab.py). The format is the
same for every implementation: one continues what another began. It is checked in two parts: `read_checkpoint`
reads the settings, and `restore` reads the arrays when the model, which says what they must be, is made.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import UsageError, fail, message
from scratch_rnn.labs.harness.lab import Lab, Settings, Training, TrainingLab
from scratch_rnn.labs.harness.members import Damaged, Header, Members
from scratch_rnn.labs.harness.options import flag, options_of
from scratch_rnn.labs.harness.protocols import Trainer
from scratch_rnn.labs.inputs.files import read_bytes
from scratch_rnn.outputs import replacing

VERSION = 1
"""Version of the file's layout."""
MOST_ABOUT = 2**24
"""Largest description, in bytes."""
STATE = ("state/0", "state/1")


class Curves(NamedTuple):
    """What a run has measured so far."""

    losses: list[float]
    """One per step."""
    held_out: list[list[float]]
    """[steps, loss, accuracy] on unseen data after every epoch; empty for most labs."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as read from a file. `restore` checks the arrays."""

    path: Path
    about: Mapping[str, Any]
    members: Members

    def settings(self, given: Mapping[str, Any], lab: type[Lab[Settings]]) -> dict[str, Any]:
        """The settings to continue with: the checkpoint's, replaced by the given ones.

        The given ones may change the number of steps and the engine, and ask for anything (Lab.requests);
        UsageError for any other that differs from the checkpoint's. An input file may have another path than
        before: `check_inputs` compares its content.
        """
        saved = {
            name: value
            for name, value in self.about["settings"].items()
            if value is not None and name not in lab.requests
        }
        length = ("steps", "epochs")
        if any(name in given for name in length):
            saved = {name: value for name, value in saved.items() if name not in length}
        files = {each.name for each in options_of(lab.options) if each.file and each.name in saved}
        for name, value in given.items():
            if name not in (*length, "engine", *files, *lab.requests) and saved.get(name) != value:
                fail("--load", f"{flag(name)} {saved.get(name)}, as in {self.path}", value)
        return saved | dict(given)

    def check_inputs(self, lab: Lab[Settings]) -> None:
        """UsageError if an input file of the lab has another content than before."""
        for name, sha in self.about["files"].items():
            found = lab.inputs.get(flag(name))
            if found is None or found.sha256 != sha:
                expected = f"the {flag(name)} that was read before {self.path} was written"
                fail("--load", expected, "none" if found is None else f"a {found.path} that has changed")

    def restore(self, trainer: Trainer, lab: TrainingLab[Training]) -> Curves:
        """Load the arrays into the trainer. Returns the curves so far. UsageError if anything is wrong."""
        try:
            arrays = self._arrays(trainer.snapshot(), trainer.parameters(), lab)
            trainer.restore(arrays)
        except (Damaged, ValueError) as error:
            fail("--load", "a checkpoint of this model", f"{self.path} ({_first_line(error)})")
        held_out = arrays.get("held_out", np.zeros((0, 3))).tolist()
        return Curves(arrays["losses"].tolist(), [[int(step), *point] for step, *point in held_out])

    def _arrays(
        self, own: Mapping[str, ndarray], parameters: int, lab: TrainingLab[Training]
    ) -> dict[str, ndarray]:
        """The arrays, if they are those of a trainer whose first snapshot is `own`; Damaged if not."""
        names = set(self.members.names) - {"about"}
        _none(names - {"losses", "held_out", *own, *STATE}, "unknown")
        _none({"losses", *own} - names, "missing")
        losses = self.members.read("losses", lambda name, found: _check_losses(found, lab))
        steps = len(losses)

        def check(name: str, found: Header) -> None:
            _equal(name, Header(own[name].shape, own[name].dtype), found)

        def check_state(name: str, found: Header) -> None:
            rows = len(lab.batch(steps - 1)[0]) if steps else 0  # type: ignore[arg-type]
            if len(found.shape) != 3 or found.shape[1] != rows:
                raise Damaged(f"{name} of shape {found.shape}, not one of {rows} rows")
            if found.shape[0] * found.shape[2] > parameters:
                raise Damaged(f"{name} of shape {found.shape}, too large for this model")

        arrays = {name: self.members.read(name, check) for name in own}
        arrays |= {name: self.members.read(name, check_state) for name in STATE if name in names}
        if "held_out" in names:
            arrays["held_out"] = self.members.read("held_out", _check_held_out)
        if arrays["optimizer/step"] != steps or not np.isfinite(losses).all():
            raise Damaged(f"not one finite loss for each of {arrays['optimizer/step']} steps")
        if not lab.reset_state(steps) and STATE[0] not in arrays:
            raise Damaged("no state to continue from")
        return arrays | {"losses": losses}


def write_checkpoint(
    path: Path, lab: Lab[Settings], impl: str, curves: Curves, arrays: Mapping[str, ndarray]
) -> None:
    """Write a checkpoint atomically. `arrays` is the trainer's snapshot."""
    settings = {n: value for n, value in asdict(lab.settings).items() if n not in lab.requests}
    for each in options_of(type(lab.settings)):
        if each.file and settings.get(each.name) is not None:
            settings[each.name] = str(Path(settings[each.name]).absolute())
    about = {
        "version": VERSION,
        "lab": lab.name,
        "impl": str(impl),
        "settings": settings,
        "files": {name: lab.inputs[flag(name)].sha256 for name in settings if flag(name) in lab.inputs},
    }
    content = {**arrays, "losses": np.array(curves.losses), "about": np.array(json.dumps(about))}
    if curves.held_out:
        content["held_out"] = np.array(curves.held_out)
    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **content)


def read_checkpoint(path: Path, lab: str) -> Checkpoint:
    """Read a checkpoint's settings; UsageError if it is none, or one of another lab or version."""
    try:
        members = Members(read_bytes("--load", path, bounded=False))
        about = json.loads(str(members.read("about", _check_about)))
        found = {key: about[key] for key in ("version", "lab", "settings", "files")}
    except (Damaged, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = str(error) if isinstance(error, Damaged) else "its description is damaged"
        text = message("--load", "a checkpoint that --save wrote", f"{path} ({reason})")
        raise UsageError(text) from None
    for key, expected in (("version", VERSION), ("lab", lab)):
        if found[key] != expected:
            fail("--load", f"a checkpoint of {key} {expected}", f"{path}, of {key} {found[key]!r}")
    if not isinstance(found["settings"], dict) or not isinstance(found["files"], dict):
        fail("--load", "a checkpoint with settings and files", path)
    return Checkpoint(path, found, members)


def _check_about(name: str, found: Header) -> None:
    if found.shape != () or found.dtype.kind != "U" or found.dtype.itemsize > MOST_ABOUT:
        raise Damaged("its description is damaged")


def _check_losses(found: Header, lab: TrainingLab[Training]) -> None:
    if len(found.shape) != 1 or found.dtype != np.float64:
        raise Damaged(f"losses of shape {found.shape} and dtype {found.dtype}")
    if found.shape[0] > lab.steps:
        fail("--load", f"--steps of at least {found.shape[0]}, as it took", lab.steps)


def _check_held_out(name: str, found: Header) -> None:
    if len(found.shape) != 2 or found.shape[1] != 3 or found.dtype != np.float64:
        raise Damaged(f"{name} of shape {found.shape} and dtype {found.dtype}")


def _equal(name: str, own: Header, found: Header) -> None:
    if own != found:
        raise Damaged(
            f"{name} of shape {found.shape} and dtype {found.dtype}, not {own.shape} and {own.dtype}"
        )


def _none(names: Iterable[str], what: str) -> None:
    for name in sorted(names):
        raise Damaged(f"{name!r} is {what}")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
