"""Writing files: a file is written whole, or not at all.

An output path means what it means after a shell's `>`: a symbolic link is followed, an existing file keeps
its mode and owner, and what is not a regular file (a pipe, a device) is written to. A regular file is
replaced in one step, so that a reader sees the old content or the new one. A file without any write
permission is refused, for the superuser too.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE, S_ISDIR, S_ISREG, S_ISSOCK

from scratch_rnn.checks import fail

PICTURES = (".png", ".svg", ".pdf")
"""Suffixes of pictures, in lower case."""
ANY_WRITE = 0o222
"""The write permissions of owner, group and others."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path to write to. It becomes `path` at the end; an error leaves `path` unchanged.

    Every call has a temporary file of its own, so several processes may write to one path: the last one wins.
    OSError if `path` cannot be written.
    """
    before = _status(path)
    replace = before is None or S_ISREG(before.st_mode)
    target = Path(os.path.realpath(path)) if replace else path
    part = _create(target.parent if replace else Path(tempfile.gettempdir()))
    try:
        yield part
        if replace:
            _become(part, target, before)
        else:
            with part.open("rb") as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
    finally:
        part.unlink(missing_ok=True)


def check_writable(option: str, path: Path) -> None:
    """UsageError if the file cannot be written. Called before the work starts."""
    try:
        before = _status(path)
        if before is None or S_ISREG(before.st_mode):
            _create(Path(os.path.realpath(path)).parent).unlink()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        fail(option, "a file in a folder that exists and can be written", f"{path} ({reason})")


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths name one file, which need not exist."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return os.path.realpath(one) == os.path.realpath(other)


def _status(path: Path) -> os.stat_result | None:
    """What is there: None for a new file. OSError for a folder, a socket, and what cannot be written."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if S_ISDIR(found.st_mode):
        raise IsADirectoryError(f"{path} is a folder")
    if S_ISSOCK(found.st_mode):
        raise OSError(f"{path} is a socket")
    if not found.st_mode & ANY_WRITE or not os.access(path, os.W_OK):
        raise PermissionError(f"{path} is read-only")
    return found


def _create(folder: Path) -> Path:
    """A new empty file. Its mode is that of any new file, which tempfile's is not."""
    while True:
        part = folder / f".scratch_rnn-{secrets.token_hex(8)}.part"
        with contextlib.suppress(FileExistsError):
            part.touch(exist_ok=False)
            return part


def _become(part: Path, target: Path, before: os.stat_result | None) -> None:
    """Rename to `target`, with the owner and the mode that it had; all of it reaches the disk."""
    if before is not None:
        if hasattr(os, "chown"):
            with contextlib.suppress(OSError):  # only the superuser gives files away
                os.chown(part, before.st_uid, before.st_gid)
        part.chmod(S_IMODE(before.st_mode))
    _sync(part, os.O_RDWR)
    part.replace(target)
    if hasattr(os, "O_DIRECTORY"):  # where a folder can be opened
        with contextlib.suppress(OSError):  # some file systems refuse it
            _sync(target.parent, os.O_RDONLY)


def _sync(path: Path, mode: int) -> None:
    """Wait until the file or the folder is on the disk."""
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
