"""On a GPU: who times, and whether a step waits for the GPU or the GPU for Python.

triton.testing.do_bench times: it empties the second-level cache before every step, and clears gradients
outside the time that it takes. Triton comes with torch's CUDA build, and is imported where it is used. The
tests run all this with stand-ins for the GPU.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter
from typing import Any

import torch

from benchmarks.contenders.contender import Prepared
from benchmarks.stats import Quartiles
from scratch_rnn.checks import message
from scratch_rnn.labs import UsageError


def check_cuda() -> None:
    """UsageError, in one line, where there is nothing to run on."""
    if not torch.cuda.is_available():
        got = f"none (torch {torch.__version__})"
        raise UsageError(message("--device cuda", "a CUDA device that torch can use", got))
    if find_spec("triton") is None:
        raise UsageError(message("--device cuda", "triton, which comes with torch's CUDA build", "none"))


def time_on_gpu(prepared: Prepared, bench: Callable[..., Any] | None = None) -> Quartiles:
    """Seconds of a step: median and quartiles of do_bench's repetitions."""
    bench = bench or import_module("triton.testing").do_bench
    clear = list(prepared.leaves) or None
    median, q1, q3 = bench(prepared.step, grad_to_none=clear, quantiles=[0.5, 0.25, 0.75])
    return Quartiles(median / 1e3, q1 / 1e3, q3 / 1e3)


def launching_share(
    prepared: Prepared,
    synchronize: Callable[[], None] = torch.cuda.synchronize,
    clock: Callable[[], float] = perf_counter,
) -> float:
    """How much of a step has passed when it returns, its kernels launched but not waited for: near 1, the GPU
    waits for launches; near 0, the launches are far ahead.
    """
    prepared.clear()
    synchronize()
    start = clock()
    prepared.step()
    launched = clock()
    synchronize()
    return (launched - start) / (clock() - start)
