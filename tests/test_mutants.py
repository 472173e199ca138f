"""Every mutant still applies: the text that it replaces occurs once in its file, and its tests are there."""

import pytest

from tests.mutants import ROOT, Mutant, load


@pytest.mark.parametrize("mutant", load(), ids=lambda mutant: mutant.name)
def test_mutant_applies(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1
    assert text.replace(mutant.old, mutant.new) != text
    assert all((ROOT / test).is_file() for test in mutant.tests)


def test_there_are_enough() -> None:
    assert len(load()) >= 10
