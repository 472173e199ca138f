"""What was measured, as the README shows it: a Markdown table of means, read from JSON files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contenders import BASELINE
from benchmarks.record import where
from scratch_rnn.checks import message
from scratch_rnn.labs import UsageError

FORM = f"time({BASELINE}) / time(ours), geometric mean over sizes (least)"


def markdown(paths: Sequence[Path]) -> str:
    """A line a form, those over most sizes first; a column a contender; behind them the machine.

    UsageError where a file is none of a run, or where they come from several machines or revisions.
    """
    contents = [_read(path) for path in paths]
    places = list(dict.fromkeys(where(content["record"]) for content in contents))
    if len(places) != 1:
        raise UsageError(message("table", "files from one machine and one revision", "; ".join(places)))
    means = [mean for content in contents for mean in content["summary"]]
    means.sort(key=lambda mean: -mean["cases"])
    who = list(dict.fromkeys(mean["contender"] for mean in means))
    sizes, cells = {mean["form"]: mean["cases"] for mean in means[::-1]}, {}
    for mean in means:
        place = mean["form"], mean["contender"]
        if place in cells:
            raise UsageError(
                message("table", "each contender once in a form", f"{place[1]} twice in {place[0]}")
            )
        fewer = "" if mean["cases"] == sizes[place[0]] else f" of {mean['cases']}"
        cells[place] = f"{mean['ratio']:.2f} ({mean['least']:.2f}){fewer}"
    lines = [[FORM, "sizes", *who], ["---"] * (2 + len(who))]
    forms = list(dict.fromkeys(mean["form"] for mean in means))
    lines += [[form, str(sizes[form]), *(cells.get((form, name), "") for name in who)] for form in forms]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", f"Measured on {places[0]}."])


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(message(f"table {path}", "a JSON file of a run", error)) from None
    means = content.get("summary") if isinstance(content, dict) else None
    if not means or "record" not in content or not all("least" in mean for mean in means):
        raise UsageError(message(f"table {path}", "a JSON file that `python -m benchmarks` wrote", "another"))
    found: dict[str, Any] = content
    return found
