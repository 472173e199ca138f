"""What the documents show is run, and what they copy from the code is the code."""

import json
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cli import RESULTS
from benchmarks.report.markdown import markdown
from scratch_rnn.cli.parity import as_markdown
from scratch_rnn.convert.table import table as gate_orders
from scratch_rnn.numpy_bptt import lstm
from scratch_rnn.parity.report import Ratios, Report, Row

ROOT = Path(__file__).parent.parent
OTHER_RUNS = re.compile("ladder|growth")
"""Committed runs that are not in the README's table of ratios."""
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs/differences.md",
    ROOT / "docs/frameworks.md",
    ROOT / "scratch_rnn/labs/README.md",
    ROOT / "scratch_rnn/labs/README.ko.md",
    ROOT / "data/README.md",
    ROOT / "benchmarks/results/README.md",
]


def blocks(path: Path, language: str) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = [line for path in DOCUMENTS for block in blocks(path, "sh") for line in block.splitlines()]
    return [line.split("  #")[0].strip() for line in lines]


def test_every_block_says_whether_it_is_run() -> None:
    for path in DOCUMENTS:
        opened = re.findall(r"^```(.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[::2]
        assert set(opened) <= {"python", "sh", "text"}, path


WITH_PYTHON = [path for path in DOCUMENTS if blocks(path, "python")]


@pytest.mark.parametrize("path", WITH_PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_blocks_run(path: Path) -> None:
    names: dict[str, Any] = dict(vars(lstm))  # the names that the README's step uses
    for block in blocks(path, "python"):
        exec(compile(block, str(path), "exec"), names)


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("python ")])
def test_commands_run(command: str, tmp_path: Path) -> None:
    words = shlex.split(command)[1:]
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [c for c in commands() if not c.startswith("python ")])
def test_make_targets_exist(command: str) -> None:
    program, target = shlex.split(command)
    assert program == "make"
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_the_readme_shows_the_lstm_step_as_it_is() -> None:
    readme, source = (ROOT / "README.md").read_text(), (ROOT / "scratch_rnn/numpy_bptt/lstm.py").read_text()
    shown = re.search(r"<!-- lstm -->\n```python\n(.*?)```\n<!-- /lstm -->", readme, flags=re.DOTALL)
    assert shown is not None
    assert shown[1].strip() == source[source.index("def step(") :].strip()


def test_the_readme_shows_the_unrolled_loop_as_it_is() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- loop -->\n```text\n(.*?)```\n<!-- /loop -->", readme, flags=re.DOTALL)
    assert shown is not None
    source = (ROOT / "scratch_rnn/numpy_bptt/models/seq2seq.py").read_text(encoding="utf-8")
    assert textwrap.indent(shown[1], "        ") in source


def test_the_readme_shows_what_was_measured() -> None:
    shown = re.search(r"<!-- cpu -->\n(.*?)<!-- /cpu -->", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert shown is not None
    results = [p for p in sorted(RESULTS.glob("authors-*.json")) if not OTHER_RUNS.search(p.name)]
    assert shown[1].strip() == markdown(results)


def test_the_readme_shows_how_gates_are_stacked() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- gates -->\n(.*?)<!-- /gates -->", readme, flags=re.DOTALL)
    assert shown is not None
    assert shown[1].strip() == gate_orders()


def test_the_readme_shows_the_parity_report() -> None:
    read = json.loads((ROOT / "docs/parity.json").read_text(encoding="utf-8"))
    rows, ratios = [Row(**row) for row in read["float64"]], [Ratios(**each) for each in read["float32"]]
    report = Report(read["rounds"], read["seed"], rows, ratios)
    assert report.broken == []
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"parity --rounds {report.rounds} --seed {report.seed}`" in readme
    shown = re.search(r"<!-- parity -->\n(.*?)<!-- /parity -->", readme, flags=re.DOTALL)
    assert shown is not None
    assert shown[1].strip() == as_markdown(report)


def anchors(path: Path) -> list[str]:
    """The anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_local_links_lead_somewhere() -> None:
    for path in DOCUMENTS:
        for link, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", path.read_text(encoding="utf-8")):
            target = path.parent / link if link else path
            assert link.startswith("http") or target.exists(), (path, link)
            if anchor and not link.startswith("http"):
                assert anchor in anchors(target), (path, link, anchor)
