"""A snapshot after a single update holds the optimiser's state: it is not treated as one before the first."""

import pytest

from tests.test_trainer import RULES, TREES, Rule, curve, make


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_after_one_update(tree: str, rule: Rule) -> None:
    began = make(tree, *rule)
    curve(began, range(1))
    continued = make(tree, *rule)
    continued.restore(began.snapshot())
    assert curve(continued, range(1, 5)) == curve(began, range(1, 5))
