"""Writing files: a file is written whole, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scratch_rnn.checks import fail


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to, renamed to `path` at the end; whatever goes wrong, `path` stays as it was."""
    beside = path.with_name(f".{path.name}.part")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def check_writable(option: str, path: Path) -> None:
    """A file that cannot be written is found out before the work, not after it."""
    try:
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder")
        beside = path.with_name(f".{path.name}.part")
        beside.touch()
        beside.unlink(missing_ok=True)  # several processes may look at once
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        fail(option, "a file in a folder that exists and can be written", f"{path} ({reason})")
