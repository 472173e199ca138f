"""The parity report as tables and as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scratch_rnn.outputs import replacing
from scratch_rnn.parity.cases import FORMS
from scratch_rnn.parity.comparison import CONTENDERS
from scratch_rnn.parity.report import BOUND, COLUMNS, SMALL_BOUND, Report, Row

Table = tuple[Sequence[str], list[list[str]]]
"""Titles and rows of text."""


def number(value: float | None) -> str:
    """An error in two digits; empty where there is none."""
    return "" if value is None else f"{value:.1e}"


def float64_table(report: Report) -> Table:
    """One line per kind, form and contender: the worst error of each column for H ≥ 8, and of small sizes."""
    titles = ["kind", "form", "contender", "cases", *COLUMNS, "H < 8", "complex step"]
    rows = [
        [row.kind, row.form, f"{row.tree} {row.engine}", str(row.cases)]
        + [number(row.worst.get(column)) for column in COLUMNS]
        + [number(max(row.worst_small.values(), default=None)), number(row.worst_complex)]
        for row in report.rows
    ]
    return titles, rows


def float32_table(report: Report) -> Table:
    """One line per contender and column: our float32 error over torch.nn's own."""
    titles = ["contender", "column", "figures", "median", "90 %", "worst"]
    rows = [
        [f"{r['tree']} {r['engine']}", r["column"], str(r["figures"])]
        + [f"{r[key]:.2f}" for key in ("median", "p90", "worst")]
        for r in report.ratios()
    ]
    return titles, rows


def summary_table(report: Report) -> Table:
    """One line per form: the worst float64 error of each contender, over all kinds and columns."""
    titles = ["form", "cases", *(f"{tree} {engine}" for tree, engine in CONTENDERS), "complex step"]
    rows = []
    for form in (*FORMS, "seq2seq"):
        of_form = [row for row in report.rows if row.form == form]
        cells = [_worst([row for row in of_form if (row.tree, row.engine) == c]) for c in CONTENDERS]
        steps = [row.worst_complex for row in of_form if row.worst_complex is not None]
        cases = sum(row.cases for row in of_form if row.tree == "numpy" and row.engine == of_form[0].engine)
        rows.append([form, str(cases), *map(number, cells), number(max(steps, default=None))])
    return titles, rows


def markdown(table: Table) -> str:
    """A table as Markdown."""
    titles, rows = table
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def plot(report: Report, path: Path) -> None:
    """Every worst float64 error as a dot on a log axis, one line per form, beside its bound."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    forms = [*FORMS, "seq2seq"]
    for shift, (tree, engine) in enumerate(CONTENDERS):
        points = [
            (error, forms.index(row.form) + 0.18 * (shift - 1.5))
            for row in report.rows
            if (row.tree, row.engine) == (tree, engine)
            for error in row.worst.values()
            if error > 0
        ]
        if points:
            xs, ys = zip(*points, strict=True)
            axes.plot(xs, ys, "o", markersize=4, alpha=0.6, label=f"{tree} {engine}")
    for bound, text in ((BOUND, "bound, H ≥ 8"), (SMALL_BOUND, "bound, H < 8")):
        axes.axvline(bound, color="0.4", linestyle="--")
        axes.text(bound, -0.75, f" {text}", fontsize=8, color="0.3", va="top")
    axes.set(xscale="log", yticks=range(len(forms)), yticklabels=forms, ylim=(len(forms) - 0.4, -0.9))
    axes.set_xlabel("worst error of a tensor, relative to its largest entry in torch.nn (float64)")
    axes.set_title(f"Outputs and gradients against torch.nn: {report.rounds} rounds, seed {report.seed}")
    axes.legend(loc="lower right", fontsize=8)
    axes.grid(axis="x", alpha=0.3)
    with replacing(path) as part:
        figure.savefig(part, format=path.suffix.lstrip(".") or "png", dpi=120)


def _worst(rows: Sequence[Row]) -> float | None:
    values: list[Any] = [v for row in rows for v in (*row.worst.values(), *row.worst_small.values())]
    return max(values, default=None)
