"""A function of a cell file, compiled again so that it reports every value that it assigns.

The source is read with `ast`, and a call is inserted after each assignment:

    c_next = f * c + i * g                c_next = f * c + i * g
                                   ->     _note(65, {"c_next": c_next})

No equation is written a second time: what runs is the function's own code, in its own module's namespace.
A statement whose values cannot all be reported (a loop, an in-place update) raises.

Which equation a line belongs to is read from the comments:

    forward     a trailing `# (3)` numbers its line; lines without a number belong to the next number
    backward    a comment line `# (3) …` starts a block, which ends before the next such comment
"""

import ast
import inspect
import io
import re
import textwrap
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from types import CodeType
from typing import Any, NamedTuple

from numpy import ndarray

from scratch_rnn.checks import message

WHO = "trace"
NUMBER = re.compile(r"#\s*\((\d+)\)")
PLAIN = (ast.Return, ast.Raise, ast.Assert, ast.Pass)

Note = Callable[[int, Mapping[str, object]], None]
"""Called with a line number, and with the names that this line assigned and their values."""


class Line(NamedTuple):
    """A line of a function that assigns names. An assignment that takes several lines counts as its first."""

    number: int
    """In the file, from 1 on."""
    equation: int | None
    """The equation that the line belongs to; None before the first comment of a backward pass."""
    numbered: bool
    """Whether that number is on the line itself."""
    functions: Mapping[str, tuple[str, ...]]
    """Each name, and the functions that its value may come from: ("sigmoid",) for i = sigmoid(a_i),
    ("tanh", "relu") for a conditional expression, () for an argument or for arithmetic."""
    values: Mapping[str, ndarray] = {}
    """In a trace: each name that got an array, (T, N, F), or (T, …) for the gradient of a parameter. None of
    a line that did not run."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the line assigns, in the order of the source."""
        return tuple(self.functions)


class Source(NamedTuple):
    """A function as it is written."""

    function: Any
    code: CodeType
    """The module that defines it, with its notes."""
    lines: tuple[Line, ...]


@cache
def read(function: Callable[..., object], backward: bool = False) -> Source:
    """The source of a function, its decorators left out. It is read and compiled once.

    `backward` says which of the two rules gives its lines their equation numbers. Raises OSError where there
    is no source, and ValueError for a statement whose values cannot be reported.
    """
    plain: Any = inspect.unwrap(function)
    who = getattr(plain, "__qualname__", repr(plain))
    try:
        written, first = inspect.getsourcelines(plain)
    except (OSError, TypeError) as error:
        raise OSError(message(WHO, f"the source of {who}", f"none ({error})")) from None
    text = textwrap.dedent("".join(written))
    tree = ast.increment_lineno(ast.parse(text), first - 1).body[0]
    if not isinstance(tree, ast.FunctionDef) or plain.__closure__:
        raise ValueError(message(WHO, "a function at the top of a module", who))
    lines = tuple(_lines(tree, dict(_numbers(text, first)), backward, plain.__code__.co_filename))
    arguments = [_note_call(each.number, each.names) for each in lines if each.number < tree.body[0].lineno]
    tree.decorator_list, tree.body = [], arguments + _noted(tree.body)
    code = compile(ast.Module([tree], type_ignores=[]), plain.__code__.co_filename, "exec")
    return Source(plain, code, lines)


def instrument(source: Source, note: Note) -> Callable[..., Any]:
    """The function, which computes the same and calls `note` after each assignment.

    The first notes of a call are its arguments, at the lines on which they are written.
    """
    namespace = source.function.__globals__ | {"_note": note}
    exec(source.code, namespace)
    return namespace[source.function.__name__]


def _noted(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements, and after each assignment the call that reports it."""
    result: list[ast.stmt] = []
    for statement in body:
        result.append(statement)
        if isinstance(statement, ast.If):
            statement.body, statement.orelse = _noted(statement.body), _noted(statement.orelse)
        elif isinstance(statement, ast.Assign):
            result.append(_note_call(statement.lineno, tuple(_assigned(statement))))
    return result


def _note_call(line: int, names: Sequence[str]) -> ast.stmt:
    """`_note(line, {"name": name, …})`, as if it were on that line."""
    values = ", ".join(f"{name!r}: {name}" for name in names)
    return ast.increment_lineno(ast.parse(f"_note({line}, {{{values}}})"), line - 1).body[0]


def _lines(
    tree: ast.FunctionDef, numbers: Mapping[int, tuple[int, bool]], backward: bool, file: str
) -> Iterator[Line]:
    """The arguments' lines, then the assignments'."""
    found: dict[int, dict[str, tuple[str, ...]]] = {}
    ends: dict[int, int] = {}
    for argument in (*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs):
        found.setdefault(argument.lineno, {})[argument.arg] = ()
    for statement in _assignments(tree.body, file):
        found.setdefault(statement.lineno, {}).update(_assigned(statement))
        ends[statement.lineno] = statement.end_lineno or statement.lineno
    for line, functions in found.items():
        trailing = [k for at, (k, alone) in numbers.items() if at >= line and not alone]
        opened = [k for at, (k, alone) in numbers.items() if at < line and alone]
        candidates = opened[::-1] if backward else trailing
        own = any(line <= at <= ends.get(line, line) for at, (_, alone) in numbers.items() if not alone)
        yield Line(line, candidates[0] if candidates else None, own, functions)


def _assignments(body: Sequence[ast.stmt], file: str) -> Iterator[ast.Assign]:
    """Every assignment, those under `if` too; ValueError for a statement that cannot be reported."""
    for statement in body:
        docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if isinstance(statement, ast.If):
            _check_expressions(statement.test, file)
            yield from _assignments(statement.body, file)
            yield from _assignments(statement.orelse, file)
        elif isinstance(statement, ast.Assign) and all(map(_only_names, statement.targets)):
            _check_expressions(statement, file)
            yield statement
        elif isinstance(statement, PLAIN) or docstring:
            _check_expressions(statement, file)
        else:
            _refuse(statement, file)


def _only_names(target: ast.expr) -> bool:
    """Whether a target is a name, or names in brackets."""
    return all(isinstance(each, ast.Name | ast.Tuple | ast.Store) for each in ast.walk(target))


def _assigned(statement: ast.Assign) -> dict[str, tuple[str, ...]]:
    """The names that a statement assigns, each with its functions; `_` is no name for a value."""
    pairs = [pair for target in statement.targets for pair in _pairs(target, statement.value)]
    names = {target.id: _functions(value) for target, value in pairs if isinstance(target, ast.Name)}
    names.pop("_", None)
    return names


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each single target with the expression assigned to it; the whole right side where it is not a tuple."""
    if not isinstance(target, ast.Tuple):
        yield target, value
        return
    sides = [value] * len(target.elts)
    if isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts):
        sides = value.elts
    for each, side in zip(target.elts, sides, strict=True):
        yield from _pairs(each, side)


def _functions(value: ast.expr) -> tuple[str, ...]:
    """The functions whose result an expression is, by their last names."""
    if isinstance(value, ast.IfExp):
        return _functions(value.body) + _functions(value.orelse)
    if isinstance(value, ast.Call):
        return (ast.unparse(value.func).rsplit(".", 1)[-1],)
    return ()


def _numbers(text: str, first: int) -> Iterator[tuple[int, tuple[int, bool]]]:
    """(line, (equation number, whether the comment is alone on its line)), in the order of the lines."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        found = NUMBER.match(token.string) if token.type == tokenize.COMMENT else None
        if found:
            yield first - 1 + token.start[0], (int(found[1]), not token.line[: token.start[1]].strip())


def _check_expressions(node: ast.AST, file: str) -> None:
    """Refuse `:=`, and `out=`, which writes into a value that was already reported."""
    for each in ast.walk(node):
        writes = isinstance(each, ast.Call) and any(keyword.arg == "out" for keyword in each.keywords)
        if isinstance(each, ast.NamedExpr) or (isinstance(each, ast.expr) and writes):
            _refuse(each, file)


def _refuse(node: ast.stmt | ast.expr, file: str) -> None:
    expected = "assignments of new values to plain names, if and return"
    code = ast.unparse(node).splitlines()[0]
    raise ValueError(message(WHO, expected, f"{code!r} in {file}, line {node.lineno}"))
