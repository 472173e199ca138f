"""The code for a GPU, with stand-ins: fake tensors that know their device, a clock, events, a graph."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import init
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from typer.testing import CliRunner

from benchmarks import check, cli, options
from benchmarks.cases import CELLS, LAYOUTS, Case, Size, select
from benchmarks.contenders import gemm_floor, kernels, torch_layers, torch_step
from benchmarks.contenders.contender import Contender, Prepared
from benchmarks.registry import find
from benchmarks.report import tables
from benchmarks.timing import gpu, run
from benchmarks.timing.rounds import Row, measure
from benchmarks.timing.session import InProcess, Round
from benchmarks.timing.stats import Quartiles
from scratch_rnn import torch_autograd

SMALL = Size(4, 3, 2, 5)


@pytest.mark.parametrize("engine", ["steps", "fused"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_tensor_is_on_the_device_of_the_case(
    cell: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fake tensors refuse a tensor on the CPU next to one on the GPU, as a GPU does."""

    def fake(array: np.ndarray, case: Case) -> Any:
        return torch.zeros(array.shape, dtype=getattr(torch, case.dtype), device=case.device)

    # what a CPU build of torch cannot fake; a sum needs both tensors on one device, as a copy does
    monkeypatch.setattr(torch.Tensor, "copy_", lambda tensor, source: tensor.add_(source))
    monkeypatch.setattr(init, "uniform_", lambda tensor, *bounds: tensor)
    monkeypatch.setattr(torch_step, "to_tensor", fake)
    monkeypatch.setattr(torch_layers, "load", lambda module, data, case: None)
    case = Case(cell, "inference", SMALL, dtype="bfloat16", device="cuda")
    with FakeTensorMode():
        prepared = find(f"torch-{engine}").prepare(case)
        with torch.no_grad():
            ends = prepared.step()
    assert {(end.device.type, end.dtype) for end in ends} == {("cuda", torch.bfloat16)}


@pytest.mark.parametrize("engine", ["steps", "fused"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_training_step_stays_in_half_precision(cell: str, engine: str) -> None:
    """Forward and backward on a device that only knows shapes, padded and packed."""
    for layout in LAYOUTS:
        case = Case(cell, "training", SMALL, layout, "float16", device="meta")
        prepared = find(f"torch-{engine}").prepare(case)
        ends = [*prepared.step(), *(leaf.grad for leaf in prepared.leaves)]
        assert {(end.device.type, end.dtype) for end in ends} == {("meta", torch.float16)}


class Cuda:
    """torch.cuda with a clock of its own. A step costs `launching` on the CPU and `running` on the GPU, which
    works through what is queued; a synchronisation waits for it.
    """

    def __init__(self, launching: float, running: float) -> None:
        self.launching, self.running = launching, running
        self.now = self.busy_until = 0.0
        self.steps = self.flushes = self.synchronisations = 0

    def step(self) -> None:
        self.steps += 1
        self.now += self.launching
        self.busy_until = max(self.busy_until, self.now) + self.running

    def flush(self) -> None:
        self.flushes += 1
        self.busy_until = max(self.busy_until, self.now) + 90e-6

    def synchronize(self) -> None:
        self.synchronisations += 1
        self.now = max(self.now, self.busy_until)

    def event(self, enable_timing: bool) -> Any:
        assert enable_timing
        event = SimpleNamespace()
        event.record = lambda: setattr(event, "at", max(self.now, self.busy_until))
        event.elapsed_time = lambda end: (end.at - event.at) * 1e3
        return event


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float], Cuda]:
    def make(launching: float, running: float) -> Cuda:
        cuda = Cuda(launching, running)
        monkeypatch.setattr(torch.cuda, "Event", cuda.event)
        monkeypatch.setattr(torch.cuda, "synchronize", cuda.synchronize)
        flush = SimpleNamespace(zero_=cuda.flush)
        monkeypatch.setattr(torch, "empty", lambda *size, **options: flush)
        return cuda

    return make


@pytest.mark.parametrize(("launching", "running"), [(1e-3, 10e-6), (50e-6, 1e-3)])
def test_both_times_of_a_step(
    launching: float, running: float, stand_in: Callable[[float, float], Cuda]
) -> None:
    """Wall time includes launches; a flush hides part of them from events."""
    cuda = stand_in(launching, running)
    taken = gpu.time_on_gpu(Prepared(cuda.step), 0.1, lambda: cuda.now)
    assert taken.seconds == pytest.approx(max(launching, running), rel=0.1)
    assert taken.gpu_seconds is not None
    if launching < running:
        assert taken.gpu_seconds == pytest.approx(running)
    else:
        assert running < taken.gpu_seconds < launching
    assert cuda.flushes == (cuda.steps - 2) / 2
    assert cuda.synchronisations < 8


@pytest.mark.parametrize("running", [1e-3, 20e-3, 1.0])
def test_a_round_keeps_to_its_budget(running: float, stand_in: Callable[[float, float], Cuda]) -> None:
    cuda = stand_in(1e-6, running)
    gpu.time_on_gpu(Prepared(cuda.step), 0.2, lambda: cuda.now)
    cuda.synchronize()
    assert cuda.now < 0.25 + 3 * running
    assert cuda.steps <= 2 + 2 * gpu.MOST_STEPS


def test_the_setup_of_a_step_is_in_neither_time(stand_in: Callable[[float, float], Cuda]) -> None:
    cuda = stand_in(1e-5, 1e-3)

    def setup() -> None:
        cuda.now += 0.5

    taken = gpu.time_on_gpu(Prepared(cuda.step, setup=setup), 0.1, lambda: cuda.now)
    assert taken.seconds == pytest.approx(1e-3, rel=0.05)
    assert taken.gpu_seconds == pytest.approx(1e-3, rel=0.05)


def test_gradients_are_cleared_before_every_step(stand_in: Callable[[float, float], Cuda]) -> None:
    cuda, leaf = stand_in(1e-6, 1e-2), torch.ones(2, requires_grad=True)

    def step() -> None:
        assert leaf.grad is None
        leaf.grad = torch.ones(2)
        cuda.step()

    gpu.time_on_gpu(Prepared(step, leaves=[leaf]), 0.1, lambda: cuda.now)
    assert cuda.steps > 3


def test_peak_rates(stand_in: Callable[[float, float], Cuda], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_by_events", lambda prepared, repeats: (prepared.step(), 0.5)[1])
    rates = gpu.peak_rates(Case("rnn", "training", SMALL), size=8)
    assert rates == {"flops": 2 * 8**3 / 0.5, "bytes": 2 * 8 * 8 * 4 / 0.5}


class Graph(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """torch.cuda.CUDAGraph on a CPU: records the operators of a capture, replays them on the same memory."""

    replays = 0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[tuple[Any, ...]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        Graph.replays += 1
        with torch.inference_mode():
            for func, args, kwargs, result in self.calls:
                for old, new in zip(tree_leaves(result), tree_leaves(func(*args, **kwargs)), strict=True):
                    if isinstance(new, torch.Tensor) and new.data_ptr() != old.data_ptr():
                        old.copy_(new)


class Stream:
    def wait_stream(self, other: object) -> None:
        assert isinstance(other, Stream)


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    Graph.replays = 0
    for module in (torch.cuda, torch.cuda.graphs):
        monkeypatch.setattr(module, "CUDAGraph", Graph, raising=False)
        monkeypatch.setattr(module, "graph_pool_handle", lambda: None)
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "graph", lambda graph, pool=None: graph)
    monkeypatch.setattr(torch_layers.CudaGraph, "devices", ("cpu",))


@pytest.mark.usefixtures("graphs")
@pytest.mark.parametrize("name", ["torch.nn-graph", "torch-fused-graph", "torch-steps-graph"])
def test_a_captured_step_is_replayed_and_keeps_its_gradients(name: str) -> None:
    case = Case("gru", "training", SMALL, dtype="float64")
    contender = find(name)
    prepared = contender.prepare(case)
    assert prepared.leaves == ()
    rows = measure(case, [contender], _open, 1, {})
    assert rows[0].error is not None
    assert rows[0].error < 1e-13
    assert Graph.replays > 0
    assert "together" in contender.unsupported_reason(Case("gru", "backward", SMALL))


@pytest.mark.usefixtures("graphs")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("engine", ["steps", "fused"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_graph_computes_with_the_numbers_that_are_there_at_replay(
    cell: str, engine: str, layout: str
) -> None:
    """Nothing in a step depends on values read by Python while it was captured."""
    case = Case(cell, "training", SMALL, layout, dtype="float64")
    eager = find(f"torch-{engine}").prepare(case)
    layer: Any = SimpleNamespace(prepare=lambda case: eager)
    prepared = torch_layers.CudaGraph("graph", layer).prepare(case)
    grads = [leaf.grad for leaf in eager.leaves]
    with torch.no_grad():
        for leaf in eager.leaves:
            leaf.mul_(-0.7).add_(0.1)
    replayed = {name: array.copy() for name, array in prepared.outcome(prepared.step()).items()}
    assert all(leaf.grad is grad for leaf, grad in zip(eager.leaves, grads, strict=True))
    eager.before()
    for name, array in eager.outcome(eager.step()).items():
        np.testing.assert_allclose(replayed[name], array, rtol=1e-12, atol=1e-13, err_msg=name)


@pytest.mark.usefixtures("graphs")
@pytest.mark.parametrize("engine", ["steps", "fused"])
@pytest.mark.parametrize("cell", CELLS)
def test_the_recipe_for_graphed_callables(cell: str, engine: str) -> None:
    """torch.cuda.make_graphed_callables around a layer, with new input and new weights."""
    torch.manual_seed(0)
    kind: Any = getattr(torch_autograd, cell.upper())
    layer, same = (kind(3, 4, num_layers=2, engine=engine, dtype=torch.float64) for _ in range(2))
    x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    graphed: Any = torch.cuda.make_graphed_callables(layer, (x,))
    with torch.no_grad():
        for parameter in graphed.parameters():
            parameter.mul_(0.5)
    same.load_state_dict(layer.state_dict())
    found = []
    new = torch.randn(5, 2, 3, dtype=torch.float64)
    for model in (graphed, same):
        x_new = new.clone().requires_grad_()
        output, state = model(x_new)
        ends = [output, *(state if isinstance(state, tuple) else (state,))]
        torch.autograd.backward(ends, [torch.cos(end.detach()) for end in ends])
        found.append([*ends, x_new.grad, *(parameter.grad for parameter in model.parameters())])
    assert Graph.replays == 2
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


def _open(contender: Contender, case: Case) -> InProcess:
    return InProcess(contender, case, lambda _: Round(0.01, 0.008), launches=lambda _: ["LSTM_persist"] * 10)


@pytest.mark.usefixtures("graphs")
def test_the_table_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphs beside graphs, the share of the peak, launches and µs of a time step, the algorithm observed."""
    monkeypatch.setattr(kernels, "taken", lambda *_: ("cuDNN", "standard"))
    case = Case("rnn", "inference", SMALL, dtype="float64")
    contenders = [find(name) for name in ("torch.nn", "torch.nn-graph", "torch-fused-graph")]
    baselines = run.against_torch([contender.name for contender in contenders])(case)
    rows = measure(case, contenders, _open, 2, baselines, peak=1e9)
    assert [row.baseline for row in rows] == ["torch.nn", "torch.nn-graph", "torch.nn-graph"]
    assert rows[0].rule == "standard; the kernels are persistent"
    assert rows[0].launches == 10 / 4
    assert rows[0].gpu_seconds == Quartiles(0.008, 0.008, 0.008)
    assert rows[0].peak_share == pytest.approx(4 * 3 * 2 * 5 * (2 + 5) / 0.01 / 1e9)
    shown = tables._gpu_cells(rows[0])
    assert shown == ["8", "2.5e+03", "2.5"]


def test_the_compiler_and_the_cache_are_reset_before_each_case(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def peak_rates(case: Case) -> dict[str, float]:
        done.append(case.dtype)
        return {"flops": 1e12}

    def measure_one(case: Case, *rest: Any) -> list[Row]:
        done.append(f"{rest[-1]:.0e}")
        return [Row(case, "torch.nn", "")]

    monkeypatch.setattr(torch.compiler, "reset", lambda: done.append("reset"))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: done.append("empty"))
    monkeypatch.setattr(gpu, "peak_rates", peak_rates)
    monkeypatch.setattr(gpu, "conditions", lambda: {"clocks.sm": "1980 MHz"})
    monkeypatch.setattr(run, "measure", measure_one)
    cases = [
        Case("rnn", "training", SMALL, dtype=dtype, device="cuda")
        for dtype in ("float16", "float16", "float32")
    ]
    rows = list(run.Run("cuda", 1, 1, 0.1).rows(cases, ["torch.nn"], run.against_torch(["torch.nn"])))
    each = ["reset", "empty"]
    assert done == [*each, "float16", "1e+12", *each, "1e+12", *each, "float32", "1e+12"]
    assert rows[0][0].conditions == {"clocks.sm": "1980 MHz"}


def test_compiled_contenders_have_one_size_each(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []
    marks: list[int] = []

    def stand_in(module: Any, *, dynamic: bool, mode: str) -> Any:
        asked.append((mode, dynamic))
        return module

    monkeypatch.setattr(torch, "compile", stand_in)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: marks.append(1))
    for name in ("torch-compile", "torch-compile-graph"):
        find(name).prepare(Case("rnn", "training", SMALL)).step()
    assert asked == [("default", False), ("reduce-overhead", False)]
    assert len(marks) == 1


def test_conditions_come_from_nvidia_smi(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def program(*command: str) -> str:
        asked.extend(command)
        return "1980 MHz, 2619 MHz, 312.50 W, 41, 0x0"

    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(gpu, "program", program)
    assert gpu.conditions()["power.draw"] == "312.50 W"
    assert "--id=1" in asked
    monkeypatch.setattr(gpu, "program", lambda *command: "")
    assert gpu.conditions() == {}


def test_tf32_is_the_same_for_all() -> None:
    """Recurrent layers inherit nothing: torch keeps a setting of its own for them."""
    backends: Any = torch.backends
    before = backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32
    try:
        for allowed in (True, False):
            torch_step.set_tf32(allowed)
            assert backends.cuda.matmul.allow_tf32 is allowed
            assert backends.cudnn.allow_tf32 is allowed
            if hasattr(backends.cudnn, "rnn"):
                assert backends.cudnn.rnn.fp32_precision == ("tf32" if allowed else "ieee")
    finally:
        torch_step.set_tf32(before[0])
        backends.cuda.matmul.allow_tf32 = before[1]


def test_the_checks_on_a_gpu_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def finding(kind: str) -> Callable[..., check.Finding]:
        def made(*arguments: Any) -> check.Finding:
            name = getattr(arguments[0], "name", "")
            return check.Finding(good, "capture" if name.endswith("graph") else kind)

        return made

    kinds = ("accuracy", "launches", "synchronisation", "kernel_names")
    for kind in kinds:
        monkeypatch.setattr(check, kind, finding(kind))
    good = True
    assert list(dict.fromkeys(text for _, text in check.findings("cuda"))) == [
        *kinds[:3],
        "capture",
        kinds[3],
    ]
    good = False
    assert {text for _, text in check.findings("cuda")} == {"accuracy"}


def test_a_step_that_waits_for_the_gpu_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[str] = []

    def step() -> None:
        if waits and modes[-1:] == ["error"]:
            raise RuntimeError("called a synchronizing CUDA operation\nat …")

    layer = SimpleNamespace(prepare=lambda case: Prepared(step))
    monkeypatch.setattr(check, "find", lambda name: layer)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)
    waits = False
    assert check.synchronisation("torch-fused") == (True, "synchronisation torch-fused: none")
    assert modes == ["error", "default"] * 80
    waits = True
    found = check.synchronisation("torch-fused")
    assert not found.good
    assert found.text.endswith(
        "RNN training padded float32 12,16,64,128: called a synchronizing CUDA operation"
    )
    assert modes[-1] == "default"


def test_a_check_that_raises_is_one_bad_line() -> None:
    def launches(name: str) -> check.Finding:
        raise RuntimeError("no profiler\nhere")

    assert check._attempt(launches, "torch-fused") == (
        False,
        "launches torch-fused: RuntimeError: no profiler here",
    )


@pytest.mark.usefixtures("graphs")
def test_a_run_on_a_gpu_from_end_to_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Everything but the GPU: graphs, rows, record, table, JSON and picture."""

    def peak_bytes(call: Callable[[], object]) -> int:
        call()
        return 2**20

    stand_ins: dict[str, Any] = {
        "check_device": lambda device: None,
        "facts": lambda: {"gpu": "G", "driver": "550", "cudnn": 91002},
        "conditions": lambda: {"clocks.sm": "1980 MHz"},
        "peak_rates": lambda case: {"flops": 1e11, "bytes": 1e10},
        "time_on_gpu": lambda prepared, budget: Round(0.01, 0.008),
        "launches": lambda prepared: ["kernel"] * 100,
        "peak_bytes": peak_bytes,
    }
    for name, function in stand_ins.items():
        monkeypatch.setattr(gpu, name, function)
    monkeypatch.setattr(options, "select", lambda chosen: select(chosen._replace(device="cpu")))
    monkeypatch.setattr(gemm_floor.Floor, "devices", ())
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Stand-in GPU")
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    command = ["--device", "cuda", "--quick", "--cell", "gru", "--contender", "torch-fused-graph"]
    files = ["--json", str(tmp_path / "run.json"), "--plot", str(tmp_path / "run.png")]
    done = CliRunner().invoke(cli.app, [*command, *files])
    assert done.exit_code == 0, done.output
    assert "Stand-in GPU, driver 550, cuDNN 91002" in done.output
    assert "launches / T" in done.output
    content = json.loads((tmp_path / "run.json").read_text())
    assert content["record"]["peaks"] == {"float32": {"flops": 1e11, "bytes": 1e10}}
    rows = content["rows"]
    assert [row["contender"] for row in rows[:3]] == ["torch.nn", "torch.nn-graph", "torch-fused-graph"]
    assert [row["baseline"] for row in rows[:3]] == ["torch.nn", "torch.nn-graph", "torch.nn-graph"]
    assert {row["launches"] for row in rows} == {2.0}
    assert {row["conditions"]["clocks.sm"] for row in rows} == {"1980 MHz"}
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
