"""A file compiled to report every value that its numbered functions assign and return.

scratch_rnn.trace records the cell of a layer and refuses statements that it cannot lay out over time. A
reader's file may have loops and in-place updates, so here each value is copied when it is assigned, in the
order of computation:

    d_c_next += d_m * o        ->      d_c_next += d_m * o; _note(_call, 84, {"d_c_next": d_c_next})

Functions without a numbered equation are checked as a whole: `check_helpers`.
"""

import ast
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from scratch_rnn.exercises.catalogue import functions
from scratch_rnn.exercises.values import arrays, wrong_leaves
from scratch_rnn.trace.instrument import NUMBER

RETURN = "_returned"


class Event(NamedTuple):
    """A value that a function assigned to a name, or that it returned (name RETURN)."""

    call: tuple[str, int]
    """The function, and how many calls of it came before this one."""
    line: int
    name: str
    value: Any


Events = list[Event | str]
"""What a file has reported so far; a sentence is about a helper that is wrong."""


def numbered(source: str) -> set[str]:
    """The functions of a file that have a numbered equation on a line of their own."""
    found = functions(ast.parse(source))
    return {name for name, node in found if NUMBER.search(ast.get_source_segment(source, node) or "")}


def load(path: Path, name: str, watched: Collection[str]) -> tuple[ModuleType, Events]:
    """Run a file as a module of this name; the functions in `watched` report what they compute."""
    tree = ast.parse(path.read_bytes(), str(path))
    for qualified, node in functions(tree):
        if qualified in watched:
            node.body = ast.parse(f"_call = _enter({qualified!r})").body + _noted(node.body)
    ast.fix_missing_locations(tree)
    module, events, calls = ModuleType(name), Events(), Counter[str]()

    def enter(function: str) -> tuple[str, int]:
        calls[function] += 1
        return function, calls[function] - 1

    def note(call: tuple[str, int], line: int, values: dict[str, Any]) -> None:
        events.extend(Event(call, line, each, deepcopy(a)) for each, a in values.items() if arrays(a))

    vars(module).update(__file__=str(path), _enter=enter, _note=note)
    sys.modules[name] = module
    exec(compile(tree, str(path), "exec"), vars(module))
    return module, events


def check_helpers(given: ModuleType, events: Events, real: ModuleType, watched: Collection[str]) -> None:
    """Compare each call of a function without numbered equations with the project's function of that name.

    Both get the same arguments, so an error of the caller is not counted as the helper's.
    """
    for name, function in list(vars(given).items()):
        own = isinstance(function, FunctionType) and function.__module__ == given.__name__
        expected = getattr(real, name, None)
        if own and name not in watched and isinstance(expected, FunctionType):
            vars(given)[name] = partial(_checked, function, expected, events)


def _checked(function: FunctionType, real: FunctionType, events: Events, *args: Any, **options: Any) -> Any:
    before = deepcopy((args, options))
    result = function(*args, **options)
    names = wrong_leaves(result, real(*before[0], **before[1]))
    if names:
        events.append(f"{names}: wrong in what {function.__name__} returns")
    return result


def _noted(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements, and after each assignment a call that reports it; a result is assigned first."""
    result: list[ast.stmt] = []
    for statement in body:
        for block in ("body", "orelse", "finalbody"):
            if hasattr(statement, block) and not isinstance(statement, ast.FunctionDef | ast.ClassDef):
                setattr(statement, block, _noted(getattr(statement, block)))
        after: list[ast.stmt] = []
        if isinstance(statement, ast.Return) and statement.value:
            name, after = ast.Name(RETURN, ast.Store()), ast.parse(f"return {RETURN}").body
            statement = ast.Assign([name], statement.value, lineno=statement.lineno)
        names = ", ".join(f"{name!r}: {name}" for name in dict.fromkeys(assigned(statement)))
        report = ast.parse(f"_note(_call, {statement.lineno}, {{{names}}})").body if names else []
        result += [statement, *report, *after]
    return result


def assigned(node: ast.AST) -> Iterator[str]:
    """The names that a statement or its target assigns, those of which it changes an item too."""
    if isinstance(node, ast.Name) and node.id != "_":
        yield node.id
    elif isinstance(node, ast.Assign):
        yield from (name for target in node.targets for name in assigned(target))
    elif isinstance(node, ast.AugAssign | ast.AnnAssign) and node.value:
        yield from assigned(node.target)
    elif isinstance(node, ast.Tuple | ast.List):
        yield from (name for target in node.elts for name in assigned(target))
    elif isinstance(node, ast.Starred | ast.Subscript):
        yield from assigned(node.value)
