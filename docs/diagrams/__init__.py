"""Draws the documents' diagrams from the source: `python -m docs.diagrams` writes docs/diagrams/*.svg."""

from collections.abc import Callable
from functools import partial

from . import cells, models

DIAGRAMS: dict[str, Callable[[], str]] = {
    "rnn": partial(cells.draw, "rnn"),
    "lstm": partial(cells.draw, "lstm"),
    "gru": partial(cells.draw, "gru"),
    "unrolled": models.unrolled,
    "seq2seq": models.seq2seq,
}
"""Name of the file -> the function that draws it, as SVG text."""
