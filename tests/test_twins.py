"""torch_autograd has the text of numpy_bptt without the backward pass: same files, names, equations, numbers.

Neither tree calls a library for what it implements.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "scratch_rnn"
NUMPY, TORCH = PACKAGE / "numpy_bptt", PACKAGE / "torch_autograd"
CELLS = ["rnn.py", "lstm.py", "gru.py", "gru_reset_before.py"]
UNROLLED = ["layer.py", "stack.py"]
NUMBER = re.compile(r"# \((\d+)\)")


def top_level(path: Path) -> set[str]:
    """Names of the classes and functions of a file, those with a leading underscore too."""
    kinds = (ast.ClassDef, ast.FunctionDef)
    return {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, kinds)}


def body(path: Path, name: str) -> list[str]:
    """The lines of one function."""
    text = path.read_text(encoding="utf-8")
    (node,) = (n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == name)
    return text.splitlines()[node.lineno - 1 : node.end_lineno]


def numbers(lines: list[str]) -> list[int]:
    """The equation numbers in comments."""
    return [int(found) for line in lines for found in NUMBER.findall(line)]


def in_head(path: Path) -> list[int]:
    """The numbers of the equations in a file's docstring."""
    head = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")), clean=False) or ""
    return [int(found) for found in re.findall(r"^ +\((\d+)\)  ", head, re.MULTILINE)]


def equations(path: Path) -> str:
    """The equations in a file's docstring."""
    head = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return "\n".join(line for line in head.splitlines() if re.match(r" +\(\d+\)  ", line))


def plain(line: str) -> str:
    """A line of code without the dialect of its array library."""
    line = re.sub(r"np\.split\((\w+), (\d), axis=1\)", r"\1.chunk(\2, dim=1)", line.strip())
    return line.replace("np.", "").replace("moved, cache = step", "moved = step")


@pytest.mark.parametrize("name", CELLS)
def test_cells_hold_the_same_names(name: str) -> None:
    assert top_level(NUMPY / name) == {"Params", "State", "Cache", "step", "step_backward"}
    assert top_level(TORCH / name) == {"Params", "State", "step"}


def test_layer_and_stack_hold_the_same_functions() -> None:
    assert top_level(NUMPY / "layer.py") - {"Tape", "backward", "_add"} == top_level(TORCH / "layer.py")
    assert top_level(NUMPY / "stack.py") - {"Tape", "Engine", "backward"} == top_level(TORCH / "stack.py")


def test_packing_holds_the_same_functions() -> None:
    ours, twin = (
        {name for name in top_level(tree / "packed.py") if not name.startswith("_")}
        for tree in (NUMPY, TORCH)
    )
    adjoints = {name for name in ours if name.endswith("_backward")}
    assert ours - adjoints == twin - {"is_packed", "P"}


def forward_of(name: str) -> str:
    """What runs forward in a file."""
    return "step" if name in CELLS else "forward"


@pytest.mark.parametrize("name", CELLS + UNROLLED)
def test_equations_are_the_same_and_numbered_on_the_lines_that_compute_them(name: str) -> None:
    assert equations(NUMPY / name) == equations(TORCH / name) != ""
    head, forward = in_head(NUMPY / name), forward_of(name)
    assert head == list(range(1, len(head) + 1))
    in_numpy, in_torch = body(NUMPY / name, forward), body(TORCH / name, forward)
    assert numbers(in_numpy) == numbers(in_torch) == head
    for line in (*in_numpy, *in_torch):
        assert not NUMBER.search(line) or NUMBER.split(line)[0].strip(), "a number, and no code"


@pytest.mark.parametrize("name", [*CELLS, "layer.py"])
def test_numbered_lines_are_the_same_code(name: str) -> None:
    ours, twin = (
        [plain(line) for line in body(tree / name, forward_of(name)) if NUMBER.search(line)]
        for tree in (NUMPY, TORCH)
    )
    assert ours == twin


@pytest.mark.parametrize("name", CELLS + UNROLLED)
def test_the_backward_pass_has_the_equations_in_reverse_order(name: str) -> None:
    backward = "step_backward" if name in CELLS else "backward"
    assert numbers(body(NUMPY / name, backward)) == in_head(NUMPY / name)[::-1]


def dotted(tree: ast.AST) -> Iterator[str]:
    """Every name that a file uses, written out from the root: `nn.LSTM` is torch.nn.LSTM."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {a.asname or a.name.split(".")[0]: a.name if a.asname else "" for a in node.names}
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            known |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, *rest = ast.unparse(node).split(".")
            yield ".".join([known.get(first) or first, *rest])
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            yield ".".join(ast.unparse(argument).strip("'") for argument in node.args[:2])


CHEATS = re.compile(
    r"^torch\.nn\.(modules\.)?(rnn\b|(RNN|LSTM|GRU)(Base|Cell|CellBase)?\b)|^torch\.nn\.utils\.rnn\b"
    r"|\b_VF\b|\b_(pack_padded|pad_packed)_sequence\b"
    r"|^torch\.([\w.]+\.)?(lstm|gru|rnn_tanh|rnn_relu)(_cell)?\b"
)


def cheats(source: str) -> list[str]:
    """What a file uses of torch although it should implement it itself."""
    return [name for name in dotted(ast.parse(source)) if CHEATS.search(name)]


@pytest.mark.parametrize(
    "source",
    [
        "import torch.nn as nn\nnn.LSTM(2, 3)",
        "from torch import nn\nnn.GRUCell(2, 3)",
        "from torch.nn import RNNBase as Base",
        "import torch\ntorch.nn.modules.rnn.RNN",
        "from torch.nn.utils.rnn import pad_sequence",
        "from torch.nn.utils import rnn",
        "from torch import _VF",
        "import torch\ntorch._VF.lstm",
        "import torch\ntorch.gru_cell(x)",
        "import torch\ntorch.ops.aten.rnn_tanh",
        "import torch\ntorch._pack_padded_sequence(x)",
        "import torch\ngetattr(torch, 'lstm')",
    ],
)
def test_the_search_for_cheats_finds(source: str) -> None:
    assert cheats(source)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_file_takes_from_torch_what_it_shows(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    allowed = (
        {"torch.nn.utils.rnn.PackedSequence"} if path == TORCH / "packed.py" else set()
    )  # its base class
    assert not set(cheats(source)) - allowed
    if path.is_relative_to(NUMPY):
        assert not [name for name in dotted(ast.parse(source)) if name.split(".")[0] == "torch"]


def test_numpy_layers_need_no_torch() -> None:
    code = """
import sys, numpy
from scratch_rnn.numpy_bptt import LSTM, pack_sequence
layer = LSTM(2, 3, 2, bidirectional=True)
layer.backward(layer.forward(pack_sequence([numpy.ones((4, 2), "float32")]))[2])
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
