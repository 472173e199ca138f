"""The page as one file: what data.py recorded, put into the templates.

The file makes no request and runs one script, its own: the content security policy allows that script and
that style sheet by their hashes, pictures as data URIs, and nothing else.
"""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import scratch_rnn
from scratch_rnn import numpy_bptt, torch_autograd
from scratch_rnn.checks import fail
from scratch_rnn.labs import LABS
from scratch_rnn.outputs import check_writable, replacing
from scratch_rnn.page import data
from scratch_rnn.page.document import Section, sections
from scratch_rnn.page.source import CellSource, cell_source

DOCS = Path(scratch_rnn.__file__).parents[1] / "docs"
"""In the project's clone."""
NAME = "page.html"
VISIBLE = {" ": "␣", "\n": "↵"}
LANGUAGES = ("en",)
"""Of templates/text.*.json."""


def write(folder: Path) -> Path:
    """Build the page, and write it to page.html in this folder, which is made if it is missing."""
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail("--out", "a folder that can be made", f"{folder} ({error.strerror})")
    check_writable("--out", path)
    html = build()
    with replacing(path) as beside:
        beside.write_text(html, encoding="utf-8", newline="\n")
    return path


def build() -> str:
    """The page. UsageError without the folder docs/ of the clone."""
    derivations = DOCS / "derivations.md"
    if not derivations.is_file():
        fail("page", "the folder docs/ of the project's clone, next to scratch_rnn", f"none at {DOCS}")
    runs = list(data.all_runs())
    last = {run.cell: run for run in runs}
    cells = [_cell(run) for run in last.values()]
    environment = _environment()
    macros = environment.get_template("macros.html").module
    names = {name: _names(run) for name, run in last.items()}
    document = sections(derivations, cells, names, macros.code)  # type: ignore[attr-defined]
    script, style = _template("page.js"), _template("page.css")
    return environment.get_template("page.html").render(
        cells=cells,
        panels={name: data.panels(run) for name, run in last.items()},
        labs=data.OPTIONS,
        updates=data.UPDATES,
        document=document,
        anchors=_anchors(document, cells),
        flow=_flow(data.flow()),
        padding={run.cell: _padding(run) for run in runs if (run.lab, run.updates) == PADDED},
        words=data.WORDS,
        digits=data.digits,
        visible=VISIBLE,
        languages=LANGUAGES,
        script=Markup(script),
        style=Markup(style),
        policy=_policy(script, style),
        data=_json(_data(runs) | {"languages": LANGUAGES, "labels": _labels(environment.globals["texts"])}),
    )


PADDED = ("hihello", data.WORD_UPDATES)
"""The lab and the updates of the weights that read WORDS."""


def _environment() -> Environment:
    texts = {language: json.loads(_template(f"text.{language}.json")) for language in LANGUAGES}
    loader = PackageLoader("scratch_rnn.page")
    environment = Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.globals |= {"t": partial(_translated, texts), "texts": texts}
    return environment


def _translated(texts: Mapping[str, Mapping[str, str]], name: str, **values: object) -> Markup:
    """A text in every language; the style sheet shows one of them. `values` fill its {names}."""
    spans = [
        Markup('<span lang="{}">{}</span>').format(language, Markup(own[name]).format(**values))
        for language, own in texts.items()
    ]
    return Markup("").join(spans)


def _labels(texts: Any) -> dict[str, dict[str, str]]:
    """What the script writes into the heat maps, by language."""
    names = ("reads", "predicts", "probability")
    return {name: {language: own[name] for language, own in texts.items()} for name in names}


def _template(name: str) -> str:
    return (files("scratch_rnn.page") / "templates" / name).read_text(encoding="utf-8")


def _policy(script: str, style: str) -> str:
    def allowed(text: str) -> str:
        return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {allowed(script)}; style-src {allowed(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _json(value: object) -> Markup:
    """JSON that can be written into a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


def _cell(run: data.Run) -> CellSource:
    recorded = {which: run.trace.lines(which) for which in ("forward", "backward")}
    return cell_source(run.cell, data.numpy_cell(run.cell), getattr(torch_autograd, run.cell), recorded)


def _anchors(document: Sequence[Section], cells: Sequence[CellSource]) -> dict[str, str]:
    """The anchor of each cell's section."""
    anchors = [anchor for part in document for anchor in re.findall(r'<h4 id="([^"]+)"', part.html)]
    starts = {cell.name: cell.section.replace(".", "") + "-" for cell in cells}
    return {name: next(a for a in anchors if a.startswith(start)) for name, start in starts.items()}


def _names(run: data.Run) -> dict[str, list[str]]:
    """The keys of each name's values, in the order of the lines; of a name of `step`, the one of trace[name]."""
    result = {}
    for name in run.trace.names:
        keys = [k for k in data.values_of(run) if k.startswith("backward:") and k.endswith(f":{name}")]
        if len(run.trace[name].shape) == 3 and run.trace[name].shape[2] == run.hidden:
            result[name] = [*keys, f"={name}"]
    return result


def _data(runs: Sequence[data.Run]) -> dict[str, Any]:
    """What the script shows."""
    last = {run.cell: run for run in runs}
    return {
        "texts": {run.lab: [VISIBLE.get(c, c) for c in run.text] for run in runs},
        "units": {run.lab: run.hidden for run in runs},
        "equations": {name: len(_cell(run).equations) for name, run in last.items()},
        "updates": [str(n) for n in data.UPDATES],
        "panels": {name: data.panels(run) for name, run in last.items()},
        "runs": {f"{run.cell}/{run.lab}/{run.updates}": _visible(data.run_data(run)) for run in runs},
    }


def _visible(run: dict[str, Any]) -> dict[str, Any]:
    return run | {"predicted": [VISIBLE.get(c, c) for c in run["predicted"]]}


def _padding(run: data.Run) -> data.Padding:
    chosen: Any = LABS["hihello"]
    return data.padding(run, list(chosen.symbols))


WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 300, 56, 170, 12, 40
LOWEST = -15
"""The drawing of the gradient flow, in pixels; its lower end as a power of 10."""


def _flow(curves: Sequence[data.Curve]) -> dict[str, Any]:
    """The drawing: points, labels and marks of the axes; and some of its values as a table."""
    steps = len(curves[0].norms)

    def x(distance: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * distance / (steps - 1), 1)

    def y(exponent: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * exponent / LOWEST, 1)

    drawn = []
    for number, curve in enumerate(curves):
        heights = [y(max(LOWEST, e)) for e in np.log10(curve.norms)]
        points = " ".join(f"{x(d)},{h}" for d, h in enumerate(heights))
        drawn.append({"number": number, "label": curve.label, "points": points, "end": heights[-1]})
    label_y = -np.inf
    for each in sorted(drawn, key=lambda each: each["end"]):
        label_y = each["label_y"] = max(each["end"] + 4, label_y + 16)
    distances = [0, 1, 5, 10, 20, 40, steps - 1]
    return {
        "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "bottom": HEIGHT - BOTTOM,
        "curves": drawn,
        "x_marks": [(x(d), d) for d in range(0, steps, 10)],
        "y_marks": [(y(e), e) for e in range(0, LOWEST - 1, -3)],
        "distances": distances,
        "table": [(curve.label, [data.digits(curve.norms[d]) for d in distances]) for curve in curves],
    }  # fmt: skip
