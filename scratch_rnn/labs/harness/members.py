"""The arrays of an .npz file, one by one: the header of each is checked before its data is read.

np.load reads whatever a file declares, and advises to allow pickles where a file is bad. Here the reader says
what it expects, so a small file cannot fill the memory, and nothing is ever unpickled.
"""

import io
import math
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.lib import format as npy

from scratch_rnn.checks import UsageError

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
"""Readers of the header, by version of the .npy format."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compressions that can be unpacked piece by piece."""


class Damaged(Exception):
    """The file, or a member of it, is not what np.savez writes."""


class Header(NamedTuple):
    """What a member declares of its array."""

    shape: tuple[int, ...]
    dtype: np.dtype


class Members:
    """The members of an .npz file, given as bytes. Damaged if it is none."""

    def __init__(self, data: bytes) -> None:
        with _translated("the file"):
            self.file = zipfile.ZipFile(io.BytesIO(data))
        names = self.file.namelist()
        if len(set(names)) < len(names):
            raise Damaged("two members of one name")
        if not all(name.endswith(".npy") for name in names):
            raise Damaged("a member that is no array")
        self.names: Sequence[str] = [name.removesuffix(".npy") for name in names]

    def read(self, name: str, check: Callable[[str, Header], None]) -> ndarray:
        """The array of this name. `check` sees the header first, and raises if it is wrong."""
        with _translated(name):
            info = self.file.getinfo(f"{name}.npy")
            if info.compress_type not in METHODS:
                raise Damaged(f"{name} in an unknown compression")
            with self.file.open(info) as member:
                shape, fortran, dtype = _header(member)
                check(name, Header(shape, dtype))
                size = math.prod(shape) * dtype.itemsize
                data = member.read(size)
                if len(data) != size or member.read(1):  # reading to the end compares the checksum
                    raise Damaged(f"{name} with more or less data than it declares")
        array = np.frombuffer(data, dtype)
        return array.reshape(shape, order="F" if fortran else "C").copy()


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(member)
    if version not in HEADERS:
        raise Damaged(f"version {version} of the .npy format")
    shape, fortran, dtype = HEADERS[version](member)
    if dtype.hasobject or min(shape, default=0) < 0:
        raise Damaged("an array that is not of plain numbers or text")
    return shape, fortran, dtype


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Damaged, with our own text, for the many types that zipfile, zlib and numpy raise for a bad file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    except (Damaged, UsageError, MemoryError):
        raise
    except Exception:
        raise Damaged(f"{what} is damaged") from None
