"""The PNG of a run: ratios to torch.nn with quartiles; growth of time and memory with T or H; the ladder."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from textwrap import fill
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.cases import CELLS, SWEEPS
from benchmarks.ladder.rungs import RUNGS
from benchmarks.registry import BASELINE, CONTENDERS
from benchmarks.timing.rounds import Row, grouped
from scratch_rnn.outputs import replacing

PALETTE = (
    *("black", "0.55", "0.3", "tab:red", "tab:pink", "tab:orange", "gold", "tab:brown", "peru"),
    *("tab:blue", "tab:cyan", "0.7", "0.8"),
)
COLOURS = dict(zip(CONTENDERS, PALETTE, strict=True))
End = tuple[tuple[float, float], str, str]
"""The last point of a line, its name and colour."""
Panel = Callable[[Any], list[End]]
QUANTITIES: dict[str, Callable[[Row], float | None]] = {
    "time of a training step (ms)": lambda row: row.seconds and row.seconds.median * 1e3,
    "peak memory (MiB)": lambda row: None if "floor" in row.contender else (row.memory or 0) / 2**20,
}
SIZE = "T steps, N batch, I input, H hidden"
LINE = 0.055
"""The height of a label, as a share of its panel."""


def plot(rows: Sequence[Row], path: Path, where: str) -> None:
    """Of the ladder, one panel per mode; of a sweep, time and peak memory for each cell; else one panel per
    form, padded float32 alone if there are more than six forms.
    """
    timed = [row for row in rows if row.seconds is not None]
    if any(row.baseline in RUNGS for row in timed):
        modes = grouped(timed, "mode")
        _draw([partial(_ladder, mode=mode, rows=found) for mode, found in modes.items()], path, where)
    elif panels := _sweeps(timed):
        _draw(panels, path, where, sharey=False)
    else:
        forms = grouped(timed, "form")
        if len(forms) > 6:
            forms = {form: found for form, found in forms.items() if form.endswith("padded float32")} or forms
        _draw([partial(_ratios, form=form, rows=found) for form, found in forms.items()], path, where)


def _sweeps(rows: Sequence[Row]) -> list[Panel]:
    """The panels of each sweep of which at least three sizes were timed."""
    panels: list[Panel] = []
    for letter, sizes in SWEEPS.items():
        found = [row for row in rows if row.case.size in sizes and row.case.mode == "training"]
        if len({row.case.size for row in found}) > 2:
            panels += [
                partial(_growth, cell=cell, letter=letter, quantity=quantity, rows=found)
                for quantity, cell in product(QUANTITIES, CELLS)
            ]
    return panels


def _draw(panels: Sequence[Panel], path: Path, where: str, sharey: bool = True) -> None:
    columns = min(3, max(1, len(panels)))
    lines = max(1, -(-len(panels) // columns))
    figure = Figure(figsize=(6.2 * columns, 4.2 * lines + 0.8), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharey=sharey).flatten()
    drawn = [(axes, panel(axes)) for axes, panel in zip(grid, panels, strict=False)]
    for axes, ends in drawn:  # all are drawn: a shared scale has its limits
        axes.tick_params(labelleft=True)
        _label(axes, ends)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    figure.supxlabel(fill(where, 80 * columns), fontsize=9, color="0.35")
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=110, format="png")


def _logarithmic(axes: Any) -> None:
    """The vertical axis, with ticks at 1, 2, 5, 10, … in plain decimal notation."""
    axes.set_yscale("log")
    axis = axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _ratios(axes: Any, form: str, rows: Sequence[Row]) -> list[End]:
    """One point per size and contender, with quartiles."""
    sizes = list(dict.fromkeys(row.case.size for row in rows))
    names = [name for name in COLOURS if any(row.contender == name and row.ratio for row in rows)]
    axes.axhline(1, color=COLOURS[BASELINE], linewidth=1)
    ends: list[End] = [((len(sizes) - 0.4, 1), BASELINE, COLOURS[BASELINE])]
    for number, name in enumerate(names):
        shift = (number - (len(names) - 1) / 2) * 0.6 / len(names)
        ratios = {row.case.size: row.ratio for row in rows if row.contender == name and row.ratio}
        places = [sizes.index(size) + shift for size in ratios]
        medians = [r.median for r in ratios.values()]
        bars = [[r.median - r.q1 for r in ratios.values()], [r.q3 - r.median for r in ratios.values()]]
        axes.errorbar(places, medians, bars, fmt="o", markersize=4, color=COLOURS[name])
        ends.append(((places[-1], medians[-1]), name, COLOURS[name]))
    _logarithmic(axes)
    axes.set_xticks(range(len(sizes)), [str(size) for size in sizes], rotation=30, ha="right", fontsize=8)
    axes.set_xlim(-0.6, len(sizes) - 0.4)
    axes.set(xlabel=SIZE, ylabel=f"times as fast as {BASELINE} (faster ↑)", title=form)
    axes.grid(axis="y", which="both", alpha=0.25)
    return ends


def _growth(axes: Any, cell: str, letter: str, quantity: str, rows: Sequence[Row]) -> list[End]:
    """One line per contender."""
    axis = "steps" if letter == "T" else "hidden"
    ends: list[End] = []
    for name, colour in COLOURS.items():
        points = sorted(
            (getattr(row.case.size, axis), found)
            for row in rows
            if row.case.cell == cell and row.contender == name and (found := QUANTITIES[quantity](row))
        )
        if points:
            axes.plot(*zip(*points, strict=True), "o-", markersize=4, color=colour)
            ends.append((points[-1], name, colour))
    fixed = "N=32, I=H=64" if letter == "T" else "T=50, N=32, I=H"
    axes.set(xlabel=f"{letter} ({axis})", ylabel=quantity, title=f"{cell.upper()} training, {fixed}")
    _logarithmic(axes)
    axes.set_xscale("log")
    axes.set_xticks(places := sorted({getattr(row.case.size, axis) for row in rows}), places)
    axes.set_xticks([], minor=True)
    axes.grid(which="both", alpha=0.25)
    return ends


def _label(axes: Any, ends: Sequence[End]) -> None:
    """The name of each line to the right of its last point, in ascending order, none above another."""
    axes.autoscale_view()
    ends = sorted(ends, key=lambda end: end[0][1])
    to_axes, least = axes.transData + axes.transAxes.inverted(), 0.0
    heights = [to_axes.transform(point)[1] for point, _, _ in ends]
    for number, ((point, name, colour), height) in enumerate(zip(ends, heights, strict=True)):
        least = place = min(max(height, least), 1 - LINE * (len(ends) - 1 - number))
        least += LINE
        arrow = {"arrowstyle": "-", "color": colour, "linewidth": 0.8, "relpos": (0, 0.5)}
        where = {"xytext": (1.05, place), "textcoords": "axes fraction", "va": "center", "fontsize": 8}
        axes.annotate(name, point, **where, arrowprops=arrow)


def _ladder(axes: Any, mode: str, rows: Sequence[Row]) -> list[End]:
    """One line per cell; dotted, the limit that its matrix products alone set."""
    rungs, ends = list(RUNGS), list[End]()
    for cell, colour in zip(CELLS, ("tab:green", "tab:blue", "tab:red"), strict=True):
        own = [row for row in rows if row.case.cell == cell]
        times = {row.contender: row.seconds.median for row in own if row.seconds is not None}
        found = [name for name in rungs if name in times]
        if not found:
            continue
        speeds = [times[found[0]] / times[name] for name in found]
        axes.plot([rungs.index(name) for name in found], speeds, "o-", color=colour)
        ends.append(((rungs.index(found[-1]), speeds[-1]), cell.upper(), colour))
        if "floor-numpy" in times:
            limit = times[found[0]] / times["floor-numpy"]
            axes.axhline(limit, color=colour, linestyle=":")
            ends.append(((len(rungs) - 0.7, limit), f"{cell.upper()}: products alone", colour))
    axes.set_xticks(range(len(rungs)), rungs, rotation=30, ha="right", fontsize=8)
    axes.set_xlim(-0.3, len(rungs) - 0.7)
    _logarithmic(axes)
    title = f"{mode}, T,N,I,H = {rows[0].case.size}, {rows[0].case.dtype}"
    axes.set(ylabel=f"times as fast as {rungs[0]} (faster ↑)", title=title)
    axes.grid(axis="y", which="both", alpha=0.25)
    return ends
