"""What the tests of cells, layers and models assert: our results are the oracle's, name by name.

The oracle is torch.nn in float64, never our own code. scratch_rnn/parity/contenders.py runs the cases.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from scratch_rnn.parity.cases import Case
from scratch_rnn.parity.contenders import contenders, given, oracle, run

BOUND = 1e-10


def assert_close(name: str, ours: Any, oracle: Any, bound: float = BOUND) -> None:
    """max|ours - oracle| ≤ bound · max(1, max|oracle|), and the same shape, dtype and NaNs."""
    a, b = np.asarray(ours), np.asarray(oracle)
    assert (a.shape, a.dtype) == (b.shape, b.dtype), f"{name}: {a.shape} {a.dtype}, not {b.shape} {b.dtype}"
    differs = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    error = np.abs(a[differs] - b[differs]).max(initial=0.0)
    scale = np.abs(b[np.isfinite(b)]).max(initial=1.0)
    assert error <= bound * scale, f"{name}: off by {error:.3g}, where {bound * scale:.3g} is allowed"


def assert_all_close(ours: Mapping[str, Any], oracle: Mapping[str, Any], bound: float = BOUND) -> None:
    """`assert_close` for every name; a missing or additional name is an error too."""
    assert ours.keys() == oracle.keys()
    for name in oracle:
        assert_close(name, ours[name], oracle[name], bound)


def assert_parity(tree: str, engine: str, case: Case) -> None:
    """Every output and every gradient of a contender is the oracle's."""
    assert_all_close(run(tree, engine, case), given(tree, case, oracle(case)))


def assert_all_parity(case: Case) -> None:
    """`assert_parity` of all contenders, with one run of the oracle."""
    expected = oracle(case)
    for tree, engine in contenders(case):
        pair = run(tree, engine, case), given(tree, case, expected)
        ours, theirs = ({f"{tree} {engine} {name}": value for name, value in r.items()} for r in pair)
        assert_all_close(ours, theirs)
