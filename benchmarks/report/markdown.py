"""The README's Markdown tables, read from JSON files: means over sizes, or the factors of the ladder."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases import CELLS, MODES
from benchmarks.ladder.rungs import RUNGS
from benchmarks.registry import BASELINE
from benchmarks.report.record import where
from scratch_rnn.checks import fail

FORM = f"time({BASELINE}) / time(ours), geometric mean over sizes (least)"


def markdown(paths: Sequence[Path]) -> str:
    """One line per form, those over most sizes first, one column per contender; of a ladder, one line per
    rung and one column per cell, its factor in training / inference. Then the machine.

    UsageError if a file is not one of a run, or if they come from several machines or revisions.
    """
    contents = [read(path) for path in paths]
    if len(contents) == 1 and any(row["baseline"] in RUNGS for row in contents[0]["rows"]):
        return _ladder(contents[0])
    places = list(dict.fromkeys(where(content["record"]) for content in contents))
    if len(places) != 1:
        fail("table", "files from one machine and one revision", "; ".join(places))
    means = sorted((m for content in contents for m in content["summary"]), key=lambda mean: -mean["cases"])
    if not means:
        fail("table", "one file of a ladder, or files of other runs", f"{len(contents)} without means")
    contenders = list(dict.fromkeys(mean["contender"] for mean in means))
    sizes, cells = {mean["form"]: mean["cases"] for mean in means[::-1]}, {}
    for mean in means:
        place = mean["form"], mean["contender"]
        if place in cells:
            fail("table", "each contender once in a form", f"{place[1]} twice in {place[0]}")
        fewer = "" if mean["cases"] == sizes[place[0]] else f" of {mean['cases']}"
        cells[place] = f"{mean['ratio']:.2f} ({mean['least']:.2f}){fewer}"
    lines = [[FORM, "sizes", *contenders], ["---"] * (2 + len(contenders))]
    forms = list(dict.fromkeys(mean["form"] for mean in means))
    lines += [[form, str(sizes[form]), *(cells.get((form, who), "") for who in contenders)] for form in forms]
    return _written(lines, places[0])


def _ladder(content: dict[str, Any]) -> str:
    ratios = {
        (row["contender"], row["case"]["cell"], row["case"]["mode"]): f"{row['ratio'][0]:.2f}"
        for row in content["rows"]
        if row["ratio"] is not None and row["contender"] in RUNGS
    }
    lines = [["time of the rung before / time, training / inference", *map(str.upper, CELLS)], ["---"] * 4]
    for rung in list(RUNGS)[1:]:
        factors = [[ratios.get((rung, cell, mode), "") for mode in MODES[:2]] for cell in CELLS]
        lines.append([rung, *(" / ".join(filter(None, pair)) for pair in factors)])
    return _written(lines, where(content["record"]))


def _written(lines: Sequence[Sequence[str]], place: str) -> str:
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", f"Measured on {place}."])


def read(path: Path) -> dict[str, Any]:
    """The content of a JSON file; UsageError if a run did not write it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fail(f"table {path}", "a JSON file of a run", error)
    known = isinstance(content, dict) and {"record", "rows", "summary"} <= content.keys()
    if not known or not all("least" in mean for mean in content["summary"]):
        fail(f"table {path}", "a JSON file that `python -m benchmarks` wrote", "another")
    return content
