"""What is read from the source: lines, equation numbers and functions; and what cannot be reported."""

import linecache
from collections.abc import Mapping
from typing import Any

import pytest

from scratch_rnn.numpy_bptt import gru, lstm, rnn
from scratch_rnn.trace.instrument import Line, instrument, read


def compiled(text: str) -> Any:
    """The function `step` of some source that inspect can find."""
    name = f"<source of {text!r}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"sigmoid": abs, "np": __import__("numpy")}
    exec(compile(text, name, "exec"), namespace)
    return namespace["step"]


def by_name(lines: tuple[Line, ...]) -> Mapping[str, list[Line]]:
    names = [name for line in lines for name in line.names]
    return {name: [line for line in lines if name in line.names] for name in names}


EQUATIONS = {
    lstm: {"x": 1, "h": 1, "a": 1, "a_f": 2, "f": 2, "c_next": 3, "tanh_c_next": 4, "m": 4, "h_next": 5},
    gru: {"u": 1, "u_n": 2, "z": 2, "n": 3, "h_next": 4},
    rnn: {"x": 1, "a": 1, "h_next": 2},
}
BACKWARD = {
    lstm: {"d_h_next": [None], "d_c_next": [None, 4], "d_m": [5, 5], "d_f": [3], "d_a": [2], "d_h": [1]},
    gru: {"d_h_next": [None], "d_h_4": [4], "d_a_n": [3], "d_a_r": [2], "d_u": [1], "d_h": [1]},
    rnn: {"d_h_next": [None], "d_a": [2], "d_h": [1]},
}


@pytest.mark.parametrize("cell", EQUATIONS)
def test_equation_numbers(cell: Any) -> None:
    """Forward: a trailing number, or the next one. Backward: the comment above."""
    forward = by_name(read(cell.step).lines)
    assert {name: forward[name][0].equation for name in EQUATIONS[cell]} == EQUATIONS[cell]
    backward = by_name(read(cell.step_backward, backward=True).lines)
    found = {name: [line.equation for line in backward[name]] for name in BACKWARD[cell]}
    assert found == BACKWARD[cell]
    numbered = [line.equation for line in read(cell.step).lines if line.numbered]
    assert numbered == list(range(1, len(numbered) + 1))


def test_line_numbers_are_those_of_the_file() -> None:
    file = linecache.getlines(lstm.__file__)
    for function, backward in ((lstm.step, False), (lstm.step_backward, True)):
        for line in read(function, backward).lines:
            assert all(name in file[line.number - 1] for name in line.names)


def test_functions() -> None:
    step = by_name(read(lstm.step).lines)
    (gates,) = step["i"]
    assert gates.functions == {"i": ("sigmoid",), "f": ("sigmoid",), "g": ("tanh",), "o": ("sigmoid",)}
    assert step["a_i"][0].functions["a_i"] == ("split",)
    assert step["c_next"][0].functions == {"c_next": ()}
    assert by_name(read(rnn.step).lines)["h_next"][0].functions == {"h_next": ("tanh", "relu")}


def test_every_assignment_is_reported_after_it_is_made() -> None:
    step = compiled(
        "def step(x, state,\n"
        "         p=3):\n"
        '    "doc"\n'
        "    (a, b), c = (x, state), p\n"
        "    if a > 0:\n"
        "        a = (\n"
        "            a + 1\n"
        "        )  # (1)\n"
        "    else:\n"
        "        b = sigmoid(b)  # (2)\n"
        "    d, _ = e = [a, b]\n"
        "    return d, e\n"
    )
    source = read(step)
    notes: list[Any] = []
    result = instrument(source, lambda line, values: notes.append((line, dict(values))))(1, -2)
    assert result == step(1, -2) == (2, [2, -2])
    expected: list[Any] = [(1, {"x": 1, "state": -2}), (2, {"p": 3}), (4, {"a": 1, "b": -2, "c": 3})]
    assert notes == [*expected, (6, {"a": 2}), (11, {"d": 2, "e": [2, -2]})]
    assert [line.number for line in source.lines] == [1, 2, 4, 6, 10, 11]
    assert [(line.equation, line.numbered) for line in source.lines[3:]] == [
        (1, True),
        (2, True),
        (None, False),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "x += 1",
        "x[0] = 1",
        "x.y = 1",
        "a, *b = x",
        "for a in x: pass",
        "while x: a = 1",
        "with x as a: pass",
        "try: a = 1\n    finally: pass",
        "import os",
        "a = [b := 1, b]",
        "if (a := 1): pass",
        "return (a := 1)",
        "x.sort()",
        "a = np.add(x, 1, out=x)",
        "del x",
        "a: int = 1",
        "def f(): return 1",
        "match x:\n        case a: pass",
    ],
)
def test_a_statement_that_cannot_be_reported_is_refused(statement: str) -> None:
    step = compiled(f"def step(x, state, p):\n    b = 1\n    {statement}\n    return b\n")
    expected = "trace: expected assignments of new values to plain names, if and return, got .* line [345]$"
    with pytest.raises(ValueError, match=expected):
        read(step)


def test_a_function_that_is_not_plain_is_refused() -> None:
    here = 1

    def inner(x: int) -> int:
        return x + here

    with pytest.raises(ValueError, match=r"expected a function at the top of a module, got .*inner"):
        read(inner)
