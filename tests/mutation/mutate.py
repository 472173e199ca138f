"""Makes mutants of source text: one small change of one statement, or of the header of a compound statement.

Only the bodies of functions are mutated: no docstrings, annotations, default values, decorators or errors.
"""

import ast
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent.parent
TREES = ("numpy_bptt", "torch_autograd")
FILES = (
    *("ops", "rnn", "lstm", "gru", "gru_reset_before", "layer", "stack", "packed", "layout"),
    *("engines", "rnn_base", "cells", "optim"),
)
FOLDERS = ("fused", "models")

COPIES = ("copy", "clone", "contiguous", "astype", "to", "detach", "squeeze", "unsqueeze")
COMMUTATIVE = ("multiply", "add", "maximum", "minimum", "max", "min")
TRANSPOSES = ("t", "swapaxes", "transpose")
OPERATORS: dict[type[ast.AST], type[Any]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
"""What each operator, comparison and connective is replaced with."""


class Key(NamedTuple):
    """What a mutant is, without line numbers: equivalent.toml lists these fields."""

    file: str
    function: str
    operator: str
    old: str
    new: str


class Mutant(NamedTuple):
    """A mutant, the lines that it changes, and the text of its whole file."""

    key: Key
    lines: range
    text: str

    def __str__(self) -> str:
        key = self.key
        return f"{key.file}:{self.lines.start} {key.function} ({key.operator}): {key.old}  ->  {key.new}"


def paths() -> list[str]:
    """Every file with mathematics of both trees, relative to the project."""
    found = []
    for tree in TREES:
        folder = ROOT / "scratch_rnn" / tree
        found += [folder / f"{name}.py" for name in FILES]
        found += [path for name in FOLDERS for path in sorted((folder / name).glob("*.py"))]
    return [path.relative_to(ROOT).as_posix() for path in found if path.is_file()]


def mutants_of_file(file: str) -> list[Mutant]:
    """All mutants of one file of the project."""
    return list(mutants(file, (ROOT / file).read_text(encoding="utf-8")))


def mutants(file: str, text: str) -> Iterator[Mutant]:
    """All mutants of a text; two of the same statement that read the same are one."""
    for function, unit in _units(ast.parse(text).body, "", None):
        old = ast.unparse(unit)
        seen = {old}
        for operator, new in _changes(unit):
            if new not in seen:
                seen.add(new)
                lines = range(unit.lineno, (unit.end_lineno or unit.lineno) + 1)
                yield Mutant(Key(file, function, operator, old, new), lines, _replaced(text, unit, new))


def _units(
    body: list[ast.stmt], where: str, function: str | None
) -> Iterator[tuple[str, ast.stmt | ast.expr]]:
    """(qualified name of the function, simple statement or header expression), in the order of the text."""
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            yield from _units(statement.body, f"{where}{statement.name}.", None)
        elif isinstance(statement, ast.FunctionDef):
            name = where + statement.name
            yield from _units(statement.body, f"{name}.<locals>.", name)
        elif function is None:
            continue
        elif isinstance(statement, ast.If | ast.For | ast.While | ast.With | ast.Try):
            for field in ("test", "iter"):
                if hasattr(statement, field):
                    yield function, getattr(statement, field)
            yield from ((function, item.context_expr) for item in getattr(statement, "items", []))
            inside = [getattr(statement, field, []) for field in ("body", "orelse", "finalbody")]
            inside += [handler.body for handler in getattr(statement, "handlers", [])]
            for statements in inside:
                yield from _units(statements, where, function)
        elif not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            yield function, statement


def _changes(unit: ast.stmt | ast.expr) -> Iterator[tuple[str, str]]:
    """(operator, new text) of every mutant of a unit."""
    if _can_be_dropped(unit):
        yield "drop", "pass"
    if isinstance(unit, ast.Raise):
        return
    for number, node in enumerate(_walk(unit)):
        for kind in range(len(list(_replacements(node)))):
            changed = ast.Expr(copy.deepcopy(unit)) if isinstance(unit, ast.expr) else copy.deepcopy(unit)
            inner = changed.value if isinstance(unit, ast.expr) else changed  # type: ignore[attr-defined]
            target = list(_walk(inner))[number]
            operator, new = list(_replacements(target))[kind]
            yield operator, ast.unparse(_Replace(target, new).visit(changed))


def _can_be_dropped(unit: ast.AST) -> bool:
    """Without these statements a function still runs: others would raise NameError at once."""
    if isinstance(unit, ast.Assign):
        read = {node.id for node in ast.walk(unit.value) if isinstance(node, ast.Name)}
        bound = {t.id for target in unit.targets for t in ast.walk(target) if isinstance(t, ast.Name)}
        return bool(read & bound) or not isinstance(unit.targets[0], ast.Name | ast.Tuple)
    return isinstance(unit, ast.AugAssign | ast.Raise | ast.Expr)


class _Replace(ast.NodeTransformer):
    """Puts one node in another one's place."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else self.generic_visit(node)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all that is in it, without annotations and f-strings."""
    yield node
    for field, value in ast.iter_fields(node):
        if field != "annotation" and not isinstance(node, ast.JoinedStr):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _walk(child)


def _replacements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """(operator, new node) for every change of this one node."""
    if type(node) in OPERATORS:
        kind = "comparison" if isinstance(node, ast.cmpop) else "operator"
        yield kind, OPERATORS[type(node)]()
    elif isinstance(node, ast.BinOp):
        yield from (("term", side) for side in (node.left, node.right))
    elif isinstance(node, ast.BoolOp):
        yield from (("term", value) for value in node.values)
    elif isinstance(node, ast.UnaryOp) and not isinstance(node.operand, ast.Constant):
        yield "sign", node.operand
    elif isinstance(node, ast.Constant):
        yield from _other_constants(node.value)
    elif isinstance(node, ast.IfExp):
        yield from (("branch", side) for side in (node.body, node.orelse))
    elif isinstance(node, ast.Slice):
        for part in ("lower", "upper", "step"):
            bound = getattr(node, part)
            first = part == "lower" and isinstance(bound, ast.Constant) and bound.value == 0
            if bound is not None and not first:
                yield "slice", ast.Slice(**{**node.__dict__, part: None})
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield "transpose", node.value
    elif isinstance(node, ast.Call):
        yield from _other_calls(node)
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.BinOp | ast.Name | ast.Call):
        yield "sign", ast.Return(ast.UnaryOp(ast.USub(), node.value))


def _other_constants(value: object) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(value, bool):
        yield "flag", ast.Constant(not value)
    elif isinstance(value, int):
        yield from (("constant", ast.Constant(number)) for number in (value + 1, value - 1) if number >= 0)
    elif isinstance(value, float):
        yield "constant", ast.Constant(1.5 * value or 0.5)


def _other_calls(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    arguments = node.args
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    for k in range(0 if name not in COMMUTATIVE else 1, len(arguments) - 1):
        swapped = [*arguments[:k], arguments[k + 1], arguments[k], *arguments[k + 2 :]]
        yield "swap", ast.Call(node.func, swapped, node.keywords)
    for keyword in node.keywords:
        yield "keyword", ast.Call(node.func, arguments, [k for k in node.keywords if k is not keyword])
    if isinstance(node.func, ast.Attribute):
        whose = node.func.value
        if isinstance(whose, ast.Name) and whose.id in ("np", "torch"):
            if node.func.attr == "array":
                yield "copy", arguments[0]
        elif node.func.attr in COPIES:
            yield "copy", whose
        elif node.func.attr in TRANSPOSES:
            yield "transpose", whose


def _replaced(text: str, unit: ast.stmt | ast.expr, new: str) -> str:
    """The text with the unit replaced; columns of ast count bytes."""
    lines = text.encode().splitlines(keepends=True)
    first, last = unit.lineno - 1, (unit.end_lineno or unit.lineno) - 1
    head, tail = lines[first][: unit.col_offset], lines[last][unit.end_col_offset :]
    if isinstance(unit, ast.expr):
        new = f"({new})"
    lines[first : last + 1] = [head + new.encode() + tail]
    return b"".join(lines).decode()
