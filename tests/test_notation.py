"""The legend is complete, and every letter in it is used."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch

from scratch_rnn.notation import AXES, GATES
from scratch_rnn.numpy_bptt import ops
from scratch_rnn.torch_autograd import rnn

PACKAGE = Path(__file__).parent.parent / "scratch_rnn"
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "notation.py"]
DTYPES = {"Float", "Int", "Bool", "Shaped", "Num", "Inexact", "Complex", "Integer", "UInt", "Real"}


def annotations(tree: ast.AST) -> Iterator[ast.Subscript]:
    """Every jaxtyping annotation within a node."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).split(".")[-1] in DTYPES:
            yield node


def annotated(path: Path) -> set[str]:
    """The axes of every jaxtyping annotation of a file."""
    axes: set[str] = set()
    for node in annotations(ast.parse(path.read_text(encoding="utf-8"))):
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


def enforceable(path: Path) -> bool:
    """Whether a file has annotations that the hook enforces: all but those of a NamedTuple's fields."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    tuples = [n for n in nodes if isinstance(n, ast.ClassDef) and "NamedTuple" in map(ast.unparse, n.bases)]
    fields = [field for each in tuples for field in each.body if isinstance(field, ast.AnnAssign)]
    return len(list(annotations(nodes[0]))) > sum(len(list(annotations(field))) for field in fields)


def hooked() -> list[str]:
    """The modules and packages in which every test run enforces the annotations."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    words = project["tool"]["pytest"]["ini_options"]["addopts"]
    (option,) = [word for word in words if word.startswith("--jaxtyping-packages=")]
    *modules, checker = option.partition("=")[2].split(",")
    assert checker == "beartype.beartype"
    return modules


def test_every_annotation_is_enforced() -> None:
    for path in FILES:
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        if enforceable(path):
            assert any(f"{name}.".startswith(f"{module}.") for module in hooked()), name
    assert all(find_spec(module) for module in hooked())


def test_a_wrong_shape_is_refused_inside() -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        ops.linear(np.ones((2, 3)), np.ones((4, 5)), None)
    state, params = rnn.State(torch.ones(2, 3)), rnn.Params(torch.ones(3, 4), torch.ones(3, 3))
    with pytest.raises(jaxtyping.TypeCheckError):
        rnn.step(torch.ones(4), state, params)


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
