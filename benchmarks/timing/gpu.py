"""Timing on a GPU: a step by events and by the clock, kernels launched, peak rates, clocks and power.

Two times are taken of every step. `seconds`: wall time of steps back to back, which a training loop sees; it
includes Python and launches. `gpu_seconds`: between two events around each step, the L2 cache overwritten
before it. Overwriting gives Python a head start, so that short eager steps look free of launch overhead in
`gpu_seconds`; ratios are computed from `seconds`. The tests run this file with stand-ins for torch.cuda.
"""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import torch

from benchmarks.cases import Case
from benchmarks.contenders.contender import Prepared
from benchmarks.contenders.torch_step import set_tf32
from benchmarks.timing.machine import program
from benchmarks.timing.session import Round
from scratch_rnn.checks import fail

FLUSH_BYTES = 2**28  # overwritten before each step that events time: more than any L2 cache so far
MOST_STEPS = 200  # of a round, however short a step is
CONDITIONS = ("clocks.sm", "clocks.mem", "power.draw", "temperature.gpu", "clocks_event_reasons.active")
"""What nvidia-smi reports after each case."""


def check_device(device: str) -> None:
    """UsageError, in one line, for cuda if there is no GPU."""
    if device == "cuda" and not torch.cuda.is_available():
        fail("--device cuda", "a CUDA device that torch can use", f"none (torch {torch.__version__})")


def time_on_gpu(prepared: Prepared, budget: float, clock: Callable[[], float] = perf_counter) -> Round:
    """Half of the budget for each time; at least 3 steps, or 1 if it takes longer than the budget."""
    prepared.before()
    prepared.step()  # warm-up
    once = _wall(prepared, 1, clock)
    if once > budget:
        return Round(once, _by_events(prepared, 1))
    steps = max(3, min(MOST_STEPS, int(budget / 2 / max(once, 1e-6))))
    return Round(_wall(prepared, steps, clock), _by_events(prepared, steps))


def _wall(prepared: Prepared, steps: int, clock: Callable[[], float]) -> float:
    """Seconds of a step, back to back; a step with a setup is timed alone, between two synchronisations."""
    if prepared.setup is not None:
        return median(_alone(prepared, clock) for _ in range(steps))
    torch.cuda.synchronize()
    start = clock()
    for _ in range(steps):
        prepared.before()
        prepared.step()  # the timed line
    torch.cuda.synchronize()
    return (clock() - start) / steps


def _alone(prepared: Prepared, clock: Callable[[], float]) -> float:
    prepared.before()
    torch.cuda.synchronize()
    start = clock()
    prepared.step()
    torch.cuda.synchronize()
    return clock() - start


def _by_events(prepared: Prepared, steps: int) -> float:
    """The median seconds between events around each step; one synchronisation at the end."""
    flush = torch.empty(FLUSH_BYTES, dtype=torch.int8, device="cuda")
    pairs: list[Any] = []
    cuda: Any = torch.cuda
    for _ in range(steps):
        start, end = (cuda.Event(enable_timing=True) for _ in range(2))
        prepared.before()
        flush.zero_()
        start.record()
        prepared.step()
        end.record()
        pairs.append((start, end))
    torch.cuda.synchronize()
    return median(start.elapsed_time(end) for start, end in pairs) / 1e3


def launches(prepared: Prepared) -> list[str]:
    """The names of all kernels and copies that a step runs on the GPU, from torch's profiler."""
    profiler: Any = torch.profiler
    prepared.before()
    torch.cuda.synchronize()
    with profiler.profile(activities=[profiler.ProfilerActivity.CUDA]) as profile:
        prepared.step()
        torch.cuda.synchronize()
    return [event.name for event in profile.events() if event.device_type.name == "CUDA"]


def observed_algorithm(names: list[str]) -> str:
    """What the names of cuDNN's kernels say about its algorithm."""
    return "persistent" if any("persist" in name.lower() for name in names) else "standard"


def peak_bytes(call: Callable[[], object]) -> int:
    """The most memory allocated during a call, beyond what was allocated before."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def peak_rates(case: Case, size: int = 4096, repeats: int = 20) -> dict[str, float]:
    """The rates that this GPU reaches now in the precision of a case: large products of random numbers
    (flop/s), and a copy (bytes/s read and written).
    """
    set_tf32(case.tf32)
    options: Any = {"dtype": getattr(torch, case.dtype), "device": case.device}
    a, b, out = (torch.randn(size, size, **options) for _ in range(3))
    product = _by_events(Prepared(lambda: torch.mm(a, b, out=out)), repeats)
    copy = _by_events(Prepared(lambda: out.copy_(a)), repeats)
    return {"flops": 2 * size**3 / product, "bytes": 2 * a.numel() * a.element_size() / copy}


def conditions() -> dict[str, str]:
    """Clocks, power, temperature and throttle reasons now; empty without nvidia-smi."""
    values = [value.strip() for value in _nvidia_smi(",".join(CONDITIONS)).split(",")]
    return dict(zip(CONDITIONS, values, strict=True)) if len(values) == len(CONDITIONS) else {}


def facts() -> dict[str, Any]:
    """Of the record: the GPU, its driver and libraries, and torch's settings before the run changes them."""
    backends: Any = torch.backends
    device: Any = torch.cuda.get_device_properties(torch.cuda.current_device())
    matmul = backends.cuda.matmul
    return {
        "gpu": torch.cuda.get_device_name(),
        "capability": list(torch.cuda.get_device_capability()),
        "multiprocessors": device.multi_processor_count,
        "l2_bytes": getattr(device, "L2_cache_size", None),
        "memory_bytes": device.total_memory,
        "flush_bytes": FLUSH_BYTES,
        "driver": _nvidia_smi("driver_version") or None,
        "cuda": torch.version.cuda,
        "cudnn": backends.cudnn.version(),
        "cudnn_benchmark": backends.cudnn.benchmark,
        "tf32_by_default": {"matmul": matmul.allow_tf32, "cudnn": backends.cudnn.allow_tf32},
        "float16_reduced_sums": matmul.allow_fp16_reduced_precision_reduction,
        "bfloat16_reduced_sums": matmul.allow_bf16_reduced_precision_reduction,
    }


def _nvidia_smi(query: str) -> str:
    index = torch.cuda.current_device()
    return program("nvidia-smi", f"--id={index}", f"--query-gpu={query}", "--format=csv,noheader")
