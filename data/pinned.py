"""The packages that the data files come from: their pinned versions, and a reader for their files.

Is: a reader that looks a file up by the package's own record, without importing the package, so
`pip install --no-deps` is enough. Is not: an installer (the pip line is in README.md).
"""

import gzip
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

PINS = {
    "bokeh_sampledata": "2026.1",
    "emoji": "2.16.0",
    "scikit-learn": "1.9.1",
    "statsmodels": "0.15.0",
    "textblob": "0.20.1",
}


class NotPinnedError(Exception):
    """A package is not installed, or not with the pinned version."""


def source(package: str, path: str) -> str:
    """The text of one file of an installed package, ungzipped; the package must have the pin."""
    try:
        found = distribution(package)
    except PackageNotFoundError:
        raise NotPinnedError(f"expected {package}=={PINS[package]}; not installed") from None
    if found.version != PINS[package]:
        raise NotPinnedError(f"expected {package}=={PINS[package]}; got {found.version}")
    raw = Path(str(found.locate_file(path))).read_bytes()
    return (gzip.decompress(raw) if path.endswith(".gz") else raw).decode("utf-8")


def lines(rows: Iterable[str]) -> str:
    """The rows, each ended by a newline."""
    return "".join(f"{row}\n" for row in rows)
