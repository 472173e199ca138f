"""Writing files: a file is written whole, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scratch_rnn.checks import fail


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path to write to. It is renamed to `path` at the end; an error leaves `path` unchanged."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def check_writable(option: str, path: Path) -> None:
    """UsageError if the file cannot be written. Called before the work starts."""
    try:
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder")
        part = path.with_name(f".{path.name}.part")
        part.touch()
        part.unlink(missing_ok=True)  # several processes may check at the same time
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        fail(option, "a file in a folder that exists and can be written", f"{path} ({reason})")
