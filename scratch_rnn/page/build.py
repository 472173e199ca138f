"""The page as one file: what data.py recorded, put into the templates.

The file makes no request and runs one script, its own: the content security policy allows that script and
that style sheet by their hashes, pictures as data URIs, and nothing else.
"""

import hashlib
import json
import math
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import scratch_rnn
from scratch_rnn import torch_autograd
from scratch_rnn.checks import fail
from scratch_rnn.outputs import check_writable, replacing
from scratch_rnn.page import data
from scratch_rnn.page.document import sections
from scratch_rnn.page.source import CellSource, cell_source

DOCS = Path(scratch_rnn.__file__).parents[1] / "docs"
"""In the project's clone."""
NAME = "page.html"
LANGUAGES = {"en": "English", "ko": "한국어"}
"""By language: its own name. templates/text.*.json has the texts."""
Texts = Mapping[str, Mapping[str, str]]
DERIVATIONS = {"en": "derivations.md", "ko": "derivations.ko.md"}
LABELS = ("title", "reads", "predicts", "probability")
"""The texts that the script writes."""


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
    if not all((DOCS / name).is_file() for name in DERIVATIONS.values()):
        fail("page", "the folder docs/ of the project's clone, next to scratch_rnn", f"none at {DOCS}")
    runs = [run for cell in data.CELLS for lab in data.OPTIONS for run in data.runs(cell, lab)]
    by_cell = {run.cell: run for run in runs}
    cells = [_source(run) for run in by_cell.values()]
    texts = {language: json.loads(_template(f"text.{language}.json")) for language in LANGUAGES}
    environment = _environment(texts)
    macros: Any = environment.get_template("macros.html").module
    names = {name: _keys(run) for name, run in by_cell.items()}
    style, script = _template("page.css"), _template("page.js")
    return environment.get_template("page.html").render(
        cells=cells,
        labs=data.OPTIONS,
        updates=data.UPDATES,
        documents={k: sections(DOCS / name, k, cells, names, macros.code) for k, name in DERIVATIONS.items()},
        flow=data.flow(),
        padding={run.cell: data.padding(run) for run in runs if (run.lab, run.updates) == data.WORDS_READ_BY},
        words=data.WORDS,
        digits=lambda value: re.sub("^-", "−", data.digits(value)),
        languages=LANGUAGES,
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
        data=_json(_script_data(runs, cells, texts)),
    )


def _environment(texts: Texts) -> Environment:
    """The templates, which write a text with t("its name")."""
    loader, undefined = PackageLoader("scratch_rnn.page"), StrictUndefined
    environment = Environment(
        loader=loader, undefined=undefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["t"] = partial(_translated, texts)
    environment.filters["log10"] = math.log10
    return environment


def _translated(texts: Texts, name: str, tag: str = "span", **values: object) -> Markup:
    """A text in every language; the style sheet shows one of them. `values` fill its {names}."""
    spans = (
        Markup('<{0} lang="{1}">{2}</{0}>').format(tag, language, Markup(own[name]).format(**values))
        for language, own in texts.items()
    )
    return Markup("").join(spans)


def _template(name: str) -> str:
    return (files("scratch_rnn.page") / "templates" / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
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


def _source(run: data.Run) -> CellSource:
    recorded = {which: run.trace.lines(which) for which in ("forward", "backward")}
    return cell_source(run.cell, data.numpy_cell(run.cell), getattr(torch_autograd, run.cell), recorded)


def _keys(run: data.Run) -> dict[str, list[str]]:
    """By name, if it has one number for each unit: the keys of its values; the last one has trace[name]."""
    keys = [k for k in data.values_of(run) if k.startswith("backward:")]
    return {
        name: [*(k for k in keys if k.endswith(f":{name}")), f"={name}"]
        for name in run.trace.names
        if run.has_units(name, run.trace[name])
    }


def _script_data(runs: Sequence[data.Run], cells: Sequence[CellSource], texts: Any) -> dict[str, Any]:
    """What the script shows."""
    return {
        "texts": {run.lab: run.text for run in runs},
        "units": {run.lab: run.hidden for run in runs},
        "equations": {cell.name: len(cell.equations) for cell in cells},
        "updates": [str(n) for n in data.UPDATES],
        "panels": {run.cell: data.panels(run) for run in runs},
        "languages": list(LANGUAGES),
        "labels": {name: {language: own[name] for language, own in texts.items()} for name in LABELS},
        "runs": {f"{run.cell}/{run.lab}/{run.updates}": data.run_data(run) for run in runs},
    }
