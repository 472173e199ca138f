"""Every contender equals torch.nn at extreme sizes and values; and in threads and forked processes."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from scratch_rnn.parity import contenders
from scratch_rnn.parity.cases import KINDS, Case, Data, make_data
from scratch_rnn.parity.contenders import CONTENDERS, run
from tests.parity import assert_all_close, assert_parity

SIZES: dict[str, dict[str, Any]] = {
    "16 layers": {"steps": 3, "rows": 2, "layers": 16, "bidirectional": True},
    "all sizes are 1": {"steps": 1, "rows": 1, "inputs": 1, "hidden": 1},
    "one unit": {"steps": 6, "rows": 3, "inputs": 1, "hidden": 1, "layers": 2, "bidirectional": True},
    "dropout between 4 layers": {"layers": 4, "bidirectional": True, "dropout": 0.4, "calls": 2},
    "packed dropout": {"layers": 3, "dropout": 0.4, "lengths": (2, 5, 1)},
    "saturated gates": {"scale": 40.0},
}
each_contender = pytest.mark.parametrize(("tree", "engine"), CONTENDERS)
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_contender
@each_kind
@pytest.mark.parametrize("sizes", SIZES)
def test_sizes(tree: str, engine: str, kind: str, sizes: str) -> None:
    assert_parity(tree, engine, Case(kind, **SIZES[sizes]))


# The steps are slow, and the same loop for every cell.
@pytest.mark.parametrize(
    ("tree", "engine", "kind"),
    [(tree, "fused", kind) for tree in ("numpy", "torch") for kind in KINDS]
    + [(tree, "steps", "lstm") for tree in ("numpy", "torch")],
)
def test_5000_steps(tree: str, engine: str, kind: str) -> None:
    assert_parity(tree, engine, Case(kind, steps=5000, rows=2, inputs=3, hidden=4, scale=0.4))


def scaled(factor: float) -> Callable[[ndarray], ndarray]:
    return lambda array: factor * array


def some_infinite(array: ndarray) -> ndarray:
    """One feature of one row is infinite at every step; most gradients are then NaN."""
    array = array.copy()
    array[..., -1, 0] = np.inf
    return array


VALUES = {
    "denormal": scaled(1e-310),
    "1e30": scaled(1e30),
    "infinite": some_infinite,
}


@each_contender
@each_kind
@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("lengths", [None, (2, 5, 3)])
def test_values(
    tree: str,
    engine: str,
    kind: str,
    values: str,
    lengths: tuple[int, ...] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def changed(case: Case) -> Data:
        data = make_data(case)
        return data._replace(xs=[VALUES[values](x) for x in data.xs])

    monkeypatch.setattr(contenders, "make_data", changed)
    with np.errstate(invalid="ignore" if values == "infinite" else "raise"):  # where torch says nothing
        assert_parity(tree, engine, Case(kind, layers=2, bidirectional=True, lengths=lengths))


SPECIAL = {"inf": np.inf, "-inf": -np.inf, "nan": np.nan, "huge": 1e30, "-huge": -1e30, "tiny": 1e-42}
"""One value is put into one array; in float64 huge is 1e300 and tiny 1e-310."""
Place = tuple[str, str]  # a field of Data, and a name in it


def with_special(data: Data, place: Place, value: float, index: int) -> Data:
    """The data with `value` at one entry of one array."""

    def put(array: ndarray) -> ndarray:
        array = array.copy()
        array.flat[index % array.size] = value
        return array

    field, name = place
    old = getattr(data, field)
    new: Any = {**old, name: put(old[name])} if name else [put(array) for array in old]
    return data._replace(**{field: new})


def searched(kind: str, dtype: str) -> Iterator[tuple[str, Case, Data]]:
    """Every array of a case in turn with every special value, in weights of both sizes."""
    for scale in (0.5, 40.0):  # small, or so large that gates are exactly 0 and 1
        case = Case(kind, steps=3, rows=2, lengths=(2, 3), scale=scale, dtype=dtype)
        data = make_data(case)
        named = [(field, name) for field in ("states", "d_states", "params") for name in getattr(data, field)]
        for index, place in enumerate([("xs", ""), ("d_outputs", ""), *named]):
            for special, value in SPECIAL.items():
                if dtype == "float64" and special in ("huge", "-huge", "tiny"):
                    value = {"huge": 1e300, "-huge": -1e300, "tiny": 1e-310}[special]
                yield f"{place} {special} {scale}", case, with_special(data, place, value, 5 * index + 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_kind
def test_nothing_is_nan_or_infinite_where_torchs_is_finite(
    kind: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without exception, unless a sum of finite numbers overflows: then the order of additions counts.

    The known case is in docs/differences.md: biases whose sum overflows.
    """
    for what, case, data in searched(kind, dtype):
        monkeypatch.setattr(contenders, "make_data", lambda _, data=data: data)
        with np.errstate(all="ignore"):
            expected = contenders.oracle(case, dtype)
            for tree, engine in CONTENDERS:
                for name, array in run(tree, engine, case).items():
                    worse = ~np.isfinite(array) & np.isfinite(expected[name])
                    assert not worse.any(), (what, tree, engine, name)


@each_contender
@each_kind
def test_threads(tree: str, engine: str, kind: str) -> None:
    cases = [Case(kind, steps=20, rows=8, layers=2, bidirectional=True, seed=seed) for seed in range(4)]
    alone = [run(tree, engine, case) for case in cases]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(3):
            found = threads.map(lambda case: run(tree, engine, case), cases)
            for ours, expected in zip(found, alone, strict=True):
                assert_all_close(ours, expected, 1e-12)


FORK = """
import os
import numpy as np
from scratch_rnn.numpy_bptt import LSTM

layer = LSTM(5, 7, dtype=np.float64, engine="ENGINE", rng=0)
inputs = np.random.default_rng(1).normal(size=(2, 6, 3, 5))
calls = lambda x: [np.abs(part).sum() for _ in range(20) for part in results(layer.forward(x))]

def results(call):
    output, state, tape = call
    d_x, d_state, grads = layer.backward(tape, output, state)
    return [output, *state, d_x, *d_state, *grads.values()]

expected = [calls(x) for x in inputs]
child = os.fork()
right = calls(inputs[1 if child else 0]) == expected[1 if child else 0]
if child == 0:
    os._exit(0 if right else 1)
assert right
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.parametrize("engine", ["steps", "fused"])
def test_a_fork_has_memory_of_its_own(engine: str) -> None:
    code = FORK.replace("ENGINE", engine)
    subprocess.run([sys.executable, "-c", code], check=True)
