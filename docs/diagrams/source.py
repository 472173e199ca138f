"""Reads the source: what each equation reads and computes, and what its adjoint is called.

A cell file gives a graph: its nodes are the names that `step` assigns, its edges the names that the
assignments read. An edge also has the name of the gradient that passes it in `step_backward`. A name
without a gradient of its own (tanh_c_next) is no node: what reads it reads what it was made of.

The models give their numbered equations, as they are written at the top of the file.
"""

import ast
import re
from pathlib import Path
from typing import NamedTuple

NUMPY = Path(__file__).resolve().parents[2] / "scratch_rnn/numpy_bptt"


class Edge(NamedTuple):
    """A value that is read: source -> target. `adjoint` is what the gradient is called, if there is one."""

    source: str
    target: str
    adjoint: str


class Graph(NamedTuple):
    """The numbers of the nodes ("" where the line has none), the edges, and the adjoints of the outputs."""

    numbers: dict[str, str]
    edges: list[Edge]
    inputs: list[str]
    outputs: list[str]


class Equation(NamedTuple):
    """`number` as in "(4)", and the text without the remark beside it."""

    number: str
    text: str


def equations(path: Path) -> list[Equation]:
    """The numbered equations at the top of a file."""
    head = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    found = re.findall(r"^ +(\(\d+\))  (.*)$", head, re.MULTILINE)
    return [Equation(number, re.split(r" {4,}", line.strip())[0]) for number, line in found]


def cell_graph(path: Path) -> Graph:
    """The graph of a cell file, from `step` and `step_backward`."""
    text = path.read_text(encoding="utf-8")
    functions = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    lines = text.splitlines()
    adjoints = _adjoints(functions["step_backward"], lines)
    reads: dict[str, list[str]] = {"x": []}
    numbers = {"x": ""}
    inputs = ["x"]
    for statement in functions["step"].body:
        if not isinstance(statement, ast.Assign):
            continue
        number = re.search(r"# (\(\d+\))$", lines[(statement.end_lineno or 0) - 1])
        for name, value in _pairs(statement.targets[0], statement.value):
            if isinstance(value, ast.Name) and value.id == "state":
                inputs.append(name)
            numbers[name] = number[1] if number else ""
            reads[name] = _reads(value, reads)
    edges = [
        _edge(source, target, numbers[target], adjoints)
        for target in reads
        if _has_adjoint(target, adjoints)
        for source in _dissolve(reads[target], reads, adjoints)
    ]
    outputs = [f"{name}_next" for name in inputs[1:]]
    kept = {name for edge in edges for name in edge[:2]}
    return Graph({name: numbers.get(name, "") for name in kept}, edges, inputs, outputs)


def _adjoints(function: ast.FunctionDef, lines: list[str]) -> dict[str, str]:
    """d_… -> the number of the block of `step_backward` that computes it; "" for what arrives."""
    blocks = [re.match(r" *# (\(\d+\))", line) for line in lines]
    assignments = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
    found: dict[str, str] = {}
    for statement in sorted(assignments, key=lambda node: node.lineno):  # the last one of a name counts
        before = [block[1] for block in blocks[function.lineno : statement.lineno] if block]
        names = [name for name, _ in _pairs(statement.targets[0], statement.value)]
        found |= {name: before[-1] if before else "" for name in names if name.startswith("d_")}
    return found


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[str, ast.expr]]:
    """(name, value) for each name of an assignment; a tuple on both sides is taken apart."""
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    if not isinstance(target, ast.Tuple):
        raise TypeError(f"an assignment to names expected, got {ast.unparse(target)}")
    alike = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
    values = value.elts if isinstance(value, ast.Tuple) and alike else [value] * len(target.elts)
    return [pair for t, v in zip(target.elts, values, strict=True) for pair in _pairs(t, v)]


def _reads(value: ast.expr, known: dict[str, list[str]]) -> list[str]:
    """The known names and the parameters that an expression reads, each once."""
    found = []
    for node in ast.walk(value):
        if isinstance(node, ast.Name) and node.id in known:
            found.append(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "p":
            found.append(node.attr)
    return list(dict.fromkeys(found))


def _has_adjoint(name: str, adjoints: dict[str, str]) -> bool:
    return f"d_{name}" in adjoints or f"d_{name}_next" in adjoints


def _dissolve(names: list[str], reads: dict[str, list[str]], adjoints: dict[str, str]) -> list[str]:
    """The names, each that has no gradient replaced by what it was made of."""
    found: list[str] = []
    for name in names:
        kept = name not in reads or f"d_{name}" in adjoints
        found += [name] if kept else _dissolve(reads[name], reads, adjoints)
    return list(dict.fromkeys(found))


def _edge(source: str, target: str, number: str, adjoints: dict[str, str]) -> Edge:
    """A share through equation (k) is called d_…_k, if the value has several readers."""
    share = f"d_{source}_{number.strip('()')}"
    adjoint = share if share in adjoints else f"d_{source}"
    return Edge(source, target, f"{adjoint} {adjoints[adjoint]}")


class Instance(NamedTuple):
    """One numbered equation at one time step: what it computes, and the names that it reads."""

    number: str
    target: str
    reads: list[str]


def instance(equation: Equation, t: int) -> Instance:
    """The equation at step t: s' and s_{t+1} become s_1 at t = 0; [:N_t] is left out."""
    text = re.sub(r"\[:?N_t:?\]", "", equation.text)
    text = (
        text.replace("_{t+1}", f"_{t + 1}").replace("_t", f"_{t}").replace("s→", "s_n").replace("s←", "s_n")
    )
    text = re.sub(r"\b([sh])'", rf"\1_{t + 1}", text)
    target, right = re.split(r" \+?= ", text, maxsplit=1)
    right = re.sub(r"\bs\b", f"s_{t}", right)
    reads = re.findall(r"log p_\d|\b(?:s_n|(?:s|h|x|y|o|w|target)_\d|[wx]|source)\b", right)
    return Instance(equation.number, target, list(dict.fromkeys(reads)))
