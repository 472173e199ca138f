"""A report as a table, a picture and a JSON file."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich import box
from rich.table import Table

from scratch_rnn.labs.harness.implementations import has_engine
from scratch_rnn.labs.harness.lab import STROKES, Lab, Settings, TrainingLab
from scratch_rnn.labs.harness.run import JUDGED_STEPS, Report
from scratch_rnn.outputs import replacing

FORMATS = (".png", ".svg", ".pdf")
"""Suffixes of pictures."""
LOGARITHMIC = 100
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


def plot(report: Report, path: Path) -> None:
    """Write a picture in the format of its suffix: the loss curves, and the lab's own picture if any."""
    drawings = [
        draw for draw, shown in ((_curves, bool(report.lab.steps)), (_own, report.lab.has_picture)) if shown
    ]
    figure = Figure(figsize=(7 * len(drawings), 4.2), layout="constrained")
    for axes, draw in zip(figure.subplots(1, len(drawings), squeeze=False)[0], drawings, strict=True):
        draw(axes, report)
    with replacing(path) as part:
        figure.savefig(part, dpi=120, format=path.suffix[1:].lower())


def write_json(report: Report, path: Path) -> None:
    """Write the report as JSON."""
    text = json.dumps(report.as_json(), indent=1, ensure_ascii=False)
    with replacing(path) as part:
        # A file name that is not UTF-8 has surrogates, which JSON writes as escapes.
        part.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def can_plot(lab: Lab[Settings]) -> bool:
    """Whether the lab has a loss curve or a picture of its own."""
    return bool(lab.steps) or lab.has_picture


def _curves(axes: Axes, report: Report) -> None:
    for run in report.runs:
        axes.plot(run.losses, STROKES[run.impl], label=run.impl, linewidth=2)
    references = report.lab.reference_losses() if isinstance(report.lab, TrainingLab) else {}
    for label, level in references.items():
        axes.axhline(level, color="0.5", linewidth=1, label=f"{label}: {level:.4g}")
    losses = [loss for run in report.runs for loss in run.losses]
    if min(losses) > 0 and max(losses) > LOGARITHMIC * min(losses):
        axes.set_yscale("log")
    axes.set_title(f"{report.lab.name}: loss")
    axes.set_xlabel("step")
    axes.set_ylabel("loss, before the step's update")
    axes.legend()
    axes.grid(alpha=0.3)


def _own(axes: Axes, report: Report) -> None:
    report.lab.picture(axes, {run.impl: run.result for run in report.runs})


def _difference(report: Report) -> str:
    """The judged difference, and the one over all steps if there are more."""
    judged, whole = report.difference(JUDGED_STEPS), report.difference()
    if judged is None or whole is None:
        return "-"
    more = f"\n(all {whole:.0e})" if len(report.runs[0].losses) > JUDGED_STEPS else ""
    return f"{judged:.0e}{more}"
