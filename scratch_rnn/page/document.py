"""docs/derivations.md, in each language, as HTML with the numbers of a step under the names of its equations.

The section that a cell's file names as its derivation belongs to that cell: in its blocks of equations a name
that the trace has gets its number. Diagrams become data URIs, links to a cell's file lead to the file on the
page, and other links to files are left out.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from scratch_rnn.page.source import CellSource, Piece, live, tokenized

SWITCH = re.compile(r"^\[\S+\]\(derivations\S*\)$", re.MULTILINE)
"""The link to the same document in the other language; the page has its own switch."""
Names = Mapping[str, Mapping[str, Sequence[str]]]
"""By cell, and by the name of a value: its keys."""
Render = Callable[[Sequence[Sequence[Piece]], str], str]
"""The HTML of lines of code, whose numbers are those of a cell ("" for none)."""


class Section(NamedTuple):
    """A section of the second level."""

    anchor: str
    title: str
    html: str


def sections(
    path: Path, language: str, cells: Sequence[CellSource], names: Names, code: Render
) -> list[Section]:
    """The introduction, without a title, and the sections."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    parts: list[tuple[str, str, list[Token]]] = [("", "", [])]
    tokens, cell = markdown.parse(SWITCH.sub("", path.read_text(encoding="utf-8"))), ""
    cell_of = {each.section: each.name for each in cells}
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if token.type == "heading_open":
            title = tokens[position + 1].content
            cell = cell_of.get(title.split(" ")[0], "")
            if token.tag == "h2":
                parts.append((_slug(title), title, []))
            if token.tag in ("h1", "h2"):
                position += 3
                continue
            token.attrSet("id", _slug(title))
            token.tag = tokens[position + 2].tag = "h4"
            if cell:
                parts[-1][2].append(_html(f'<a id="derivation-{cell}-{language}"></a>\n'))
        parts[-1][2].append(token)
        if token.type == "fence":
            parts[-1][2][-1] = _html(_fence(token, cell, names, code))
        for child in token.children or ():
            _child(child, path.parent, cells)
        position += 1
    return [Section(a, t, markdown.renderer.render(own, markdown.options, {})) for a, t, own in parts]


def _fence(token: Token, cell: str, names: Names, code: Render) -> str:
    """A block of Python highlighted, any other block with its numbers."""
    if token.info == "python":
        return f'<pre class="python">{code(tokenized(token.content, {}), "")}</pre>\n'
    lines = [live(line, names.get(cell, {})) for line in token.content.splitlines()]
    return f'<pre class="equations">{code(lines, cell)}</pre>\n'


def _child(token: Token, folder: Path, cells: Sequence[CellSource]) -> None:
    """Links and pictures of a paragraph."""
    if token.type == "image":
        data = b64encode((folder / str(token.attrGet("src"))).read_bytes()).decode()
        token.attrSet("src", f"data:image/svg+xml;base64,{data}")
    if token.type == "link_open":
        target = str(token.attrGet("href"))
        files = {f"../scratch_rnn/{each.numpy.name}": f"#file-{each.name}" for each in cells}
        if target in files:
            token.attrSet("href", files[target])
        elif not target.startswith("#"):
            token.attrs.pop("href")


def _slug(title: str) -> str:
    """A heading's anchor, as GitHub makes it.

    >>> _slug("4.1 The RNN: one step")
    '41-the-rnn-one-step'
    """
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def _html(html: str) -> Token:
    return Token("html_block", "", 0, content=html)
