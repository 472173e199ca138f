"""docs/derivations.md: every displayed equation is checked, and its numbers are those of the code.

derivations.ko.md is the same document in Korean. Its equations and its code are those of derivations.md, byte
by byte, so they are run once.
"""

import ast
import contextlib
import io
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/derivations.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
KOREAN_TEXT = DOCUMENT.with_suffix(".ko.md").read_text(encoding="utf-8")
NUMPY = ROOT / "scratch_rnn/numpy_bptt"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBERED = re.compile(r"^ *\((\d+)\)  (.*)$", re.MULTILINE)

Block = tuple[str, str]


def split(text: str, level: int) -> dict[str, str]:
    """Heading -> text below it, for the headings of one level. What comes before the first is left out."""
    _, *parts = re.split(rf"^{'#' * level} (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def subsections(text: str) -> dict[str, str]:
    return {name: body for part in split(text, 2).values() for name, body in split(part, 3).items()}


SECTIONS = split(TEXT, 2)
SUBSECTIONS = subsections(TEXT)
KOREAN = subsections(KOREAN_TEXT)


def run(section: str, names: dict[str, Any]) -> None:
    """Run a section's Python blocks. What a block prints must be the next block."""
    found: list[Block] = BLOCK.findall(section)
    for number, (language, code) in enumerate(found):
        if language == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(code, str(DOCUMENT), "exec"), names)
            if printed.getvalue():
                assert found[number + 1] == ("text", printed.getvalue())


def equation_of(line: str) -> str:
    """An equation without the remark beside it, with single spaces."""
    return " ".join(re.split(r" {4,}", line.strip())[0].split())


def code_of(section: str) -> Path | None:
    """The file that a section is about."""
    link = re.search(r"^(?:Code|코드): \[`[^`]+`\]\(([^)]+)\)", section, re.MULTILINE)
    return (DOCUMENT.parent / link[1]).resolve() if link else None


def head(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


@pytest.mark.parametrize("name", SECTIONS)
def test_the_snippets_of_a_section_run(name: str) -> None:
    first = next(iter(SECTIONS))
    names: dict[str, Any] = {}
    run(SECTIONS[first], names)
    if name != first:
        run(SECTIONS[name], names)


def test_every_displayed_equation_is_followed_by_a_snippet() -> None:
    found: list[Block] = BLOCK.findall(TEXT)
    assert {language for language, _ in found} == {"text", "python"}
    for number, (language, shown) in enumerate(found):
        is_output = number > 0 and re.search(r"^ *print\(", found[number - 1][1], re.MULTILINE)
        if language == "text" and not is_output:
            assert number + 1 < len(found), shown
            follows, code = found[number + 1]
            assert follows == "python", shown
            assert re.search(r"\b(check|assert|assert_allclose)\b", code), shown


NUMBER = re.compile(r"`(?:[\w/]+/)?(\w+)\.py`|(?<!\w)\((\d{1,2})\)(?:  (.*))?")
"""A file that is named, or the number of an equation with the equation that is displayed behind it."""


def with_equations_displayed(section: str) -> str:
    """A section without its code."""
    return BLOCK.sub(lambda block: block[2] if block[1] == "text" else "", section)


NUMBERED_SECTIONS = [
    name
    for name, section in (SUBSECTIONS | KOREAN).items()
    if any(number for _, number, _ in NUMBER.findall(with_equations_displayed(section)))
]


@pytest.mark.parametrize("name", NUMBERED_SECTIONS)
def test_numbers_are_those_of_the_code(name: str) -> None:
    """Each number belongs to the file that was named last, in a `Code:` line or in a sentence."""
    known: dict[str, str] = {}
    for named, number, displayed in NUMBER.findall(with_equations_displayed((SUBSECTIONS | KOREAN)[name])):
        if named:
            (path,) = (path for path in NUMPY.rglob(f"{named}.py") if path.parent.name != "fused")
            known = {k: equation_of(line) for k, line in NUMBERED.findall(head(path))}
        else:
            assert number in known
            if displayed and not displayed.startswith(("d_", "[ d_")):
                assert equation_of(displayed) == known[number], "a forward equation is written as in the code"


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "gru_reset_before"])
def test_every_equation_of_a_cell_is_derived(name: str) -> None:
    path = NUMPY / f"{name}.py"
    (text,) = (text for text in SUBSECTIONS.values() if code_of(text) == path)
    forward, backward = (
        [
            number
            for language, block in BLOCK.findall(part)
            if language == "text"
            for number, _ in NUMBERED.findall(block)
        ]
        for part in text.split("**Backward.**")
    )
    assert forward == [number for number, _ in NUMBERED.findall(head(path))]
    assert backward == forward[::-1]


def test_files_name_sections_that_are_about_them() -> None:
    linked = 0
    for path in NUMPY.glob("*.py"):
        for numbers in re.findall(
            r"^Derivation: docs/derivations\.md, sections? (.*)\.$", head(path), re.MULTILINE
        ):
            for number in numbers.split(" and "):
                (text,) = (text for name, text in SUBSECTIONS.items() if name.startswith(f"{number} "))
                assert code_of(text) == path
                linked += 1
    assert linked == 6


@pytest.mark.parametrize("text", [TEXT, KOREAN_TEXT], ids=["en", "ko"])
def test_links_lead_somewhere(text: str) -> None:
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", BLOCK.sub("", text)):
        path, _, anchor = target.partition("#")
        assert (DOCUMENT.parent / path).exists(), target
        assert not anchor or anchor in anchors, target


def test_korean_has_the_same_equations_and_code() -> None:
    assert BLOCK.findall(KOREAN_TEXT) == BLOCK.findall(TEXT)


def parts(text: str) -> list[tuple[str, str]]:
    """Each heading of the second or third level, and the text up to the next one."""
    return re.findall(r"^(##+ [^\n]*)$(.*?)(?=^##+ |\Z)", text, re.MULTILINE | re.DOTALL)


def test_korean_has_the_same_sections() -> None:
    number = re.compile(r"^##+ [\d.]+ ")
    english, korean = (
        [number.findall(heading) for heading, _ in parts(text)] for text in (TEXT, KOREAN_TEXT)
    )
    assert korean == english
    assert len(english) == len(SECTIONS) + len(SUBSECTIONS)
    assert all(english)


@pytest.mark.parametrize("place", range(len(parts(TEXT))))
def test_korean_says_the_same(place: int) -> None:
    """Blocks, lists, tables, pictures and links in the same order; every number, and every name in code."""
    (english, said), (korean, says) = parts(TEXT)[place], parts(KOREAN_TEXT)[place]
    shape = re.compile(r"^(?:```\w*$|- |\| |!\[)|\]\([^#)]+\)", re.MULTILINE)
    assert shape.findall(says) == shape.findall(said)
    assert code_of(says) == code_of(said)
    for pattern in (r"`[^`\n]+`", r"\(\d+\)", r"(?<![\w.])\d+(?:\.\d+)?"):
        left_out = Counter(re.findall(pattern, english + said)) - Counter(re.findall(pattern, korean + says))
        assert not left_out
        added = set(re.findall(pattern, says)) - set(re.findall(pattern, said))
        assert {each.strip("`") for each in added} <= set(re.findall(r"\w+", said))
