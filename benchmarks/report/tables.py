"""The output of a run: tables, one line per case, and a JSON file with every row."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.cases import Case, Size
from benchmarks.registry import BASELINE
from benchmarks.timing.rounds import Row, grouped
from benchmarks.timing.stats import Quartiles
from scratch_rnn.outputs import replacing

COLUMNS = ("ms a step (quartiles)", f"× {BASELINE} (quartiles)", "GFLOP/s", "floor", "memory", "error")
GPU_COLUMNS = ("GPU ms", "µs / T", "launches / T")
LEGEND = f"""memory: the most that a training step needs beyond its input and weights
error: largest difference of any output or gradient from float64 {BASELINE}, relative to the largest entry
× {BASELINE}: its time over the contender's, paired by rounds; above 1 the contender is faster"""
CPU_LEGEND = "floor: the share of its time that the matrix products alone take in the same library"
GPU_LEGEND = f"""names ending in -graph are CUDA graphs and are compared with {BASELINE}-graph
floor: the share of the rate that large products reach on this GPU, measured in the same run
ms a step: wall time, back to back; GPU ms: between events, L2 cache overwritten before
/ T: for each of the T time steps"""


def tables(rows: Sequence[Row]) -> Group:
    """One table per form; below them the libraries that torch.nn used, flags, means and the legend."""
    parts: list[RenderableType] = [_table(form, found) for form, found in grouped(rows, "form").items()]
    rules = [f"{row.case.form}: {row.contender} used {row.kernel} ({row.rule})" for row in rows if row.kernel]
    lines = list(dict.fromkeys(rules))
    lines += [f"{row.contender} in {row.case}: {flag}" for row in rows for flag in row.flags]
    lines += [
        f"{mean['form']}: {mean['contender']} ×{mean['ratio']:.2f}, least {mean['least']:.2f}"
        for mean in summary(rows)
        if mean["cases"] > 1
    ]
    lines += [LEGEND, GPU_LEGEND if any(row.gpu_seconds for row in rows) else CPU_LEGEND]
    return Group(*parts, *(Text(line) for line in lines))


def _table(form: str, rows: Sequence[Row]) -> Table:
    on_gpu = any(row.gpu_seconds is not None for row in rows)
    view = Table(title=form, box=box.SIMPLE_HEAD, title_justify="left")
    view.add_column("T,N,I,H", no_wrap=True)
    view.add_column("contender", no_wrap=True)
    for column in (*COLUMNS, *(GPU_COLUMNS if on_gpu else ())):
        view.add_column(column, justify="right", no_wrap=column != COLUMNS[0])
    for size, group in groupby(rows, key=lambda row: row.case.size):
        found = list(group)
        for number, row in enumerate(found):
            label = str(size) if number == 0 else ""
            cells = _cells(row) + (_gpu_cells(row) if on_gpu else [])
            view.add_row(label, label_of(row), *cells, end_section=row is found[-1])
    return view


def label_of(row: Row) -> str:
    """The contender, its library where there is a choice, and ! if the row is flagged."""
    kernel = f" ({row.kernel})" if row.kernel else ""
    return f"{row.contender}{kernel}{' !' if row.flags else ''}"


def _cells(row: Row) -> list[str]:
    error = "" if row.error is None else f"{row.error:.0e}"
    if row.seconds is None:
        return [row.refused, "not timed", "", "", "", error]
    memory = f"{row.memory / 2**20:.3g} MiB" if row.memory and "floor" not in row.contender else ""
    return [spread(row.seconds, 1e3), ratio_of(row), f"{row.gflops:.3g}", share_of(row), memory, error]


def ratio_of(row: Row) -> str:
    """The ratio to its baseline, if it has one."""
    return "" if row.ratio is None else spread(row.ratio) + (" tie" if row.verdict == "tie" else "")


def share_of(row: Row) -> str:
    """Of the peak rate, or of the matrix products alone, if one is known."""
    share = row.floor_share if row.peak_share is None else row.peak_share
    return "" if share is None else f"{share:.0%}"


def _gpu_cells(row: Row) -> list[str]:
    if row.seconds is None or row.gpu_seconds is None:
        return ["", "", ""]
    launches = "" if row.launches is None else f"{row.launches:.1f}"
    per_step = row.seconds.median / row.case.size.steps
    return [f"{row.gpu_seconds.median * 1e3:.3g}", f"{per_step * 1e6:.3g}", launches]


def spread(values: Quartiles, unit: float = 1) -> str:
    """Median and quartiles.

    >>> spread(Quartiles(0.0012, 0.0011, 0.0014), 1e3)
    '1.2 (1.1–1.4)'
    """
    median, q1, q3 = (f"{value * unit:.3g}" for value in values)
    return f"{median} ({q1}–{q3})"


def line_of_case(number: int, total: int, rows: Sequence[Row]) -> str:
    """A case in one line, as it is finished."""
    times = ", ".join(f"{row.contender} {_short(row)}" for row in rows)
    return f"{number}/{total} {rows[0].case}: {times}" if rows else f"{number}/{total}"


def _short(row: Row) -> str:
    if row.seconds is None:
        return row.refused
    ratio = "" if row.ratio is None else f" (×{row.ratio.median:.2f})"
    return f"{row.seconds.median * 1e3:.3g} ms{ratio}{' !' if row.flags else ''}"


def summary(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The geometric mean of each contender's ratios to torch.nn over the sizes of a form."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row.ratio is not None and row.baseline.startswith(BASELINE):
            found.setdefault((row.case.form, row.contender), []).append(row.ratio.median)
    return [
        {"form": form, "contender": contender, "cases": len(ratios)}
        | {"ratio": geometric_mean(ratios), "least": min(ratios)}
        for (form, contender), ratios in found.items()
    ]


def as_json(rows: Sequence[Row], record: dict[str, Any]) -> dict[str, Any]:
    """The record, every row, and the means; a number that is not finite is null."""
    listed = []
    for row in rows:
        finite = row.error is not None and math.isfinite(row.error)
        listed.append({"form": row.case.form} | asdict(replace(row, error=row.error if finite else None)))
    workers = {row.contender: row.blas for row in rows if row.blas}
    return {"record": record | {"blas": workers}, "rows": listed, "summary": summary(rows)}


def rows_of(content: dict[str, Any]) -> list[Row]:
    """The rows of a finished run, with the fields that a picture needs."""
    rows = []
    for row in content["rows"]:
        case = Case(**row["case"] | {"size": Size(*row["case"]["size"])})
        seconds, ratio = (row[name] and Quartiles(*row[name]) for name in ("seconds", "ratio"))
        kept = {"seconds": seconds, "ratio": ratio, "memory": row["memory"]}
        rows.append(Row(case, row["contender"], row["baseline"], **kept))
    return rows


def write_json(content: dict[str, Any], path: Path) -> None:
    """The whole file or none of it."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    with replacing(path) as unfinished:
        unfinished.write_text(text + "\n", encoding="utf-8")
