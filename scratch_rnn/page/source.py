"""A cell's two files as the page shows them: equations, highlighted lines, and the numbers under the names.

Nothing is listed by hand. The equations are those of the docstring; which lines belong to an equation is what
scratch_rnn.trace reads from the comments; and a number belongs under each name of an assignment:

    c_next = f * c + i * g        the name that is assigned: its value on this line
                                  a name that is read: its value on the last line before that assigned it

A line that did not run has no numbers.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from pygments.lexers.python import PythonLexer
from pygments.token import STANDARD_TYPES, Token

from scratch_rnn.trace.instrument import NUMBER, Line, read

EQUATION = re.compile(r"^ {4}\((\d+)\) +(\S.*)$", re.MULTILINE)
SECTION = re.compile(r"Derivation: docs/derivations\.md, section ([\d.]+)\.$", re.MULTILINE)


class Piece(NamedTuple):
    """A token of a line of code."""

    text: str
    kind: str
    """The class of pygments' style sheet."""
    ref: str = ""
    """The key of the number under it: "pass:line:name", or "" for none."""


class Equation(NamedTuple):
    """An equation of the docstring, and the remark to its right."""

    number: int
    text: str
    remark: str


class File(NamedTuple):
    """A source file: its lines, and by pass which of them belong to an equation."""

    name: str
    lines: Sequence[Sequence[Piece]]
    equations: Mapping[str, Mapping[int, Sequence[int]]]

    def equation_of(self, line: int) -> tuple[str, int] | None:
        """The pass and the equation of a line."""
        found = [(w, k) for w, parts in self.equations.items() for k, those in parts.items() if line in those]
        return found[0] if found else None

    def code(self, which: str, equation: "Equation") -> list[Sequence[Piece]]:
        """The lines of an equation, without their indentation and what its card says anyway."""
        lines = [self.lines[n - 1] for n in self.equations[which][equation.number]]
        width = min(len(line[0].text) if _is_blank(line[0]) else 0 for line in lines)
        bare = [_without_number(_dedented(line, width), equation) for line in lines]
        return [line for line in bare if line]


class CellSource(NamedTuple):
    """What the page shows of one cell."""

    name: str
    section: str
    """Of docs/derivations.md."""
    equations: Sequence[Equation]
    numpy: File
    torch: File


def cell_source(
    name: str, numpy: ModuleType, torch: ModuleType, recorded: Mapping[str, Mapping[int, Line]]
) -> CellSource:
    """The two files of a cell. `recorded` are the lines of a run, by pass."""
    text = _text(numpy)
    refs: dict[tuple[int, int], str] = {}
    for which, function in (("forward", "step"), ("backward", "step_backward")):
        refs |= dict(_references(_function(text, function), which, recorded[which]))
    equations = {
        "forward": _forward(_function(text, "step"), recorded["forward"].values()),
        "backward": _backward(_function(text, "step_backward"), text.splitlines()),
    }
    twin = _text(torch)
    twin_equations = {"forward": _forward(_function(twin, "step"), read(torch.step).lines)}
    found = SECTION.search(text)
    assert found, f"{name}: no section of the derivations is named"
    return CellSource(
        name,
        found[1],
        list(_equations(ast.get_docstring(ast.parse(text), clean=False) or "")),
        File(f"numpy_bptt/{name}.py", tokenized(text, refs), equations),
        File(f"torch_autograd/{name}.py", tokenized(twin, {}), twin_equations),
    )


def live(line: str, values: Mapping[str, Sequence[str]]) -> list[Piece]:
    """A line of equations with the numbers under its names; `values` are the keys of each name's values.

    A prime is `_next`. A name has its last value, but on the right of its own equals sign its first one.
    """
    pieces, target, end = [], "", 0
    for found in re.finditer(r"[A-Za-z][A-Za-z_]*(?:_\d+)?'?", line):
        name = found[0].replace("'", "_next")
        if line[found.end() :].lstrip().startswith("="):
            target, read_again = name, False
        else:
            read_again = name == target
        keys = values.get(name)
        ref = "" if not keys else keys[0 if read_again else -1]
        pieces += [Piece(line[end : found.start()], ""), Piece(found[0], "", ref)]
        end = found.end()
    parts = [
        piece._replace(text=part)
        for piece in (*pieces, Piece(line[end:], ""))
        for part in re.split(r"( +)", piece.text)
    ]
    return [part for part in parts if part.text]


def key(which: str, line: int, name: str) -> str:
    """The key of a value that was recorded on a line."""
    return f"{which}:{line}:{name}"


def _text(module: ModuleType) -> str:
    assert module.__file__
    return Path(module.__file__).read_text(encoding="utf-8")


def _function(text: str, name: str) -> ast.FunctionDef:
    return next(n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == name)


def _equations(docstring: str) -> Iterator[Equation]:
    for number, text in EQUATION.findall(docstring):
        equation, *remark = re.split(r" {4,}", text, maxsplit=1)
        yield Equation(int(number), re.sub(r" +", " ", equation), "".join(remark))


def _assignments(function: ast.FunctionDef) -> Iterator[ast.Assign]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Assign))


def _forward(function: ast.FunctionDef, lines: Any) -> dict[int, list[int]]:
    """By equation: the lines of its assignments. The arguments belong to none."""
    equation_of, result = {line.number: line.equation for line in lines}, dict[int, list[int]]()
    for node in sorted(_assignments(function), key=lambda node: node.lineno):
        own = result.setdefault(equation_of[node.lineno], [])
        own.extend(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return result


def _backward(function: ast.FunctionDef, text: Sequence[str]) -> dict[int, list[int]]:
    """By equation: the comment that opens its block, and the lines up to the next one or to the return."""
    result, block = dict[int, list[int]](), list[int]()
    for line in range(function.body[0].lineno, function.body[-1].lineno):
        opened = NUMBER.match(text[line - 1].lstrip())
        if opened:
            block = result.setdefault(int(opened[1]), [])
        block.append(line)
    return result


def _references(
    function: ast.FunctionDef, which: str, lines: Mapping[int, Line]
) -> Iterator[tuple[tuple[int, int], str]]:
    """(line, column) of each name in an assignment that ran -> the key of its value."""
    for statement in _assignments(function):
        if not lines[statement.lineno].values:
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                stored = isinstance(node.ctx, ast.Store)
                bound = [n for n, line in lines.items() if node.id in line.values and n < statement.lineno]
                bound = [statement.lineno] if stored else sorted(bound)
                if bound and node.id in lines[bound[-1]].values:
                    yield (node.lineno, node.col_offset), key(which, bound[-1], node.id)


def tokenized(text: str, refs: Mapping[tuple[int, int], str]) -> list[list[Piece]]:
    """The tokens of each line of Python; `refs` by (line, column). Columns are bytes, as in `ast`."""
    lines: list[list[Piece]] = [[]]
    column = 0
    for token, value in PythonLexer(stripnl=False).get_tokens(text):
        for part in re.findall(r"\n|[^\n]+", value):
            if part == "\n":
                lines.append([])
                column = 0
                continue
            kind = "" if token in Token.Name and token is Token.Name else STANDARD_TYPES.get(token, "")
            lines[-1].append(Piece(part, kind, refs.get((len(lines), column), "")))
            column += len(part.encode())
    return lines[:-1] if not lines[-1] else lines


def _is_blank(piece: Piece) -> bool:
    return not piece.text.strip()


def _without_number(line: Sequence[Piece], equation: Equation) -> Sequence[Piece]:
    """A line without the comment at its end if that only repeats the number, or the equation."""
    comment = " ".join(line[-1].text.split())
    while line and comment in (f"# ({equation.number})", f"# ({equation.number}) {equation.text}"):
        line = line[:-1]
        if not line or not _is_blank(line[-1]):
            break
        comment = f"# ({equation.number})"
    return line


def _dedented(line: Sequence[Piece], width: int) -> Sequence[Piece]:
    first = line[0]._replace(text=line[0].text[width:])
    return [first, *line[1:]] if first.text else line[1:]
