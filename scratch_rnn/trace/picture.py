"""Heat maps of a trace: units from top to bottom, steps of the sequence from left to right.

    gates (0…1)     bars: an empty cell is 0, a full one is 1
    signed values   blue below 0, orange above, up to the panel's largest absolute value: the ± above it
    gradients       the same on a √ scale, to show small ones: a quarter of the largest has half the colour

What is drawn is read from the source of `step`: the states that a step returns, and every name to which a
numbered equation assigns the result of an activation function; the result of `sigmoid` is a gate. Each is
drawn next to its gradient.
"""

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import FuncNorm, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure, SubFigure
from numpy import ndarray

from scratch_rnn.checks import expect_one_of
from scratch_rnn.fonts import BOX, set_fonts, without_font
from scratch_rnn.outputs import PICTURES
from scratch_rnn.trace.instrument import WHO, Line

SIGNED = LinearSegmentedColormap.from_list("signed", ["#08306b", "#4a90c8", "#f2efe9", "#ee8a36", "#7f2704"])
GATE, EMPTY = 0.25, 0.92
LEGEND = {"gate": ("gate", 1), "signed": ("signed value", 2), "gradient": ("gradient, √ scale", 4)}
"""By kind of panel: its title in the legend, and k: the ticks there are at ±max, ±max / k and 0."""
ACTIVATIONS = {"sigmoid", "tanh", "relu"}
MAX_UNITS, MAX_STEPS = 16, 60
"""A panel shows the first of more."""
VISIBLE = {" ": "␣", "\n": "↵", "\t": "→"}


class Panel(NamedTuple):
    """One heat map: values (T, units); `kind` is "gate", "signed" or "gradient"."""

    name: str
    kind: str
    values: ndarray


class Block(NamedTuple):
    """The pictures of one trace. A row is a value and, after a backward pass, its gradient."""

    title: str
    xlabel: str
    labels: Sequence[str]
    rows: Sequence[Sequence[Panel]]

    @property
    def heights(self) -> list[float]:
        """The height of each row in inches."""
        return [0.4 + 0.11 * max(5, min(MAX_UNITS, row[0].values.shape[1])) for row in self.rows]


def panels(lines: Sequence[Line], states: Sequence[str], values: Mapping[str, ndarray]) -> list[list[Panel]]:
    """The rows of one sequence, in the order of the equations. `values` are (T, F) by name."""
    pairs = [((name, kind), (f"d_{name}", "gradient")) for name, kind in drawn(lines, states)]
    return [[Panel(name, kind, values[name]) for name, kind in pair if name in values] for pair in pairs]


def drawn(lines: Sequence[Line], states: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each name that gets a panel, and the kind of its values."""
    for line in lines:
        for name, functions in line.functions.items():
            activated = line.numbered and functions and ACTIVATIONS.issuperset(functions)
            if activated or name in states:
                yield name, "gate" if set(functions) == {"sigmoid"} else "signed"


def draw(blocks: Sequence[Block], suffix: str = ".png") -> bytes:
    """The blocks below each other, as a file of this kind. ValueError for a suffix not in PICTURES."""
    kind = expect_one_of(WHO, "the picture's suffix", suffix.lower(), PICTURES)[1:]
    steps = min(MAX_STEPS, max(len(block.labels) for block in blocks))
    heights = [0.9 + sum(block.heights) for block in blocks]
    width = max(7.0, 2 * (1.2 + 0.18 * steps))
    figure = Figure(figsize=(width, sum(heights) + 0.8), layout="constrained")
    parts = figure.subfigures(len(blocks) + 1, 1, height_ratios=[*heights, 0.8], squeeze=False)[:, 0]
    for part, block in zip(parts, blocks, strict=False):
        _draw_block(part, block)
    _draw_legend(parts[-1], {panel.kind for block in blocks for row in block.rows for panel in row})
    set_fonts(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=120, format=kind)
    return buffer.getvalue()


def _draw_block(part: SubFigure, block: Block) -> None:
    columns = max(map(len, block.rows))
    grid = part.subplots(len(block.rows), columns, squeeze=False, height_ratios=block.heights)
    headings = ("forward pass", "backward pass: ∂loss/∂value")[:columns]
    part.suptitle(plain_text(block.title), fontsize=11, fontweight="bold")
    for number, (axes_row, row) in enumerate(zip(grid, block.rows, strict=True)):
        for axes, panel, heading in zip(axes_row, row, headings, strict=False):
            _draw_panel(axes, panel)
            _label_steps(axes, block, last=number == len(block.rows) - 1)
            if number == 0:
                axes.set_title(f"{heading}\n", fontsize=10)  # the panel's own title is on the second line


def _draw_panel(axes: Axes, panel: Panel) -> None:
    values = panel.values[:MAX_STEPS, :MAX_UNITS]
    (steps, units), largest = values.shape, float(np.abs(values).max(initial=0.0))
    if panel.kind == "gate":
        _draw_bars(axes, values)
    else:
        norm = _norm(panel.kind, largest)
        axes.imshow(values.T, cmap=SIGNED, norm=norm, aspect="auto", interpolation="none")
    axes.set_xlim(-0.5, steps - 0.5)
    axes.set_ylim(units - 0.5, -0.5)
    scale = "gate, 0…1" if panel.kind == "gate" else f"±{largest:.2g}"
    some = f", units 0–{units - 1} of {panel.values.shape[1]}" if units < panel.values.shape[1] else ""
    axes.set_title(f"{panel.name}   {scale}{some}", fontsize=8, loc="left")
    axes.set_ylabel("unit", fontsize=7)
    axes.set_yticks([0, units - 1] if units > 1 else [0])
    axes.tick_params(labelsize=7, length=2)


def _label_steps(axes: Axes, block: Block, last: bool) -> None:
    """Single characters at each step; longer labels, numbers for example, at about ten of them."""
    labels, steps = block.labels, range(min(MAX_STEPS, len(block.labels)))
    ticks = steps if max(map(len, labels)) == 1 else steps[:: -(-len(steps) // 10)]
    axes.set_xticks(list(ticks), [plain_text(labels[t]) for t in ticks] if last else [])
    if last:
        some = f" (the first {MAX_STEPS} of {len(labels)} steps)" if len(labels) > MAX_STEPS else ""
        axes.set_xlabel(f"{block.xlabel}{some}", fontsize=8)


def _draw_bars(axes: Axes, values: ndarray) -> None:
    """A bar for each value, filled from the bottom of its cell, as one image: a bar is 40 by 8 pixels."""
    steps, units = values.shape
    levels = (np.arange(40)[::-1] + 0.5) / 40
    filled = values.T[:, None, :, None] > levels[:, None, None]  # (units, 40, T, 1)
    bars = np.broadcast_to(np.where(filled, GATE, EMPTY), (units, 40, steps, 8))
    margins = ((0, 0), (5, 5), (0, 0), (1, 1))
    image = np.pad(bars, margins, constant_values=1.0).reshape(50 * units, 10 * steps)
    sides = (-0.5, steps - 0.5, units - 0.5, -0.5)
    axes.imshow(image, cmap="gray", vmin=0, vmax=1, extent=sides, aspect="auto", interpolation="none")


def _norm(kind: str, largest: float) -> Normalize:
    """From -largest to largest, 0 in the middle; gradients on a √ scale."""
    largest = largest or 1.0
    if kind == "signed":
        return Normalize(-largest, largest)
    root = (lambda x: np.sign(x) * np.sqrt(np.abs(x)), lambda y: np.sign(y) * np.square(y))
    return FuncNorm(root, vmin=-largest, vmax=largest)


def _draw_legend(part: SubFigure, kinds: Collection[str]) -> None:
    """The meaning of the bars and colours that the picture uses."""
    shown = [kind for kind in LEGEND if kind in kinds]
    for axes, kind in zip(part.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        title, share = LEGEND[kind]
        if kind == "gate":
            values = np.linspace(0, 1, 5)
            _draw_bars(axes, values[:, None])
            axes.set_ylim(0.5, -0.5)
            axes.set_xticks(range(5), [f"{value:g}" for value in values])
        else:
            norm, ticks = _norm(kind, 1.0), np.array([-1, -1 / share, 0, 1 / share, 1])
            axes.imshow(norm.inverse(np.linspace(0, 1, 201))[None], cmap=SIGNED, norm=norm, aspect="auto")
            labels = ["−max", f"−max/{share}", "0", f"max/{share}", "max"]
            axes.set_xticks(200 * np.asarray(norm(ticks)), labels)
        axes.set_yticks([])
        axes.set_title(title, fontsize=8)
        axes.tick_params(labelsize=7)


def plain_text(text: str) -> str:
    """Text as the picture can show it: blanks made visible, a box for what no font has."""
    if len(text) == 1:
        text = VISIBLE.get(text, text)
    missing = without_font(text)
    return "".join(BOX if each in missing else each for each in text).replace("$", r"\$")
