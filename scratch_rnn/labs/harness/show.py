"""A report as a table, a picture and a JSON file."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich import box
from rich.table import Table

from scratch_rnn.fonts import set_fonts
from scratch_rnn.labs.harness.implementations import has_engine
from scratch_rnn.labs.harness.lab import Training, TrainingLab
from scratch_rnn.labs.harness.run import JUDGED_STEPS, TOLERANCE, Report
from scratch_rnn.outputs import replacing

VISIBLE = 1e-3
"""Curves with a smaller relative difference are drawn as one."""
LOGARITHMIC = 5
"""The loss axis is logarithmic if the largest loss is more than this many times the smallest."""
DIVERGED = 1.5
"""A run diverges if its last losses are more than this many times its first ones."""


def table(reports: Sequence[Report]) -> Table:
    """One row per run."""
    comparing = any(len(report.runs) > 1 for report in reports)
    view = Table(
        title="the same weights and batches on all implementations" if comparing else None,
        caption="difference: largest relative difference of any two loss curves, "
        f"first {JUDGED_STEPS} steps (and all)"
        if comparing
        else None,
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for column in ("lab", "implementation"):
        view.add_column(column, no_wrap=True)
    for column in ("steps", "first loss", "last loss", "seconds", *["difference"] * comparing):
        view.add_column(column, justify="right", no_wrap=True)
    for report in reports:
        for row, run in enumerate(report.runs):
            ends = [f"{run.losses[i]:.5g}" for i in (0, -1)] if run.losses else ["-", "-"]
            steps, seconds = str(len(run.losses) or "-"), f"{run.seconds:.2f}"
            name, difference = (report.lab.name, _difference(report)) if row == 0 else ("", "")
            label = implementation_label(run.impl, report.lab.settings.engine)
            last = row == len(report.runs) - 1
            cells = (name, label, steps, *ends, seconds, *[difference] * comparing)
            view.add_row(*cells, end_section=last)
    return view


def implementation_label(impl: str, engine: str) -> str:
    """The implementation and, if it has one, the engine that it ran on.

    >>> implementation_label("numpy", "steps"), implementation_label("reference", "steps")
    ('numpy (steps)', 'reference')
    """
    return f"{impl} ({engine})" if has_engine(impl) else impl


def results(report: Report) -> list[str]:
    """The results: one line if all implementations have the same, else one line each."""
    summaries = {run.impl: report.lab.summary(run.result) for run in report.runs}
    if len(set(summaries.values())) == 1:
        return [f"{report.lab.name}: {next(iter(summaries.values()))}"]
    return [f"{report.lab.name}, {impl}: {text}" for impl, text in summaries.items()]


def divergences(report: Report) -> list[str]:
    """A warning for each run whose last losses are much larger than its first ones (medians of a tenth)."""
    warnings = []
    for run in report.runs:
        tenth = len(run.losses) // 10
        if tenth == 0:
            continue
        first, last = median(run.losses[:tenth]), median(run.losses[-tenth:])
        if last > DIVERGED * first:
            warnings.append(
                f"{report.lab.name}: {run.impl}: training diverges: the loss rises from {first:.4g} to "
                f"{last:.4g}; try a smaller --lr, or --clip"
            )
    return warnings


def plot(report: Report, path: Path) -> str | None:
    """Write a picture in the format of its suffix: the loss curves, and the lab's own picture if any.

    Returns a sentence to print where no installed font has some characters.
    """
    drawings = [
        draw for draw, shown in ((_curves, bool(report.lab.steps)), (_own, report.lab.has_picture)) if shown
    ]
    figure = Figure(figsize=(7.5 * len(drawings), 5), layout="constrained")
    parts = figure.subfigures(1, len(drawings), squeeze=False)[0]
    for part, draw in zip(parts, drawings, strict=True):
        draw(part, report)
    missing = set_fonts(figure)
    with replacing(path) as beside:
        figure.savefig(beside, dpi=120, format=path.suffix[1:].lower())
    return missing


def write_json(report: Report, path: Path) -> None:
    """Write the report as JSON."""
    text = json.dumps(report.as_json(), indent=1, ensure_ascii=False)
    with replacing(path) as part:
        # A file name that is not UTF-8 has surrogates, which JSON writes as escapes.
        part.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def _curves(part: Any, report: Report) -> None:
    """One curve where the implementations agree, and below it how much they differ at each step."""
    lab, several = report.lab, len(report.runs) > 1
    assert isinstance(lab, TrainingLab)
    grid = part.subplots(1 + several, 1, squeeze=False, height_ratios=[3, 1][: 1 + several], sharex=True)[
        :, 0
    ]
    axes, window = grid[0], _window(lab)
    equal = (report.difference() or 0) < VISIBLE
    drawn = [(", ".join(run.impl for run in report.runs), report.runs[0].losses)] if equal else []
    drawn = drawn or [(run.impl, run.losses) for run in report.runs]
    other = lab.comparison()
    for n, (label, losses) in enumerate([*drawn, *([other] if other else [])]):
        mean = running_mean(losses, window)
        if window > 1:
            axes.plot(losses, color=f"C{n}", linewidth=0.6, alpha=0.3)
        axes.plot(range(len(losses) - len(mean), len(losses)), mean, color=f"C{n}", linewidth=2, label=label)
    for label, level in lab.reference_losses().items():
        axes.axhline(level, color="0.4", linewidth=1, linestyle="--", label=f"{label}: {level:.4g}")
    losses = running_mean(drawn[0][1], window)
    if min(losses) > 0 and max(losses) > LOGARITHMIC * min(losses):
        axes.set_yscale("log")
    mean_of = f", mean of {window} steps" if window > 1 else ""
    axes.set_title(f"{lab.name}: loss before each update{mean_of}")
    axes.set_ylabel(f"loss ({lab.loss_unit})")
    if lab.bits:
        to_bits = (lambda nats: nats / math.log(2)), (lambda bits: bits * math.log(2))
        axes.secondary_yaxis("right", functions=to_bits).set_ylabel(lab.loss_unit.replace("nats", "bits"))
    axes.legend()
    axes.grid(alpha=0.3)
    if several:
        _draw_differences(grid[1], report)
    grid[-1].set_xlabel("step (update)")


def _draw_differences(axes: Axes, report: Report) -> None:
    """|a - b| / max(|a|, |b|) of each implementation's loss and the first one's, by step; 0 is not drawn."""
    first, *others = report.runs
    for n, run in enumerate(others, 1):
        a, b = np.array(first.losses), np.array(run.losses)
        difference = np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), math.ulp(0))
        difference[difference == 0] = np.nan
        label = f"{run.impl} – {first.impl}"
        axes.plot(difference, ".", color=f"C{n}", markersize=3, label=label, alpha=0.6)
    if report.lab.settings.dtype == "float64":
        judged = [0, min(JUDGED_STEPS, len(first.losses)) - 1]
        axes.plot(judged, [TOLERANCE] * 2, "k--", linewidth=1, label="limit")
    axes.set_yscale("log")
    axes.set_ylim(1e-17, max(1e-7, 10 * (report.difference() or 0)))
    axes.set_ylabel("relative\ndifference")
    # above the panel: the differences may lie anywhere in it
    axes.legend(
        fontsize=7, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2, frameon=False, ncols=3
    )
    axes.grid(alpha=0.3)


def _window(lab: TrainingLab[Training]) -> int:
    """Steps of the running mean: where batches differ, an epoch or 50, but at most a tenth of the run."""
    return min(max(lab.epoch, 50), lab.steps // 10) or 1 if lab.epoch > 1 else 1


def running_mean(values: Sequence[float], window: int) -> list[float]:
    """The mean of each `window` values in a row.

    >>> running_mean([1, 2, 6, 4], 2)
    [1.5, 4.0, 5.0]
    """
    return [float(each) for each in np.convolve(values, np.ones(window) / window, "valid")]


def _own(part: Any, report: Report) -> None:
    report.lab.picture(part.subplots(), {run.impl: run.result for run in report.runs})


def _difference(report: Report) -> str:
    """The judged difference, and the one over all steps if there are more."""
    judged, whole = report.difference(JUDGED_STEPS), report.difference()
    if judged is None or whole is None:
        return "-"
    more = f"\n(all {whole:.0e})" if len(report.runs[0].losses) > JUDGED_STEPS else ""
    return f"{judged:.0e}{more}"
