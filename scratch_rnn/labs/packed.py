"""Lab 11-6, packed: two ways to batch words of different lengths, and how their results differ. No training.

Padding fills a rectangle up to the longest word. Packing keeps real letters only: for every step t, the t-th
letter of every word that has one, longest word first; batch_sizes[t] is the number of these words.

    (1)  cells      padding N · T, packing Σ_t batch_sizes[t] = Σ_n length[n]
    (2)  outputs    at real letters both equal the outputs of each word alone
    (3)  h_n        padded: the state after the padding, wrong for every word but the longest

A second direction reads from the right. In a rectangle it reads a short word's padding before its letters, so
even its outputs at real letters are wrong. Here the second direction is the same network with the same
weights on reversed words; a bidirectional layer would have separate weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from numpy import ndarray

from scratch_rnn.checks import fail
from scratch_rnn.labs.harness.implementations import DType, Implementation
from scratch_rnn.labs.harness.lab import Lab, Result, Settings
from scratch_rnn.labs.harness.options import option
from scratch_rnn.labs.harness.protocols import Model, State, Track, Trainer, untracked
from scratch_rnn.labs.inputs.files import composed, data_file, read_text
from scratch_rnn.labs.inputs.vocabulary import Alphabet
from scratch_rnn.numpy_bptt.packed import pack_sequence, pad_sequence, unpack_sequence

ROUNDING = 100
"""Differences up to this many machine epsilons count as rounding."""
SHOWN_WORDS, SHOWN_LETTERS, H_N_COLUMNS = 20, 16, 7
"""Limits of the picture, and the width of the notes about h_n in cells."""


@dataclass(frozen=True)
class Options(Settings):
    """The options of packed."""

    hidden: int | None = 30
    words: str | None = option(None, "one word per line; default: names of countries", file=True)


class Reading(NamedTuple):
    """Per word: the outputs (length, H) at its real letters, and its final states (S, H)."""

    outputs: list[ndarray]
    states: list[ndarray]


class Packed(Lab[Options]):
    """Words of different lengths in a batch: padded, and packed."""

    name = "packed"
    options = Options
    has_picture = True

    def __init__(self, settings: Options) -> None:
        super().__init__(settings)
        self.words, self.warnings = _read(data_file("--words", settings.words, "words.txt"))
        self.alphabet = Alphabet(sorted(set("".join(self.words))))
        self.x = [self.alphabet.one_hot(self.alphabet.encode(word)) for word in self.words]
        self.longest = max(map(len, self.words))
        self.tolerance = ROUNDING * float(np.finfo(settings.dtype).eps)

    def model(self, implementation: Implementation, dtype: DType) -> Model:
        """RNN(V, 30) without a head."""
        s = self.settings
        return implementation.SequenceModel(s.cell, len(self.alphabet), s.hidden, s.layers, dtype=dtype)

    def result(self, trainer: Trainer, track: Track = untracked) -> Result:
        """Cells, and differences from each word read alone; `outputs` are the packed words' final states."""
        alone, packed, padded = _alone(trainer, self.x), _packed(trainer, self.x), _padded(trainer, self.x)
        reversed_x = [x[::-1].copy() for x in self.x]
        alone_reversed, packed_reversed = _alone(trainer, reversed_x), _packed(trainer, reversed_x)
        padded_reversed = _padded(trainer, reversed_x, padding_first=True)
        layout = pack_sequence(self.x, enforce_sorted=False)
        return {
            "outputs": [state[-1].tolist() for state in packed.states],
            "max_difference_from_one_by_one": max(
                _largest(alone, packed), _largest(alone_reversed, packed_reversed)
            ),
            "padded_cells": len(self.words) * self.longest,
            "packed_cells": len(layout.data),
            "batch_sizes": layout.batch_sizes.tolist(),
            "padded_difference_at_real_letters": max(_each(alone.outputs, padded.outputs)),
            "wrong_final_states": self._wrong_states(_each(alone.states, padded.states)),
            "bidirectional": self._wrong_letters(alone_reversed.outputs, padded_reversed.outputs),
        }

    def _wrong_states(self, differences: Sequence[float]) -> list[Result]:
        """The words whose final state is wrong when padded, with the difference (3)."""
        return [
            {"word": word, "padding": self.longest - len(word), "difference": difference}
            for word, difference in zip(self.words, differences, strict=True)
            if difference > self.tolerance
        ]

    def _wrong_letters(self, alone: Sequence[ndarray], padded: Sequence[ndarray]) -> Result:
        """The wrong outputs of the second direction when padded; letters in the order of the word."""
        words = []
        for word, a, b in zip(self.words, alone, padded, strict=True):
            by_letter = np.abs(a - b).max(axis=1)[::-1]
            wrong = int((by_letter > self.tolerance).sum())
            if wrong:
                words.append({"word": word, "wrong_letters": wrong, "difference_at": by_letter.tolist()})
        return {
            "letters": sum(map(len, self.words)),
            "wrong_letters": sum(each["wrong_letters"] for each in words),
            "max_difference": max(_each(alone, padded)),
            "words": words,
        }

    def summary(self, result: Result) -> str:
        """Numbers of cells, and of wrong states and outputs when padded."""
        r, second, wrong = result, result["bidirectional"], result["wrong_final_states"]
        deviation, by = r["max_difference_from_one_by_one"], ""
        same = "except for rounding" if deviation <= self.tolerance else f"to within {deviation:.0e}"
        if wrong:
            worst = max(wrong, key=lambda each: each["difference"])
            by = f", by up to {worst['difference']:.3f} ({worst['word']!r})"
        return (
            f"{r['padded_cells']} cells padded, {r['packed_cells']} packed; packed equals one by one {same}; "
            f"padded, h_n is wrong for {len(wrong)} of "
            f"{len(self.words)} words{by}, and a second direction's outputs at {second['wrong_letters']} of "
            f"{second['letters']} real letters, by up to {second['max_difference']:.3f}"
        )

    def picture(self, axes: Axes, results: Mapping[str, Result]) -> None:
        """Padding, packing and the packed data of the first words; a colour is a word."""
        words = [word[:SHOWN_LETTERS] for word in self.words[:SHOWN_WORDS]]
        order = sorted(range(len(words)), key=lambda n: -len(words[n]))  # ties keep their order
        width, rows = max(map(len, words)), len(words)
        right, some = width + H_N_COLUMNS, next(iter(results.values()))
        wrong = {each["word"]: each["difference"] for each in some["wrong_final_states"]}
        for row, word in enumerate(words):
            for t in range(width):
                _cell(axes, t, row, word[t : t + 1], row)
            error = wrong.get(self.words[row])
            note = "h_n right" if error is None else f"h_n off by {error:.2g}"
            axes.text(
                width - 0.2, row, note, va="center", fontsize=7, color="k" if error is None else "#b00020"
            )
        data = [(n, words[n][t]) for t in range(width) for n in order if t < len(words[n])]
        for row, n in enumerate(order):
            for t, letter in enumerate(words[n]):
                _cell(axes, right + t, row, letter, n)
        for t in range(width):
            size = sum(t < len(word) for word in words)
            axes.text(right + t, rows, str(size), ha="center", va="center", fontsize=8)
        strip = data[: right + width]
        for place, (n, letter) in enumerate(strip):
            _cell(axes, place, rows + 3, letter, n)
        _label(axes, width, right, rows, len(strip) < len(data))
        cut = "" if words == self.words else f"; shown: {rows} words, {SHOWN_LETTERS} letters at most"
        axes.set_title(f"packed: {some['padded_cells']} cells padded, {some['packed_cells']} packed{cut}")


def _label(axes: Axes, width: int, right: int, rows: int, cut: bool) -> None:
    """Names of the axes and of the parts."""
    axes.text(width / 2, -1.2, "padding: grey cells; step t →", ha="center", fontsize=9)
    axes.text(right + width / 2, -1.2, "packing: longest first; step t →", ha="center", fontsize=9)
    axes.text(right - 0.8, rows, "batch_sizes", ha="right", va="center", fontsize=8)
    dots = ", the first ones" if cut else ""
    axes.text(-0.5, rows + 2, f"data: the packed columns one after the other{dots}", va="center", fontsize=9)
    axes.set(xlim=(-0.6, right + width), ylim=(rows + 3.7, -2), xticks=[])
    axes.set_yticks(range(rows), map(str, range(rows)), fontsize=7)
    axes.set_ylabel("word n (its colour)")
    axes.spines[:].set_visible(False)


def _cell(axes: Axes, column: int, row: int, letter: str, word: int) -> None:
    """One cell in the colour of its word; grey where there is no letter."""
    face = (*colormaps["tab20"](word)[:3], 0.45) if letter else "0.75"
    sides = column - 0.5, column + 0.5
    axes.fill_between(sides, row - 0.5, row + 0.5, facecolor=face, edgecolor="white", linewidth=1)
    if letter.isprintable():
        axes.text(column, row, letter, ha="center", va="center", fontsize=7, parse_math=False)


def _alone(trainer: Trainer, words: Sequence[ndarray]) -> Reading:
    """Each word a batch of its own."""
    readings = [trainer.predict(x[None]) for x in words]
    return Reading([output[0] for output, _ in readings], [_states(state)[0] for _, state in readings])


def _packed(trainer: Trainer, words: Sequence[ndarray]) -> Reading:
    """All words packed: the model packs a list and returns rows."""
    rows, state = trainer.predict(list(words))
    layout = pack_sequence(words, enforce_sorted=False)
    return Reading(unpack_sequence(layout._replace(data=rows)), list(_states(state)))


def _padded(trainer: Trainer, words: Sequence[ndarray], padding_first: bool = False) -> Reading:
    """All words padded to a rectangle."""
    side = "left" if padding_first else "right"
    output, state = trainer.predict(pad_sequence(words, batch_first=True, padding_side=side))
    real = [slice(-len(x), None) if padding_first else slice(len(x)) for x in words]
    outputs = [row[part] for row, part in zip(output, real, strict=True)]
    return Reading(outputs, list(_states(state)))


def _states(state: State) -> ndarray:
    """(N, S, H): for an LSTM c_n of all layers, then h_n of all layers."""
    parts = state if isinstance(state, tuple) else (state,)
    return np.concatenate([np.asarray(part) for part in parts][::-1]).swapaxes(0, 1)


def _each(a: Sequence[ndarray], b: Sequence[ndarray]) -> list[float]:
    """The largest difference of each word."""
    return [float(np.abs(x - y).max()) for x, y in zip(a, b, strict=True)]


def _largest(a: Reading, b: Reading) -> float:
    return max(_each(a.outputs, b.outputs) + _each(a.states, b.states))


def _read(path: Path) -> tuple[list[str], list[str]]:
    """(the words of a file, notes for the user); blank lines are skipped."""
    text, notes = composed(path, read_text("--words", path))
    words = [line.strip() for line in text.split("\n") if line.strip()]
    if len(words) < 2:
        fail("--words", "at least 2 words, one per line", f"{len(words)} in {path}")
    return words, notes
