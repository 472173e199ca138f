"""Imports point one way, and the plain files need no library."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import scratch_rnn

PACKAGE = Path(__file__).parent.parent / "scratch_rnn"

ORDER = (
    {"checks", "outputs", "notation"},
    {"parameters", "snapshot", "spans", "seq2seq_common", "model_checks"},
    {"numpy_bptt", "torch_autograd", "convert"},
    {"fonts"},
    {"trace", "parity", "weight_files"},
    {"labs"},
    {"page", "exercises"},
    {"cli"},
    {"__main__"},
)
"""A part imports from its own row or from a row above it."""
LEVEL = {part: level for level, parts in enumerate(ORDER) for part in parts}
APART = {("numpy_bptt", "torch_autograd"), ("torch_autograd", "numpy_bptt"), ("trace", "parity")}
"""Pairs of one row or of two that never import each other in this direction."""

FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The full name of every module, or member of a module, that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(name: str) -> str:
    """`numpy_bptt` for scratch_rnn.numpy_bptt.ops.linear."""
    return name.split(".")[1]


def allowed(here: str, there: str) -> bool:
    return LEVEL[there] <= LEVEL[here] and (here, there) not in APART


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    here = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for name in imported(path):
        if here == "numpy_bptt":
            assert name.split(".")[0] != "torch", f"{path} imports {name}"
        if name.startswith("scratch_rnn.") and part_of(name) in LEVEL and here != "__init__":
            assert allowed(here, part_of(name)), f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_fused_engines_import_params_and_state_only(path: Path) -> None:
    parts = path.relative_to(PACKAGE).parts
    for name in imported(path):
        if "fused" in parts and name.startswith(f"scratch_rnn.{parts[0]}.") and ".fused" not in name:
            assert name.rsplit(".", 1)[1] in ("Params", "State"), f"{path} imports {name}"


def test_every_part_has_a_level() -> None:
    parts = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in FILES} - {"__init__"}
    assert parts <= LEVEL.keys()


def test_the_package_map_names_every_part() -> None:
    """A line of the map begins with one or more names; "; name: …" adds another."""
    lines = [line.strip() for line in (scratch_rnn.__doc__ or "").splitlines() if line.startswith("    ")]
    names = [name for line in lines for name in re.split(r"\s{2,}", line)[0].split(", ")]
    names += [name for line in lines for name in re.findall(r"; (\w+):", line)]
    parts = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in FILES}
    assert sorted(names) == sorted((parts | {"*/fused"}) - {"__init__", "__main__"})
    assert {path.parent.name for path in PACKAGE.glob("*/fused")} == {"numpy_bptt", "torch_autograd"}


def test_the_rule_refuses_an_upward_import() -> None:
    assert not allowed("numpy_bptt", "labs")
    assert not allowed("torch_autograd", "numpy_bptt")
    assert allowed("cli", "labs")


def test_the_plain_files_need_neither_numpy_nor_torch() -> None:
    plain = ", ".join(f"scratch_rnn.{name}" for name in sorted(ORDER[0] | ORDER[1]))
    code = f"import sys, {plain}; print({{'numpy', 'torch'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_version_is_written_once() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    source = PACKAGE.parent / project["tool"]["hatch"]["version"]["path"]
    assert source == PACKAGE / "__init__.py"
    assert f'__version__ = "{scratch_rnn.__version__}"' in source.read_text(encoding="utf-8")
