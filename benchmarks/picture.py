"""The PNG of a run: ratios to torch.nn with their quartiles, how time grows with T and with H, the ladder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.cases import CELLS, SIZES, SWEEPS
from benchmarks.contenders import BASELINE
from benchmarks.rounds import Row
from scratch_rnn.outputs import replacing

COLOURS = {
    "torch.nn": "black",
    "torch.nn-aten": "0.55",
    "torch-fused": "tab:red",
    "torch-fused-graph": "tab:pink",
    "torch-steps": "tab:orange",
    "torch-compile": "tab:brown",
    "numpy-fused": "tab:blue",
    "numpy-steps": "tab:cyan",
    "onnx": "tab:green",
}
PLAIN = ("padded float32",)
Panel = Callable[[Any], None]


def plot(rows: Sequence[Row], path: Path, where: str) -> None:
    """Padded float32 at every size, and the sweeps; other forms where there is nothing else."""
    timed = [row for row in rows if row.seconds is not None]
    plain = [row for row in timed if row.case.form.endswith(PLAIN)] or timed
    forms = list(dict.fromkeys(row.case.form for row in plain))
    panels = [_ratios(form, [row for row in plain if row.case.form == form]) for form in forms]
    _draw(panels + _sweeps(plain), path, where)


def plot_ladder(rows: Sequence[Row], rungs: Sequence[str], path: Path, where: str) -> None:
    """How much faster than the first rung each one is, and where the floor lies."""
    timed = [row for row in rows if row.seconds is not None]
    whats = list(dict.fromkeys(row.case.what for row in timed))
    _draw(
        [_climb(what, [row for row in timed if row.case.what == what], rungs) for what in whats], path, where
    )


def _draw(panels: Sequence[Panel], path: Path, where: str) -> None:
    columns = min(3, max(1, len(panels)))
    lines = max(1, -(-len(panels) // columns))
    figure = Figure(figsize=(6.2 * columns, 4.2 * lines + 0.8), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False).flatten()
    for axes, panel in zip(grid, panels, strict=False):
        panel(axes)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    named: dict[str, Any] = {}
    for axes in grid:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    figure.legend(list(named.values()), list(named), loc="outside upper center", ncols=6, fontsize=9)
    figure.supxlabel(where, fontsize=9, color="0.35")
    with replacing(path) as beside:
        figure.savefig(beside, dpi=110, format="png")


def _logarithmic(axis: Any) -> None:
    """Ticks at 1, 2, 5, 10, …, written as people write them."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _ratios(form: str, rows: Sequence[Row]) -> Panel:
    """A point a size and contender, with quartiles; of many sizes, without those of the sweeps."""
    sizes = list(dict.fromkeys(row.case.size for row in rows))
    if len(sizes) > len(SIZES):
        sizes = [size for size in SIZES if size in sizes]
    names = [name for name in COLOURS if any(row.contender == name and row.ratio for row in rows)]

    def draw(axes: Any) -> None:
        axes.axhline(1, color=COLOURS[BASELINE], linewidth=1, label=BASELINE)
        for number, name in enumerate(names):
            found = [row for row in rows if row.contender == name and row.ratio and row.case.size in sizes]
            ratios = [row.ratio for row in found if row.ratio is not None]
            shift = (number - (len(names) - 1) / 2) * 0.6 / max(1, len(names))
            places = [sizes.index(row.case.size) + shift for row in found]
            ends = [[r.median - r.q1 for r in ratios], [r.q3 - r.median for r in ratios]]
            medians = [r.median for r in ratios]
            axes.errorbar(places, medians, ends, fmt="o", markersize=4, color=COLOURS[name], label=name)
        _logarithmic(axes.yaxis)
        axes.set_xticks(range(len(sizes)), [str(size) for size in sizes], rotation=30, ha="right", fontsize=8)
        axes.set_xlim(-0.6, len(sizes) - 0.4)
        axes.set_ylabel(f"time({BASELINE}) / time")
        axes.set_title(form)
        axes.grid(axis="y", which="both", alpha=0.25)

    return draw


def _sweeps(rows: Sequence[Row]) -> list[Panel]:
    """Seconds of a step against T and against H, for every cell that has been swept."""
    panels = []
    for letter, sizes in SWEEPS.items():
        for cell in CELLS:
            found = [
                row for row in rows if row.case.cell == cell and row.case.training and row.case.size in sizes
            ]
            if len({row.case.size for row in found}) > 2:
                panels.append(_growth(cell, letter, found))
    return panels


def _growth(cell: str, letter: str, rows: Sequence[Row]) -> Panel:
    def draw(axes: Any) -> None:
        for name, colour in COLOURS.items():
            found = sorted((row for row in rows if row.contender == name), key=lambda row: row.case.size)
            xs = [row.case.size.steps if letter == "T" else row.case.size.hidden for row in found]
            times = [row.seconds.median * 1e3 for row in found if row.seconds is not None]
            if times:
                axes.plot(xs, times, "o-", markersize=4, color=colour, label=name)
        fixed = "N=32, I=H=64" if letter == "T" else "T=50, N=32, I=H"
        axes.set_title(f"{cell.upper()} training, {fixed}")
        axes.set(xlabel=letter, ylabel="ms a step")
        _logarithmic(axes.yaxis)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xticks(sorted({size.steps if letter == "T" else size.hidden for size in SWEEPS[letter]}))
        axes.grid(which="both", alpha=0.25)

    return draw


def _climb(what: str, rows: Sequence[Row], rungs: Sequence[str]) -> Panel:
    def draw(axes: Any) -> None:
        for cell, colour in zip(CELLS, ("tab:green", "tab:blue", "tab:red"), strict=True):
            times = {
                r.contender: r.seconds.median for r in rows if r.case.cell == cell and r.seconds is not None
            }
            found = [name for name in rungs if name in times]
            if not found:
                continue
            speeds = [times[found[0]] / times[name] for name in found]
            axes.plot([rungs.index(name) for name in found], speeds, "o-", color=colour, label=cell.upper())
            if "floor-numpy" in times:
                limit = times[found[0]] / times["floor-numpy"]
                axes.axhline(
                    limit, color=colour, linestyle=":", label=f"{cell.upper()}: matrix products alone"
                )
        axes.set_xticks(range(len(rungs)), rungs, rotation=30, ha="right", fontsize=8)
        _logarithmic(axes.yaxis)
        axes.set_ylabel("times as fast as the first rung")
        axes.set_title(f"{what}, {rows[0].case.size} {rows[0].case.dtype}" if rows else what)
        axes.grid(axis="y", which="both", alpha=0.25)

    return draw
