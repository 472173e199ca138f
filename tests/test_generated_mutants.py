"""The mutants that are generated from a small function, and the list of equivalent ones."""

import pytest

from tests.generated_mutants import listed
from tests.mutation.mutate import ROOT, all_mutants, mutants

SOURCE = """
def f(x, y, out):
    \"\"\"1 + 1 is not mutated.\"\"\"
    x = x.copy()
    out += g(x, y, k=True)
    if x.n < 2 and not y:
        raise ValueError("1 + 1")
    z = x.T[1:] if y else -x
    return z + y
"""


@pytest.mark.parametrize(
    ("operator", "old", "new"),
    [
        ("copy", "x = x.copy()", "x = x"),
        ("drop", "x = x.copy()", "pass"),
        ("drop", "out += g(x, y, k=True)", "pass"),
        ("drop", "raise ValueError('1 + 1')", "pass"),
        ("operator", "out += g(x, y, k=True)", "out -= g(x, y, k=True)"),
        ("swap", "out += g(x, y, k=True)", "out += g(y, x, k=True)"),
        ("keyword", "out += g(x, y, k=True)", "out += g(x, y)"),
        ("flag", "out += g(x, y, k=True)", "out += g(x, y, k=False)"),
        ("comparison", "x.n < 2 and (not y)", "x.n <= 2 and (not y)"),
        ("constant", "x.n < 2 and (not y)", "x.n < 3 and (not y)"),
        ("operator", "x.n < 2 and (not y)", "x.n < 2 or not y"),
        ("term", "x.n < 2 and (not y)", "x.n < 2"),
        ("sign", "x.n < 2 and (not y)", "x.n < 2 and y"),
        ("transpose", "z = x.T[1:] if y else -x", "z = x[1:] if y else -x"),
        ("slice", "z = x.T[1:] if y else -x", "z = x.T[:] if y else -x"),
        ("branch", "z = x.T[1:] if y else -x", "z = -x"),
        ("sign", "z = x.T[1:] if y else -x", "z = x.T[1:] if y else x"),
        ("term", "return z + y", "return z"),
        ("sign", "return z + y", "return -(z + y)"),
    ],
)
def test_a_mutant_of_each_operator(operator: str, old: str, new: str) -> None:
    made = [mutant for mutant in mutants("f.py", SOURCE) if mutant.key[2:] == (operator, old, new)]
    assert len(made) == 1
    assert made[0].key[:2] == ("f.py", "f")
    compile(made[0].text, "f.py", "exec")


def test_a_mutant_changes_its_own_lines_and_no_others() -> None:
    lines = SOURCE.splitlines()
    for mutant in mutants("f.py", SOURCE):
        changed = [n for n, line in enumerate(mutant.text.splitlines(), 1) if line != lines[n - 1]]
        assert changed == list(mutant.lines), mutant


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("swap", "torch.mul(x, y, out=z)"),
        ("swap", "x.addcmul_(y, z)"),
        ("swap", "x.transpose(0, 1)"),
        ("constant", "x.reshape(-1, y)"),
    ],
)
def test_what_changes_no_value_is_not_made(operator: str, value: str) -> None:
    made = list(mutants("f.py", f"def f(x, y, z):\n    x = {value}\n"))
    assert made
    assert operator not in {mutant.key.operator for mutant in made}


def test_out_is_dropped_unless_it_is_written_to_again() -> None:
    made = mutants("f.py", "def f(x, y, z):\n    x = np.add(np.exp(x, out=z), np.exp(y, out=y), out=z)\n")
    assert [mutant.key.new for mutant in made if mutant.key.operator == "keyword"] == [
        "x = np.add(np.exp(x, out=z), np.exp(y, out=y))",
        "x = np.add(np.exp(x, out=z), np.exp(y), out=z)",
    ]


def test_without_the_call_of_super_a_method_still_refers_to_its_class() -> None:
    made = mutants("f.py", "class C:\n    def f(self):\n        super().f()\n")
    assert [mutant.key.new for mutant in made if mutant.key.operator == "drop"] == ["super()"]


def test_every_listed_mutant_exists_once_and_has_a_reason() -> None:
    entries = listed()
    assert len(entries) == (ROOT / "tests/equivalent.toml").read_text(encoding="utf-8").count("[[mutant]]")
    assert set(entries) <= {mutant.key for mutant in all_mutants()}
    assert all(reason.endswith(".") for reason in entries.values())
