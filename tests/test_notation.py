"""The legend is complete, and every letter in it is used."""

import ast
import re
from pathlib import Path

import pytest
import torch

from scratch_rnn.notation import AXES, GATES

PACKAGE = Path(__file__).parent.parent / "scratch_rnn"
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "notation.py"]
DTYPES = {"Float", "Int", "Bool", "Shaped", "Num", "Inexact", "Complex", "Integer", "UInt", "Real"}


def annotated(path: Path) -> set[str]:
    """The axes of every jaxtyping annotation of a file."""
    axes: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).split(".")[-1] in DTYPES:
            assert isinstance(node.slice, ast.Tuple), ast.unparse(node)
            shape = node.slice.elts[1]
            assert isinstance(shape, ast.Constant), ast.unparse(node)
            named = [axis for axis in str(shape.value).split() if not axis.startswith(("*", "..."))]
            axes |= set(re.findall(r"[A-Za-z_]+", " ".join(named)))  # the H of 2*H too
    return axes


def spelled_out(path: Path) -> set[str]:
    """The letters that the `Axes (…): T time, …` paragraph of a file's head explains."""
    head = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    paragraph = re.search(
        r"^Axes \(scratch_rnn/notation\.py\): (.*?)(\n\n|\Z)", head, re.MULTILINE | re.DOTALL
    )
    return set(re.findall(r"\b[A-Z]\b", paragraph[1])) if paragraph else set()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_axis_is_in_the_legend(path: Path) -> None:
    axes = annotated(path)
    assert axes <= AXES.keys()
    assert axes <= spelled_out(path), "the head of the file explains its axes"


def test_every_letter_of_the_legend_is_used() -> None:
    assert set().union(*map(annotated, FILES), *map(spelled_out, FILES)) >= AXES.keys()


@pytest.mark.parametrize("kind", GATES)
def test_gates_are_torchs(kind: str) -> None:
    layer = getattr(torch.nn, kind.upper())(2, 5)
    assert layer.weight_ih_l0.shape == (5 * len(GATES[kind]), 2)


@pytest.mark.parametrize(("gate", "h", "c"), [("i", 0.0, 1.0), ("f", 0.0, 0.5), ("o", 0.0, 0.0)])
def test_the_letters_of_the_lstm_give_the_position_of_each_gate(gate: str, h: float, c: float) -> None:
    cell = torch.nn.LSTMCell(1, 1)
    bias = torch.tensor([1e3 if letter in (gate, "g") else -1e3 for letter in GATES["lstm"]])
    cell.load_state_dict({n: bias if n == "bias_ih" else 0 * p for n, p in cell.state_dict().items()})
    state = cell(torch.zeros(1, 1), (torch.zeros(1, 1), torch.full((1, 1), 0.5)))
    assert [part.item() for part in state] == [h, c]
