"""The file: its size, its policy, its data and texts; what needs no browser."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from typer.testing import CliRunner

import scratch_rnn.page
from scratch_rnn.cli.app import app
from scratch_rnn.page import build as builder
from scratch_rnn.page import data

PAGE = Path(scratch_rnn.page.__file__).parent
TEMPLATES = PAGE / "templates"


class Elements(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def script_data(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_sizes_that_were_set(html: str) -> None:
    assert len(html.encode()) < 1_500_000
    assert sum(len(path.read_text().splitlines()) for path in PAGE.rglob("*.py")) <= 700
    scripts = list(TEMPLATES.glob("*.js"))
    assert len(scripts) == 1
    assert len(scripts[0].read_text().splitlines()) < 200


def test_the_file_asks_for_nothing_else(html: str) -> None:
    elements = Elements(html).found
    for tag, attributes in elements:
        assert "style" not in attributes, tag
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href", "srcset", "action"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), (tag, value)
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in html


def test_every_link_leads_somewhere(html: str) -> None:
    elements = Elements(html).found
    anchors = [each["id"] for _, each in elements if each.get("id")]
    assert len(anchors) == len(set(anchors))
    links = {each["href"] for tag, each in elements if tag == "a" and each.get("href")}
    assert {unquote(link[1:]) for link in links if link} <= set(anchors)
    assert len(links) > 30


def test_every_number_is_the_traces(html: str, runs: dict[str, data.Run]) -> None:
    shown, compared = script_data(html)["runs"], 0
    assert shown.keys() == runs.keys()
    for name, run in runs.items():
        pool, values = shown[name]["pool"], shown[name]["values"]
        arrays = {f"={each}": run.trace[each] for each in run.trace.names}
        for which in ("forward", "backward"):
            for number, line in run.trace.lines(which).items():
                arrays |= {f"{which}:{number}:{each}": array for each, array in line.values.items()}
        assert values.keys() == arrays.keys()
        for key, array in arrays.items():
            words = pool[values[key]].split(" ")
            if words[0].startswith("["):
                assert "×".join(map(str, array.shape[-words[0].count("×") - 1 :])) == words[0][1:-1]
                continue
            printed = [f"{value:#.3g}".rstrip(".") for value in (array + 0.0).reshape(-1)]
            assert words == printed
            compared += len(words)
        assert shown[name]["predicted"] == run.predicted
        largest = {panel: np.abs(run.trace[panel]).max() for panel in shown[name]["largest"]}
        assert shown[name]["largest"] == {panel: f"{value:#.3g}" for panel, value in largest.items()}
    assert compared > 30_000


@pytest.mark.parametrize("language", builder.LANGUAGES)
def test_derivations_are_on_the_page_in_each_language(html: str, language: str) -> None:
    section = html[html.index('<section id="derivations"') : html.index('<section id="flow"')]
    shown = dict(re.findall(r'<div lang="(\w+)">(.*?)(?=<div lang=|$)', section, re.DOTALL))
    assert shown.keys() == builder.LANGUAGES.keys()
    document = (builder.DOCS / builder.DERIVATIONS[language]).read_text(encoding="utf-8")
    titles = re.findall(r"^#{2,3} (.*)$", document, re.MULTILINE)
    headings = re.findall(r"<h[34][^>]*>(.*?)</h[34]>", shown[language])
    assert [unescape(re.sub(r"<.*?>", "", each)) for each in headings] == [t.replace("`", "") for t in titles]
    assert shown[language].count("data:image/svg+xml;base64,") == document.count("](diagrams/")
    prose = re.sub(r"<(code|pre).*?</\1>", "", shown[language], flags=re.DOTALL)
    assert not re.search(r"(?<!\w)\*|\*(?!\w)|`|\]\(", re.sub(r"<.*?>", "", prose)), (
        "Markdown that was not read"
    )


def test_negative_numbers_of_the_tables_have_a_minus_sign(html: str) -> None:
    assert "<td>-" not in html
    assert "<td>−0." in html


def test_languages_have_the_same_texts() -> None:
    files = sorted(TEMPLATES.glob("text.*.json"))
    assert {path.name.split(".")[1] for path in files} == set(builder.LANGUAGES)
    texts = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    for text in texts:
        assert text.keys() == texts[0].keys()
        for name, words in text.items():
            assert re.findall(r"{\w+}", words) == re.findall(r"{\w+}", texts[0][name]), name
    used = set(re.findall(r't\("(\w+)"', (TEMPLATES / "page.html").read_text())) | set(builder.LABELS)
    assert used | {"forward", "backward"} == set(texts[0])


def test_the_command_writes_the_file(tmp_path: Path, html: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "build", lambda: html)
    done = CliRunner().invoke(app, ["page", "--out", str(tmp_path / "new" / "folder")])
    assert (done.exit_code, done.stdout) == (0, f"Wrote {tmp_path}/new/folder/page.html\n")
    assert (tmp_path / "new" / "folder" / "page.html").read_text(encoding="utf-8") == html


def test_what_the_command_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_text("")
    done = CliRunner().invoke(app, ["page", "--out", str(file)])
    assert done.exit_code == 2
    assert done.stderr == f"error: --out: expected a folder that can be made, got {file} (File exists)\n"
    monkeypatch.setattr(builder, "DOCS", tmp_path / "docs")
    done = CliRunner().invoke(app, ["page", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stderr == (
        f"error: page: expected the folder docs/ of the project's clone, next to scratch_rnn, got none at "
        f"{tmp_path}/docs\n"
    )
