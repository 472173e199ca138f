"""Makes mutants of source text: one small change of one statement, or of the header of a compound statement.

Default values and the numbers and flags of modules and classes are mutated too. Not: docstrings,
annotations, decorators, texts, what a `raise` says, and `strict` of a zip, which only checks.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent.parent
TREES = ("numpy_bptt", "torch_autograd")
FILES = (
    *("ops", "rnn", "lstm", "gru", "gru_reset_before", "layer", "stack", "packed", "layout"),
    *("base", "engines", "rnn_base", "modules", "cells", "optim"),
)
FOLDERS = ("fused", "models")

COPIES = ("copy", "clone", "contiguous", "astype", "to", "detach", "squeeze", "unsqueeze")
TRANSPOSES = ("t", "swapaxes", "transpose")
COMMUTATIVE = ("multiply", "mul", "add", "addcmul_", "maximum", "minimum", "max", "min", *TRANSPOSES)
PAIRS: list[tuple[type[Any], type[Any]]] = [
    *((ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.BitOr, ast.BitAnd), (ast.And, ast.Or)),
    *((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn)),
]
OPERATORS = dict(PAIRS) | {b: a for a, b in PAIRS} | {ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult}
"""What each operator, comparison and connective is replaced with."""


class Key(NamedTuple):
    """What a mutant is, without line numbers: equivalent.toml lists these fields."""

    file: str
    function: str
    operator: str
    old: str
    new: str


class Mutant(NamedTuple):
    """A mutant, the lines that it changes, the text of its whole file, and whether import runs its lines."""

    key: Key
    lines: range
    text: str
    at_import: bool

    def __str__(self) -> str:
        key = self.key
        return f"{key.file}:{self.lines.start} {key.function} ({key.operator}): {key.old}  ->  {key.new}"


def sources() -> dict[str, str]:
    """The text of every file with mathematics of both trees."""
    names = [f"{name}.py" for name in FILES] + [f"{folder}/*.py" for folder in FOLDERS]
    found = [p for tree in TREES for name in names for p in sorted((ROOT / "scratch_rnn" / tree).glob(name))]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in found}


def all_mutants() -> list[Mutant]:
    """All mutants of the project."""
    return [mutant for file, text in sources().items() for mutant in mutants(file, text)]


def mutants(file: str, text: str) -> Iterator[Mutant]:
    """All mutants of a text; two of the same unit that read the same are one."""
    for function, name, node, at_import in _units(ast.parse(text).body, "", ""):
        old, lines = ast.unparse(node), range(node.lineno, (node.end_lineno or 0) + 1)
        seen = {old}
        for operator, new in _changes(node, at_import):
            if new not in seen:
                seen.add(new)
                key = Key(file, function, operator, name + old, name + new)
                yield Mutant(key, lines, _replaced(text, node, new), at_import)


def _units(
    body: list[ast.stmt], where: str, function: str
) -> Iterator[tuple[str, str, ast.stmt | ast.expr, bool]]:
    """(function or "", "name=" of a value, the node that is changed as one, whether import runs it)."""
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            yield from _units(statement.body, f"{where}{statement.name}.", "")
        elif isinstance(statement, ast.FunctionDef):
            name = where + statement.name
            a = statement.args
            values = [*[None] * (len(a.args) - len(a.defaults)), *a.defaults, *a.kw_defaults]
            for argument, value in zip([*a.args, *a.kwonlyargs], values, strict=True):
                if value is not None:
                    yield name, f"{argument.arg}=", value, True
            yield from _units(statement.body, f"{name}.<locals>.", name)
        elif not function:
            if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
                yield where.rstrip("."), ast.unparse(statement).split("=")[0] + "= ", statement.value, True
        elif isinstance(statement, ast.If | ast.For | ast.While | ast.With | ast.Try):
            headers = [getattr(statement, field, None) for field in ("test", "iter")]
            headers += [item.context_expr for item in getattr(statement, "items", [])]
            yield from ((function, "", header, False) for header in headers if header is not None)
            inside = [getattr(statement, field, []) for field in ("body", "orelse", "finalbody")]
            for statements in (*inside, *(handler.body for handler in getattr(statement, "handlers", []))):
                yield from _units(statements, where, function)
        elif not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            yield function, "", statement, False


def _changes(unit: ast.stmt | ast.expr, at_import: bool) -> Iterator[tuple[str, str]]:
    """(operator, new text) of every mutant of a unit."""
    if _can_be_dropped(unit):
        # forks.py can replace a method only if it still refers to its class
        yield "drop", "super()" if "super()" in ast.unparse(unit) else "pass"
    root, overwritten = {"unit": unit}, _overwritten(unit)
    for holder, key, node in [] if isinstance(unit, ast.Raise) else list(_places(root, "unit")):
        for operator, new in list(_replacements(node)):
            saves_memory = operator == "keyword" and node in overwritten
            if not saves_memory and (not at_import or operator in ("constant", "flag")):
                holder[key] = new
                yield operator, ast.unparse(root["unit"])
                holder[key] = node


def _can_be_dropped(unit: ast.AST) -> bool:
    """Without these statements a function still runs: others would raise NameError at once."""
    if isinstance(unit, ast.Assign):
        read = {node.id for node in ast.walk(unit.value) if isinstance(node, ast.Name)}
        bound = {t.id for target in unit.targets for t in ast.walk(target) if isinstance(t, ast.Name)}
        return bool(read & bound) or not isinstance(unit.targets[0], ast.Name | ast.Tuple)
    return isinstance(unit, ast.AugAssign | ast.Raise | ast.Expr)


def _overwritten(unit: ast.AST) -> list[ast.expr]:
    """Calls that write to the same `out` as the call around them. Theirs saves memory, no more."""
    calls = [node for node in ast.walk(unit) if isinstance(node, ast.Call)]
    return [inner for outer in calls for inner in outer.args if _out(inner) and _out(inner) == _out(outer)]


def _out(node: ast.AST) -> list[str]:
    return [ast.unparse(k.value) for k in getattr(node, "keywords", []) if k.arg == "out"]


def _places(holder: Any, key: Any) -> Iterator[tuple[Any, Any, ast.AST]]:
    """(list or dict, key, node) of a node and of all in it. Not: annotations, f-strings, and the -1 of a
    reshape, because NumPy takes every negative number for -1.
    """
    node = holder[key]
    if isinstance(node, ast.AST):
        yield holder, key, node
        if not isinstance(node, ast.JoinedStr):
            for field, value in list(ast.iter_fields(node)):
                if isinstance(value, list):
                    for number, item in enumerate(value):
                        if not (isinstance(item, ast.UnaryOp) and _called(node) == "reshape"):
                            yield from _places(value, number)
                elif field != "annotation" and getattr(node, "arg", "") != "strict":
                    yield from _places(node.__dict__, field)


def _replacements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """(operator, new node) for every change of this one node."""
    if type(node) in OPERATORS:
        yield "comparison" if isinstance(node, ast.cmpop) else "operator", OPERATORS[type(node)]()
    elif isinstance(node, ast.BinOp):
        yield from (("term", side) for side in (node.left, node.right))
    elif isinstance(node, ast.BoolOp):
        yield from (("term", value) for value in node.values)
    elif isinstance(node, ast.UnaryOp) and not isinstance(node.operand, ast.Constant):
        yield "sign", node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "flag", ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield from (("constant", ast.Constant(n)) for n in (node.value + 1, node.value - 1) if n >= 0)
    elif isinstance(node, ast.Constant) and isinstance(node.value, float):
        yield "constant", ast.Constant(1.5 * node.value or 0.5)
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


def _other_calls(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    arguments, function, name = node.args, node.func, _called(node)
    for k in range(name in COMMUTATIVE, len(arguments) - 1):
        swapped = [*arguments[:k], arguments[k + 1], arguments[k], *arguments[k + 2 :]]
        yield "swap", ast.Call(function, swapped, node.keywords)
    for keyword in node.keywords if name != "zip" else ():
        yield "keyword", ast.Call(function, arguments, [k for k in node.keywords if k is not keyword])
    if isinstance(function, ast.Attribute):
        if ast.unparse(function.value) in ("np", "torch"):
            if name == "array":
                yield "copy", arguments[0]
        elif name in COPIES + TRANSPOSES:
            yield "copy" if name in COPIES else "transpose", function.value


def _called(node: ast.AST) -> str:
    function = getattr(node, "func", None)
    name: str = getattr(function, "attr", getattr(function, "id", ""))
    return name


def _replaced(text: str, unit: ast.stmt | ast.expr, new: str) -> str:
    """The text with the unit replaced and all other lines where they were; columns of ast count bytes."""
    lines = text.encode().splitlines(keepends=True)
    first, last = unit.lineno - 1, unit.end_lineno or unit.lineno
    head, tail = lines[first][: unit.col_offset], lines[last - 1][unit.end_col_offset :]
    blank = "\n" * (last - 1 - first)
    new = f"({new}{blank})" if isinstance(unit, ast.expr) else f"{new}{blank}"
    return b"".join([*lines[:first], head, new.encode(), tail, *lines[last:]]).decode()
