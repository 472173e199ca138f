"""The first value of a reader's file that is wrong, and the equation that computes it in the project's."""

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from scratch_rnn.exercises.catalogue import functions
from scratch_rnn.exercises.values import wrong_leaves
from scratch_rnn.exercises.watch import RETURN, Event, Events, assigned
from scratch_rnn.trace.instrument import NUMBER


class Equation(NamedTuple):
    """What the project's file has on a line that assigns names or returns."""

    number: int | None
    sides: dict[str, str]
    """Each name, and the expression whose value it gets."""
    returned: Any = None
    """The names in a `return`, as a tree: ("d_x", ("d_h",))."""


def equations(source: str) -> dict[int, Equation]:
    """The assignments and returns of a file's functions by line number."""
    lines, found = source.splitlines(), {}
    for _, node in functions(ast.parse(source)):
        for statement in ast.walk(node):
            if isinstance(statement, ast.Return):
                found[statement.lineno] = Equation(None, {}, _tree(statement.value))
            elif isinstance(statement, ast.stmt) and any(assigned(statement)):
                found[statement.lineno] = Equation(_number(lines, node, statement), dict(_sides(statement)))
    return found


def first_wrong(given: Events, real: Events, source: str) -> str | None:
    """A sentence about the first given value that is wrong, of those whose names the project's file has too.

    A name that a call assigns as often as there is compared each time, otherwise its last value is.
    """
    ours, expected, lines = _by_name(given), _by_name(real), equations(source)
    position = Counter[Any]()
    for event in given:
        if isinstance(event, str):
            return event
        key = event.call, event.name
        at, count, values = position[key], len(ours[key]), expected.get(key, [])
        position[key] += 1
        if not values or (count != len(values) and at != count - 1):
            continue
        right = values[at] if count == len(values) else values[-1]
        equation = lines[right.line]
        names = wrong_leaves(event.value, right.value, equation.returned)
        if names and event.name == RETURN:
            return f"{names}: wrong in what {event.call[0]} returns (line {event.line})"
        if names:
            where = event.call[0] if equation.number is None else f"({equation.number})"
            side = equation.sides[event.name]
            return f"{event.name}: wrong at {where}; expected {side} (line {event.line})"
    return None


def _by_name(events: Events) -> dict[Any, list[Event]]:
    """The events of each name in each call."""
    found: dict[Any, list[Event]] = {}
    for event in events:
        if isinstance(event, Event):
            found.setdefault((event.call, event.name), []).append(event)
    return found


def _number(lines: Sequence[str], node: ast.FunctionDef, statement: ast.stmt) -> int | None:
    """On the statement's own line; else in the comment above (backward pass), or on the next line of code."""
    start, end = statement.lineno - 1, statement.end_lineno or statement.lineno
    found = _numbers(lines[start:end], False)
    if "backward" in node.name:
        found += _numbers(lines[node.lineno : start], True)[::-1]
    else:
        found += _numbers(lines[end : node.end_lineno], False)
    return found[0] if found else None


def _numbers(lines: Sequence[str], alone: bool) -> list[int]:
    """The numbers in comments that are alone on their line, or in those that are not."""
    marks = [(line, NUMBER.search(line)) for line in lines]
    return [int(mark[1]) for line, mark in marks if mark and (not line[: mark.start()].strip()) == alone]


def _sides(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    """Each assigned name with its expression: its own element of a tuple where the source says which."""
    value: Any = getattr(statement, "value", None)
    for target in getattr(statement, "targets", []):
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = list(zip(target.elts, value.elts, strict=True))
        for each, side in pairs:
            one = ast.Assign([each], side, lineno=0)
            yield from ((name, ast.unparse(side).replace(" * ", " ⊙ ")) for name in assigned(one))


def _tree(node: ast.expr | None) -> Any:
    """The names in an expression of tuples and calls with plain arguments; None for other expressions."""
    if isinstance(node, ast.Tuple | ast.Call):
        return tuple(map(_tree, node.elts if isinstance(node, ast.Tuple) else node.args))
    return node.id if isinstance(node, ast.Name) else None
