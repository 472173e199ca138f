"""The README's table: a Markdown table of means, read from JSON files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.registry import BASELINE
from benchmarks.report.record import where
from scratch_rnn.checks import fail

FORM = f"time({BASELINE}) / time(ours), geometric mean over sizes (least)"


def markdown(paths: Sequence[Path]) -> str:
    """One line per form, those over most sizes first; one column per contender; then the machine.

    UsageError if a file is not one of a run, or if they come from several machines or revisions.
    """
    contents = [_read(path) for path in paths]
    places = list(dict.fromkeys(where(content["record"]) for content in contents))
    if len(places) != 1:
        fail("table", "files from one machine and one revision", "; ".join(places))
    means = [mean for content in contents for mean in content["summary"]]
    means.sort(key=lambda mean: -mean["cases"])
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
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", f"Measured on {places[0]}."])


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fail(f"table {path}", "a JSON file of a run", error)
    means = content.get("summary") if isinstance(content, dict) else None
    if not means or "record" not in content or not all("least" in mean for mean in means):
        fail(f"table {path}", "a JSON file that `python -m benchmarks` wrote", "another")
    found: dict[str, Any] = content
    return found
