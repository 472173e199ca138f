"""Every contender computes what torch.nn computes; its work, its floor and its memory are counted right."""

from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import pytest
import torch

from benchmarks import oracle
from benchmarks.cases import CELLS, LAYOUTS, WHATS, Case, Size, whole
from benchmarks.contenders import MAKERS, ON_DEMAND, find, kernels, names
from benchmarks.contenders.floors import products
from benchmarks.contenders.with_numpy import tape_bytes
from benchmarks.data import make_data, rounded
from benchmarks.flops import flops
from benchmarks.session import InProcess, time_steps

SMALL = Size(5, 4, 3, 6)
CASES = [
    Case(cell, what, SMALL, layout, "float64", proj)
    for cell in CELLS
    for what in WHATS
    for layout in LAYOUTS
    for proj in (0, 2)
    if cell == "lstm" or not proj
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_contenders_are_right_in_float64(case: Case) -> None:
    seen = []
    for name in set(MAKERS) - set(ON_DEMAND):
        contender = find(name)
        if contender.absent(case) or contender.is_floor:
            continue
        ready = InProcess(contender, case, lambda prepared: time_steps(prepared, 0)).ready()
        assert oracle.error(case, ready.outcome) < 1e-13, name
        assert (ready.memory is not None) == case.training
        seen.append(name)
    assert {"torch.nn", "torch-steps", "torch-fused", "numpy-steps", "numpy-fused"} <= set(seen)
    onnx = find_spec("onnx") is not None and not case.training and case.layout == "padded" and not case.proj
    assert ("onnx" in seen) == onnx


def test_flops_by_hand() -> None:
    # 3 rows of 4, 3 and 3 steps; G = 4·5 gate rows from I = 2 inputs and P = 3; then 5 units projected to 3
    case = Case("lstm", "inference", Size(4, 3, 2, 5), "packed", proj=3)
    assert case.lengths == [4, 3, 3]
    assert flops(case) == 10 * (2 * 20 * (2 + 3) + 2 * 5 * 3)
    training = Case("lstm", "training", Size(4, 3, 2, 5), "packed", proj=3)
    assert flops(training) == 3 * flops(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_floor_does_the_same_work(case: Case) -> None:
    assert sum(product.flops for product in products(case)) == flops(case)
    for library in ("numpy", "torch"):
        prepared = find(f"floor-{library}").prepare(case)
        prepared.step()
        assert prepared.outcome(None) == {}


class _Tape(NamedTuple):
    x: np.ndarray
    nested: list[object]
    params: tuple[np.ndarray, ...]


def test_a_tape_counts_every_array_once_and_no_parameter() -> None:
    x, other = np.zeros((3, 4), np.float32), np.zeros(5)
    assert tape_bytes(_Tape(x[1:], [x.T, (other[:2], None, "text"), other], (np.zeros(100),))) == 48 + 40


def test_an_oracle_is_strict() -> None:
    case = Case("rnn", "inference", SMALL, dtype="float64")
    outcome = dict(
        InProcess(find("torch.nn"), case, lambda prepared: time_steps(prepared, 0)).ready().outcome
    )
    assert oracle.error(case, outcome) == 0
    for wrong in (
        {"output": outcome["output"]},
        outcome | {"h_n": outcome["h_n"][0]},
        outcome | {"h_n": outcome["h_n"] * np.nan},
    ):
        assert oracle.error(case, wrong) == float("inf")
    assert oracle.error(case, outcome | {"h_n": outcome["h_n"] + 1e-6}) > oracle.bound(case)


def test_data_are_rounded_before_anyone_sees_them() -> None:
    array = np.array([1 + 2**-9, 1 + 2**-7, -3.14159, 1e-30])
    theirs = torch.tensor(array, dtype=torch.float32).bfloat16().double().numpy()
    np.testing.assert_array_equal(rounded(array, "bfloat16").astype(np.float64), theirs)
    assert make_data(Case("gru", "training", SMALL, dtype="float16")).x.dtype == np.float16


def test_the_kernel_is_seen_and_explained() -> None:
    case = Case("lstm", "training", SMALL)
    assert find("torch.nn").prepare(case).kernel == kernels.expected(case)
    if kernels.expected(case) == "oneDNN":
        aten = find("torch.nn-aten").prepare(case)
        assert (aten.kernel, aten.rule) == ("ATen", "oneDNN is switched off")
        assert torch.backends.mkldnn.enabled
    packed = Case("gru", "inference", SMALL, "packed", "float64")
    assert kernels.rule(packed, "ATen") == "not an LSTM, packed, float64"


@pytest.mark.parametrize(
    ("case", "forward", "algorithm"),
    [
        (Case("lstm", "training", Size(50, 32, 64, 128)), False, "persistent, small H"),
        (Case("lstm", "training", Size(50, 32, 64, 256)), True, "standard"),
        (Case("rnn", "training", Size(50, 32, 64, 384)), True, "persistent, small H"),
        (Case("lstm", "training", Size(50, 32, 64, 128), "packed"), True, "standard"),
        (Case("lstm", "training", Size(50, 64, 512, 512), dtype="float16"), True, "persistent"),
        (Case("gru", "training", Size(50, 64, 512, 512), dtype="float16"), True, "standard"),
    ],
    ids=str,
)
def test_the_rule_for_cudnn(case: Case, forward: bool, algorithm: str) -> None:
    assert kernels.cudnn_algorithm(case, forward, major=8, minor=0, processors=108) == algorithm


def test_the_baseline_and_the_floors_always_take_part() -> None:
    assert names(["numpy-fused"]) == ["torch.nn", "numpy-fused", "floor-torch", "floor-numpy"]
    assert set(names(compiled=True)) - set(names()) == {"torch-compile"}


def test_lists_of_cases_name_nothing_twice() -> None:
    for cases in (whole("cpu"), whole("cuda")):
        assert len(set(cases)) == len(cases)
    assert {case.dtype for case in whole("cuda")} >= {"float16", "bfloat16"}
