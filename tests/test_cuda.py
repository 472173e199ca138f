"""On a GPU: accuracy, synchronisation, CUDA graphs, autocast, distributed training, the benchmarks' timer.

Everything here is skipped without CUDA. tests/benchmarks/test_gpu.py tests the same code with stand-ins.
"""

import socket
from typing import Any

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

from benchmarks import check
from benchmarks.cases import CELLS, Case, Size
from benchmarks.registry import find
from benchmarks.timing import gpu
from benchmarks.timing.rounds import measure
from benchmarks.timing.run import Run, against_torch
from scratch_rnn import torch_autograd
from scratch_rnn.torch_autograd.models.distributed import joined

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
ENGINES = ("steps", "fused")
DEVICE = "cuda"


@pytest.mark.parametrize(("dtype", "tf32"), check.PRECISIONS["cuda"])
@pytest.mark.parametrize("engine", ENGINES)
def test_every_form_equals_torch(engine: str, dtype: str, tf32: bool) -> None:
    found = check.accuracy(find(f"torch-{engine}"), check.forms(DEVICE, dtype, tf32))
    assert found.good, found.text


@pytest.mark.parametrize("engine", ENGINES)
def test_no_step_waits_for_the_gpu(engine: str) -> None:
    found = check.synchronisation(f"torch-{engine}")
    assert found.good, found.text


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_graph_of_a_step_equals_torch(engine: str, dtype: str) -> None:
    found = check.accuracy(find(f"torch-{engine}-graph"), check.forms(DEVICE, dtype, False))
    assert found.good, found.text


def layers(cell: str, engine: str) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Ours and torch.nn's, with the same weights."""
    torch.manual_seed(0)
    ours = getattr(torch_autograd, cell.upper())(8, 16, 2, engine=engine, device=DEVICE)
    theirs = getattr(torch.nn, cell.upper())(8, 16, 2, device=DEVICE)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def outcome(layer: Any, x: torch.Tensor) -> list[torch.Tensor]:
    """Outputs, last state and all gradients, for random cotangents."""
    x = x.detach().clone().requires_grad_()
    output, state = layer(x)
    ends = [output, *(state if isinstance(state, tuple) else (state,))]
    generator = torch.Generator(DEVICE).manual_seed(1)
    cotangents = [torch.randn(e.shape, generator=generator, device=DEVICE).to(e.dtype) for e in ends]
    layer.zero_grad()
    torch.autograd.backward(ends, cotangents)
    return [*ends, x.grad, *(parameter.grad for parameter in layer.parameters())]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", CELLS)
def test_replay_with_new_input_equals_eager(cell: str, engine: str) -> None:
    eager, _ = layers(cell, engine)
    captured, _ = layers(cell, engine)
    x = torch.randn(5, 3, 8, device=DEVICE)
    sample: Any = (torch.zeros_like(x).requires_grad_(),)
    graphed: Any = torch.cuda.make_graphed_callables(captured, sample)
    for scale in (1.0, -0.5):
        for a, b in zip(outcome(graphed, scale * x), outcome(eager, scale * x), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", CELLS)
def test_autocast(cell: str, engine: str, dtype: torch.dtype) -> None:
    ours, theirs = layers(cell, engine)
    x = torch.randn(5, 3, 8, device=DEVICE)
    exact = outcome(theirs, x)
    with torch.autocast(DEVICE, dtype):
        narrow = outcome(ours, x)
    bound = 3e-2 if dtype is torch.float16 else 2e-1
    for a, b in zip(narrow, exact, strict=True):
        assert (a.double() - b.double()).abs().max() <= bound * max(1.0, b.abs().max().item())
    assert {parameter.grad.dtype for parameter in ours.parameters() if parameter.grad is not None} == {
        torch.float32
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_distributed_training_on_one_gpu(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nccl and one process: the gradients are those of the layer alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1, "LOCAL_WORLD_SIZE": 1, "MASTER_PORT": port}
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    ours, _ = layers("lstm", engine)
    x = torch.randn(5, 3, 8, device=DEVICE)
    alone = outcome(ours, x)
    with joined() as processes:
        assert processes.device.type == DEVICE
        shared = DistributedDataParallel(ours, device_ids=[processes.device])
        for a, b in zip(outcome(shared, x), alone, strict=True):
            torch.testing.assert_close(a, b)
        assert processes.mean(2.0) == 2.0


def test_the_timer_and_the_fields_of_a_row() -> None:
    case = Case("lstm", "training", Size(20, 16, 64, 64), device=DEVICE)
    names = ["torch.nn", "torch.nn-graph", "torch-fused", "torch-fused-graph"]
    run = Run(DEVICE, 1, rounds=2, budget=0.05)
    (rows,) = run.rows([case], names, against_torch(names))
    assert [row.refused for row in rows] == [""] * 4
    for row in rows:
        assert row.seconds is not None
        assert row.gpu_seconds is not None
        assert 0 < row.gpu_seconds.median < 10 * row.seconds.median
        assert row.launches is not None
        assert row.launches > 0
        assert 0 < (row.peak_share or 0) < 1
    assert rows[0].memory
    assert rows[2].memory


def test_forward_and_backward_apart() -> None:
    run = Run(DEVICE, 1, rounds=2, budget=0.05)
    found = {}
    for mode in ("forward", "backward", "training"):
        case = Case("gru", mode, Size(50, 16, 64, 64), device=DEVICE)
        (row,) = measure(case, [find("torch-fused")], run.open, 2, {})
        assert row.gpu_seconds is not None, row.refused
        found[mode] = row.gpu_seconds.median
    assert 0.5 < (found["forward"] + found["backward"]) / found["training"] < 2


def test_launches_and_kernels() -> None:
    assert 0 < check.launches_per_step("torch-fused", "lstm", "training", DEVICE) < 20
    found = check.kernel_names("lstm", "float32")
    assert "cuDNN" in found.text
    assert gpu.peak_rates(Case("rnn", "training", Size(1, 1, 1, 1), device=DEVICE))["flops"] > 1e11
