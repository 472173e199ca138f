"""Every contender computes what torch.nn computes; its work, its floor and its memory are counted right."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.cases import CELLS, LAYOUTS, MODES, SIZES, Case, Size, forms, whole
from benchmarks.contenders import kernels
from benchmarks.contenders.data import make_data, rounded
from benchmarks.contenders.torch_layers import TorchNN
from benchmarks.options import Options
from benchmarks.registry import CONTENDERS, ON_DEMAND, find, names
from benchmarks.timing import machine, oracle
from benchmarks.timing.flops import flops, products
from benchmarks.timing.run import Run, against_torch
from benchmarks.timing.session import InProcess

SMALL = Size(5, 4, 3, 6)
FORMS: list[dict[str, Any]] = [
    *({}, {"layers": 2}, {"bidirectional": True}, {"layers": 2, "bidirectional": True}, {"proj": 2})
]
CASES = [
    Case(cell, mode, SMALL, layout, "float64", **form)
    for cell in CELLS
    for mode in MODES
    for layout in LAYOUTS
    for form in FORMS
    if cell == "lstm" or "proj" not in form
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_contenders_are_right_in_float64(case: Case) -> None:
    seen = []
    for name in set(CONTENDERS) - set(ON_DEMAND):
        contender = find(name)
        if contender.unsupported_reason(case) or contender.is_floor:
            continue
        ready = InProcess(contender, case).ready()
        assert oracle.error(case, ready.outcome) < 1e-13, name
        seen.append(name)
    assert set(seen) == {"torch.nn", "torch-steps", "torch-fused", "numpy-steps", "numpy-fused"}


def test_inference_is_in_evaluation_mode_and_training_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """CuDNN chooses its mode, and what it saves, by it."""
    seen: dict[str, tuple[bool, bool]] = {}

    def spy(self: torch.nn.GRU, *arguments: Any) -> object:
        seen[mode] = self.training, torch.is_inference_mode_enabled()
        return original(self, *arguments)

    original = torch.nn.GRU.forward
    monkeypatch.setattr(torch.nn.GRU, "forward", spy)
    for mode in MODES:
        prepared = find("torch.nn").prepare(Case("gru", mode, SMALL))
        prepared.before()
        prepared.step()
    train = (True, False)
    assert seen == {"training": train, "inference": (False, True), "forward": train, "backward": train}


def test_only_the_backward_pass_is_timed_in_its_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def run(self: object, module: torch.nn.Module) -> Any:
        def counted(*arguments: Any) -> Any:
            calls.append(1)
            return module(*arguments)

        return counted

    monkeypatch.setattr(TorchNN, "run", run)
    prepared = find("torch.nn").prepare(Case("rnn", "backward", SMALL))
    calls.clear()
    prepared.before()
    assert len(calls) == 1
    assert all(leaf.grad is None for leaf in prepared.leaves)
    prepared.step()
    assert len(calls) == 1
    assert all(leaf.grad is not None for leaf in prepared.leaves)


def test_flops_by_hand() -> None:
    # 3 rows of 4, 3 and 3 steps; G = 4·5 gate rows from I = 2 inputs and P = 3; then 5 units projected to 3
    case = Case("lstm", "inference", Size(4, 3, 2, 5), "packed", proj=3)
    assert case.lengths == [4, 3, 3]
    assert flops(case) == 10 * (2 * 20 * (2 + 3) + 2 * 5 * 3)
    training = Case("lstm", "training", Size(4, 3, 2, 5), "packed", proj=3)
    assert flops(training) == 3 * flops(case)
    backward = Case("lstm", "backward", Size(4, 3, 2, 5), "packed", proj=3)
    assert flops(backward) == 2 * flops(case)
    # two layers in two directions: 8 rows, G = 4 from 3 and 4, then from 2·4 and 4, each twice
    stacked = Case("rnn", "forward", Size(4, 2, 3, 4), layers=2, bidirectional=True)
    assert flops(stacked) == 8 * 2 * (2 * 4 * (3 + 4) + 2 * 4 * (8 + 4))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_floor_does_the_same_work(case: Case) -> None:
    assert sum(product.flops for product in products(case)) == flops(case)
    for library in ("numpy", "torch"):
        prepared = find(f"floor-{library}").prepare(case)
        prepared.step()
        assert prepared.outcome(None) == {}


@pytest.mark.skipif(not machine.RESET.exists(), reason="the peak of a process is known on Linux only")
def test_the_peak_memory_of_a_call() -> None:
    size = 2**26

    def call() -> None:
        np.ones(size, np.uint8)

    call()
    peak = machine.peak_bytes(call)
    assert peak is not None
    assert 0.95 * size < peak < 1.3 * size
    # a training step keeps its gates, all five of the fused LSTM, for every step
    case = Case("lstm", "training", Size(400, 32, 64, 64))
    found = InProcess(find("numpy-fused"), case).ready().memory
    assert found is not None
    assert 400 * 32 * 64 * 4 * 5 < found < 400 * 32 * 64 * 4 * 20


def test_an_oracle_is_strict() -> None:
    case = Case("rnn", "inference", SMALL, dtype="float64")
    outcome = dict(InProcess(find("torch.nn"), case).ready().outcome)
    assert oracle.error(case, outcome) == 0
    for wrong in (
        {"output": outcome["output"]},
        outcome | {"h_n": outcome["h_n"][0]},
        outcome | {"h_n": outcome["h_n"] * np.nan},
    ):
        assert oracle.error(case, wrong) == float("inf")
    assert oracle.error(case, outcome | {"h_n": outcome["h_n"] + 1e-6}) > oracle.bound(case)


def test_data_are_rounded_for_every_contender_and_the_oracle() -> None:
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


def test_a_rule_says_what_is_true_of_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer that cuDNN does not take is not said to run with cuDNN switched off."""
    case = Case("gru", "training", SMALL, dtype="bfloat16", device="cuda")
    monkeypatch.setattr(torch.backends.cudnn, "enabled", True)
    assert kernels.rule(case, "ATen") == "cuDNN does not support bfloat16 here"
    monkeypatch.setattr(torch.backends.cudnn, "enabled", False)
    assert kernels.rule(case, "ATen") == "cuDNN is switched off"


def test_weights_that_cudnn_copies_in_every_call_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    module, case = torch.nn.Linear(3, 4), Case("gru", "inference", SMALL)
    monkeypatch.setattr(kernels, "MARKS", {"ones": "cuDNN"})
    monkeypatch.setattr(kernels, "rule", lambda case, kernel: "standard")
    kernel, rule = kernels.taken(lambda: torch.ones(2), case, module)
    copied = "standard; the weights are not in one buffer, so that every call copies them"
    assert (kernel, rule) == ("cuDNN", copied)
    buffer = torch.zeros(4 * 3 + 4)
    module.weight.data, module.bias.data = buffer[:12].view(4, 3), buffer[12:]
    assert kernels.taken(lambda: torch.ones(2), case, module) == ("cuDNN", "standard")


def test_the_kernel_of_a_case_asks_the_current_device(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def capability(device: int) -> tuple[int, int]:
        asked.append(device)
        return 8, 0

    def properties(device: int) -> Any:
        asked.append(device)
        return SimpleNamespace(multi_processor_count=108)

    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_capability", capability)
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties)
    case = Case("lstm", "training", Size(50, 32, 64, 192), device="cuda")
    assert kernels.rule(case, "cuDNN") == "persistent, small H / standard"
    assert asked == [3, 3]


def test_the_baseline_and_the_floors_always_take_part() -> None:
    assert names(["numpy-fused"]) == ["torch.nn", "numpy-fused", "floor-torch", "floor-numpy"]
    assert set(names(compiled=True)) - set(names()) == {"torch-compile", "torch-compile-graph"}


def test_a_graph_is_compared_with_a_graph() -> None:
    assert "torch.nn-graph" in names(["torch-fused-graph"])
    found = against_torch(names(compiled=True))(CASES[0])
    assert found["torch-fused"] == found["torch-compile"] == "torch.nn"
    assert found["torch-fused-graph"] == found["torch-compile-graph"] == "torch.nn-graph"
    assert not any(name.startswith("floor") for name in found)


def test_lists_of_cases_name_nothing_twice() -> None:
    for device in ("cpu", "cuda"):
        cases = [*whole(device), *forms(device)]
        assert len(set(cases)) == len(cases)
    assert {case.dtype for case in whole("cuda")} == {"float32", "float16", "bfloat16"}
    assert {case.tf32 for case in whole("cuda")} == {False, True}
    assert {(case.layout, bool(case.proj), case.layers, case.bidirectional) for case in forms("cpu")} == {
        *(("packed", False, 1, False), ("padded", True, 1, False), ("padded", False, 2, False)),
        *(("padded", False, 1, True), ("padded", False, 1, False)),
    }


def test_a_run_says_how_long_it_takes() -> None:
    case = Case("rnn", "training", SIZES[1])
    run = Run("cpu", 1, rounds=10, budget=1.0)
    one = run.seconds([case], ["torch.nn"])
    assert 10 < one < 20
    assert run.seconds([case] * 3, ["torch.nn"]) == pytest.approx(3 * one, rel=0.01)
    assert run.seconds([case], ["torch.nn", "torch.nn-graph"]) == pytest.approx(one)
    compiled = run.seconds([case], ["torch.nn", "torch-compile"])
    assert compiled > one + 60
    assert run.announce([case] * 30, ["torch.nn"]) == f"30 cases, 10 rounds each: about {one / 2:.0f} minutes"


@pytest.mark.parametrize("choice", [{}, {"quick": True}, {"forms": True}], ids=str)
def test_a_run_on_a_gpu_takes_ten_minutes(choice: dict[str, bool]) -> None:
    options = Options(device="cuda", **choice)  # type: ignore[arg-type]
    assert options.run("cuda").seconds(options.cases(), names()) < 600
