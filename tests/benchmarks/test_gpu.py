"""The way through a GPU, with stand-ins: a timer, fake tensors that know where they are, a graph."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import init

from benchmarks import gpu
from benchmarks.cases import CELLS, LAYOUTS, Case, Size
from benchmarks.contenders import find, replayed, torch_step
from benchmarks.contenders import with_torch as layers
from benchmarks.contenders.contender import Contender, Prepared
from benchmarks.rounds import measure
from benchmarks.session import InProcess, time_steps
from benchmarks.stats import Quartiles

SMALL = Size(4, 3, 2, 5)


@pytest.mark.parametrize("engine", ["steps", "fused"])
@pytest.mark.parametrize("cell", CELLS)
def test_everything_is_where_the_case_is(cell: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor left on the CPU would meet one on the GPU: fake tensors refuse that, as a GPU does."""

    def fake(array: np.ndarray, case: Case) -> Any:
        return torch.zeros(array.shape, dtype=getattr(torch, case.dtype), device=case.device)

    # what a CPU build of torch cannot fake; a sum meets the same two tensors as a copy
    monkeypatch.setattr(torch.Tensor, "copy_", lambda tensor, source: tensor.add_(source))
    monkeypatch.setattr(init, "uniform_", lambda tensor, *bounds: tensor)
    monkeypatch.setattr(torch_step, "to_tensor", fake)
    monkeypatch.setattr(layers, "load", lambda module, data, case: None)
    case = Case(cell, "inference", SMALL, dtype="bfloat16", device="cuda")
    with FakeTensorMode():
        prepared = find(f"torch-{engine}").prepare(case)
        with torch.no_grad():
            ends = prepared.step()
    assert {(end.device.type, end.dtype) for end in ends} == {("cuda", torch.bfloat16)}


@pytest.mark.parametrize("engine", ["steps", "fused"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_training_step_keeps_to_half_precision_elsewhere(cell: str, engine: str) -> None:
    """Forward and backward on a device that only knows shapes, padded and packed."""
    for layout in LAYOUTS:
        case = Case(cell, "training", SMALL, layout, "float16", device="meta")
        prepared = find(f"torch-{engine}").prepare(case)
        ends = [*prepared.step(), *(leaf.grad for leaf in prepared.leaves)]
        assert {(end.device.type, end.dtype) for end in ends} == {("meta", torch.float16)}


def test_do_bench_gets_the_step_and_what_to_clear() -> None:
    asked: dict[str, Any] = {}

    def bench(step: Callable[[], object], **options: Any) -> list[float]:
        asked.update(options, result=step())
        return [2.0, 1.0, 4.0]

    leaf = torch.ones(2)
    taken = gpu.time_on_gpu(Prepared(lambda: "stepped", leaves=[leaf]), bench)
    assert taken == Quartiles(0.002, 0.001, 0.004)
    assert asked["quantiles"] == [0.5, 0.25, 0.75]
    assert asked["grad_to_none"][0] is leaf
    assert asked["result"] == "stepped"
    gpu.time_on_gpu(Prepared(lambda: None), bench)
    assert asked["grad_to_none"] is None


def test_who_waits_for_whom() -> None:
    times = iter([0.0, 9.0, 10.0])
    assert gpu.launching_share(Prepared(lambda: None), lambda: None, lambda: next(times)) == 0.9


class Graph:
    """What torch.cuda offers for graphs, on a CPU: a capture runs once, and a replay is counted."""

    replays = 0

    def replay(self) -> None:
        Graph.replays += 1


class Stream:
    def wait_stream(self, other: object) -> None:
        assert isinstance(other, Stream)


@contextmanager
def capturing(graph: Graph) -> Iterator[None]:
    yield


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    Graph.replays = 0
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "graph", capturing)


@pytest.mark.usefixtures("stand_in")
def test_a_captured_step_is_replayed_and_keeps_its_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers.Replayed, "devices", ("cpu",))
    case = Case("gru", "training", SMALL, dtype="float64")
    contender = find("torch-fused-graph")
    prepared = contender.prepare(case)
    assert prepared.leaves == ()
    rows = measure(case, [contender], _open, 1, {})
    assert rows[0].error is not None
    assert rows[0].error < 1e-13
    assert Graph.replays > 0


@pytest.mark.usefixtures("stand_in")
def test_what_waits_for_its_launches_is_also_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers.Replayed, "devices", ("cpu",))
    case = Case("rnn", "inference", SMALL, dtype="float64")
    contenders = [find(name) for name in ("torch.nn", "torch-steps", "floor-torch")]
    rows = measure(case, contenders, _open, 1, {}, replay=replayed)
    assert [row.contender for row in rows] == [
        "torch.nn",
        "torch-steps",
        "torch.nn-graph",
        "torch-steps-graph",
        "floor-torch",
    ]
    assert not any(row.refused for row in rows)


def _open(contender: Contender, case: Case) -> InProcess:
    return InProcess(contender, case, lambda prepared: time_steps(prepared, 0), look=lambda prepared: 0.95)


def test_tf32_is_the_same_for_all() -> None:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    try:
        for allowed in (True, False):
            torch_step.set_tf32(allowed)
            assert torch.backends.cuda.matmul.allow_tf32 is allowed
            assert torch.backends.cudnn.allow_tf32 is allowed
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before
