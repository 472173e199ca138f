"""Which lines belong to an equation, and which number belongs under which name."""

from collections.abc import Sequence

import numpy as np
import pytest

from scratch_rnn import numpy_bptt, torch_autograd
from scratch_rnn.page.source import (
    CellSource,
    Equation,
    Piece,
    _without_number,
    cell_source,
    live,
    tokenized,
)
from scratch_rnn.trace import recording


def source(cell: str) -> CellSource:
    layer = getattr(numpy_bptt, cell.upper())(3, 2, dtype=np.float64, rng=0)
    with recording(layer) as trace:
        output, _, tape = layer.forward(np.ones((4, 1, 3)))
        layer.backward(tape, output)
    recorded = {which: trace.lines(which) for which in ("forward", "backward")}
    return cell_source(cell, getattr(numpy_bptt, cell), getattr(torch_autograd, cell), recorded)


def shown(cell: CellSource, which: str, equation: int) -> dict[str, list[str]]:
    """Each line of a card, and where each of its numbers comes from: which name, on which line."""
    lines = {}
    for pieces in cell.numpy.code(which, cell.equations[equation - 1]):
        refs = [piece.ref for piece in pieces if piece.ref]
        text = {f"{which}:{n}:": line for n, line in enumerate(map(joined, cell.numpy.lines), 1)}
        lines[joined(pieces)] = [
            f"{ref.rsplit(':', 1)[1]} of {text[ref.rsplit(':', 1)[0] + ':']}" for ref in refs
        ]
    return lines


def joined(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces).strip()


def test_equations_and_remarks_are_the_docstrings() -> None:
    lstm = source("lstm")
    assert lstm.section == "4.2"
    assert lstm.equations[0] == Equation(
        1, "a = x W_ihᵀ + b_ih + h W_hhᵀ + b_hh", "a = [a_i | a_f | a_g | a_o]"
    )
    assert [each.number for each in lstm.equations] == [1, 2, 3, 4, 5]
    assert lstm.equations[4].text == "h' = m, or h' = m W_hrᵀ"


def test_a_name_that_is_read_has_its_last_value_before_the_line() -> None:
    card = shown(source("lstm"), "backward", 4)
    total = "d_c_next = d_c_next + tanh_backward(d_m * o, tanh_c_next)"
    cache = "x, h, c, i, f, g, o, tanh_c_next = cache"
    assert card[total] == [
        f"d_c_next of {total}",
        "d_c_next of d_h_next, d_c_next = d_state_next",
        "d_m of d_m, d_weight_hr = d_h_next, None",
        f"o of {cache}",
        f"tanh_c_next of {cache}",
    ]


def test_a_line_that_did_not_run_has_no_numbers() -> None:
    card = shown(source("lstm"), "backward", 5)
    (skipped,) = (line for line in card if "linear_backward" in line)
    assert card[skipped] == []
    assert len(card["d_m, d_weight_hr = d_h_next, None"]) == 2


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_card_repeats_neither_its_number_nor_its_equation(cell: str) -> None:
    found = source(cell)
    for equation in found.equations:
        forward = map(joined, found.numpy.code("forward", equation))
        backward = map(joined, found.numpy.code("backward", equation))
        assert not any(f"# ({equation.number})" in line for line in forward)
        assert not any(line == f"# ({equation.number})  {equation.text}" for line in backward)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("x = 1  # (2)", "x = 1"),
        ("# (2)  y = x", ""),
        ("x = 1  # (2)  y = x", "x = 1"),
        ("# (2)  y = x: more", "# (2)  y = x: more"),
        ("x = 1  # (3)", "x = 1  # (3)"),
    ],
)
def test_a_comment_goes_if_it_only_repeats_the_card(line: str, kept: str) -> None:
    (pieces,) = tokenized(line, {})
    assert joined(_without_number(pieces, Equation(2, "y = x", ""))) == kept


def test_twins_have_the_same_equations_on_as_many_lines() -> None:
    for cell in ("rnn", "lstm", "gru"):
        found = source(cell)
        numpy, torch = found.numpy.equations["forward"], found.torch.equations["forward"]
        assert {k: len(lines) for k, lines in numpy.items()} == {k: len(lines) for k, lines in torch.items()}
        assert set(found.numpy.equations["backward"]) == {each.number for each in found.equations}


def test_a_live_equation_reads_the_first_value_and_assigns_the_last() -> None:
    values = {"d_c_next": ["backward:7:d_c_next", "=d_c_next"], "o": ["=o"]}
    pieces = live("(4)  d_c' = (d_c' from t+1) + d_m ⊙ o,   d_o = d_c' ⊙ o", values)
    assert [(piece.text, piece.ref) for piece in pieces if piece.ref] == [
        ("d_c'", "=d_c_next"),
        ("d_c'", "backward:7:d_c_next"),
        ("o", "=o"),
        ("d_c'", "=d_c_next"),
        ("o", "=o"),
    ]
    assert (
        "".join(piece.text for piece in pieces) == "(4)  d_c' = (d_c' from t+1) + d_m ⊙ o,   d_o = d_c' ⊙ o"
    )
