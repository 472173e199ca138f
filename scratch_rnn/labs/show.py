"""What people see of a report: a table, and a picture of its loss curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Group
from rich.table import Table
from rich.text import Text

from scratch_rnn.labs.lab import Lab
from scratch_rnn.labs.run import JUDGED_STEPS, Report

STYLES = {"numpy": "-", "torch": "--", "reference": ":"}
"""Three curves that lie on each other are told apart by their strokes."""


def table(reports: Sequence[Report]) -> Group:
    """One row a run, and below it one line a lab: what came out."""
    view = Table(title="the same weights, the same batches, three that compute")
    view.add_column("lab", no_wrap=True)
    view.add_column("impl", no_wrap=True)
    for column in ("steps", "first loss", "last loss", "seconds", "difference"):
        view.add_column(column, justify="right")
    for report in reports:
        for row, run in enumerate(report.runs):
            ends = [f"{run.losses[i]:.7g}" for i in (0, -1)] if run.losses else ["-", "-"]
            steps, seconds = str(len(run.losses) or "-"), f"{run.seconds:.2f}"
            name, difference = (report.lab.name, _difference(report)) if row == 0 else ("", "")
            last = row == len(report.runs) - 1
            view.add_row(name, run.impl, steps, *ends, seconds, difference, end_section=last)
    view.caption = f"difference: largest relative difference of any two curves (first {JUDGED_STEPS} steps)"
    results = [line for report in reports for line in _results(report)]
    return Group(view, *(Text(line) for line in results))


def plot(report: Report, path: Path) -> None:
    """Write a PNG: the loss curves, and beside them the lab's own picture if it has one."""
    drawings = [
        draw for draw, wanted in ((_curves, bool(report.lab.steps)), (_own, report.lab.has_picture)) if wanted
    ]
    figure = Figure(figsize=(7 * len(drawings), 4.2), layout="constrained")
    for axes, draw in zip(figure.subplots(1, len(drawings), squeeze=False)[0], drawings, strict=True):
        draw(axes, report)
    figure.savefig(path, dpi=120, format="png")


def can_plot(lab: Lab) -> bool:
    """Whether there is anything to draw."""
    return bool(lab.steps) or lab.has_picture


def _curves(axes: Any, report: Report) -> None:
    for run in report.runs:
        axes.plot(run.losses, STYLES[run.impl], label=run.impl, linewidth=2)
    axes.set_title(f"{report.lab.name}: loss")
    axes.set_xlabel("step")
    axes.set_ylabel("loss, before the step's update")
    axes.legend()
    axes.grid(alpha=0.3)


def _own(axes: Any, report: Report) -> None:
    report.lab.picture(axes, {run.impl: run.result for run in report.runs})


def _results(report: Report) -> list[str]:
    """One line where all implementations say the same, else one each."""
    said = {run.impl: report.lab.summary(run.result) for run in report.runs}
    if len(set(said.values())) == 1:
        return [f"{report.lab.name}: {next(iter(said.values()))}"]
    return [f"{report.lab.name}, {impl}: {text}" for impl, text in said.items()]


def _difference(report: Report) -> str:
    """The judged one, and the one over all steps where there are more."""
    judged, whole = report.difference(JUDGED_STEPS), report.difference()
    if judged is None or whole is None:
        return "-"
    more = f"\n(all {whole:.0e})" if len(report.runs[0].losses) > JUDGED_STEPS else ""
    return f"{judged:.0e}{more}"
