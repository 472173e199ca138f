"""`python -m benchmarks check`: what should hold before anything is timed, one line each, as it is found.

accuracy         every cell, form, mode, engine and precision against float64 torch.nn
launches         per time step: on a GPU kernels, from the profiler; on a CPU operators
synchronisation  on a GPU: no step waits for the GPU
capture          on a GPU: a CUDA graph of a step gives the same results
kernels          on a GPU: the names of the kernels of torch.nn, beside the rule for cuDNN's algorithm
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch

from benchmarks.cases import CELLS, LAYOUTS, MODES, Case, Selection, Size, select
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.kernels import Operators
from benchmarks.registry import find
from benchmarks.timing import gpu, oracle
from benchmarks.timing.session import Failed, InProcess

SIZES = {"cpu": Size(7, 5, 3, 6), "cuda": Size(12, 16, 64, 128)}
PRECISIONS = {"cpu": [("float64", False), ("float32", False)]}
PRECISIONS["cuda"] = [*PRECISIONS["cpu"], ("float32", True), ("float16", False), ("bfloat16", False)]
LAYERS = {
    "cpu": ("torch.nn", "torch-steps", "torch-fused", "numpy-steps", "numpy-fused"),
    "cuda": ("torch.nn", "torch-steps", "torch-fused"),
}
GRAPHS = ("torch.nn-graph", "torch-steps-graph", "torch-fused-graph")


class Finding(NamedTuple):
    """One line of the report."""

    good: bool
    text: str


def forms(device: str, dtype: str, tf32: bool) -> list[Case]:
    """Every cell, mode and form at one small size."""
    plain = Selection((), MODES, LAYOUTS, [dtype], [SIZES[device]], tf32=[tf32], device=device)
    others = plain._replace(layers=2), plain._replace(bidirectional=True), plain._replace(projected=True)
    return [case for chosen in (plain, *others) for case in select(chosen)]


def findings(device: str) -> Iterator[Finding]:
    """All checks that this device allows; after an inaccurate result, no other is made."""
    good = True
    for dtype, tf32 in PRECISIONS[device]:
        for name in LAYERS[device]:
            found = accuracy(find(name), forms(device, dtype, tf32))
            good = good and found.good
            yield found
    if not good:
        return
    pairs = [(name, cell) for name in ("torch-steps", "torch-fused") for cell in CELLS]
    yield from (_attempt(launches, name, cell, device) for name, cell in pairs)
    if device == "cuda":
        yield from (_attempt(synchronisation, name) for name in ("torch-steps", "torch-fused"))
        for dtype, tf32 in PRECISIONS[device]:
            yield from (accuracy(find(name), forms(device, dtype, tf32)) for name in GRAPHS)
        for dtype in ("float32", "float16"):
            yield from (_attempt(kernel_names, cell, dtype) for cell in CELLS)


def _attempt(check: Callable[..., Finding], *arguments: str) -> Finding:
    """A check that fails with an exception is a bad finding, and the next one runs."""
    try:
        return check(*arguments)
    except Exception as error:
        text = " ".join(str(error).split())
        return Finding(False, f"{check.__name__} {' '.join(arguments)}: {type(error).__name__}: {text}")


def accuracy(contender: Contender, cases: Sequence[Case]) -> Finding:
    """The largest error over all cases, or the first case that fails."""
    kind = "capture" if contender.name in GRAPHS else "accuracy"
    title = f"{kind} {contender.name} {cases[0].dtype}{' TF32' if cases[0].tf32 else ''}"
    present = [case for case in cases if not contender.unsupported_reason(case)]
    largest = 0.0
    for case in present:
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")
                error = oracle.error(case, InProcess(contender, case).ready().outcome)
        except Failed as failed:
            return Finding(False, f"{title}: {case} failed: {failed}")
        if not error <= (allowed := oracle.bound(case)):
            return Finding(False, f"{title}: {case} has error {error:.1e}, {allowed:.0e} is allowed")
        largest = max(largest, error)
    return Finding(True, f"{title}: {len(present)} cases, largest error {largest:.1e}")


def launches_per_step(name: str, cell: str, mode: str, device: str) -> float:
    """From the difference of two lengths, so that what is done once does not count."""
    counts, lengths = [], (8, 16)
    for steps in lengths:
        prepared = find(name).prepare(Case(cell, mode, Size(steps, 4, 8, 16), device=device))
        prepared.before()
        if device == "cuda":
            prepared.step()  # libraries choose their kernels
            counts.append(len(gpu.launches(prepared)))
        else:
            with Operators() as seen:
                prepared.step()
            counts.append(len(seen.names))
    return (counts[1] - counts[0]) / (lengths[1] - lengths[0])


def launches(name: str, cell: str, device: str) -> Finding:
    """In inference and in training."""
    counts = [launches_per_step(name, cell, mode, device) for mode in ("inference", "training")]
    text = " / ".join(f"{count:.3g}" for count in counts)
    return Finding(True, f"launches {name} {cell.upper()}: {text} per time step (inference / training)")


def synchronisation(name: str) -> Finding:
    """A step raises an error if it waits for the GPU."""
    debug: Any = torch.cuda
    for case in forms("cuda", "float32", False):
        prepared = find(name).prepare(case)
        prepared.before()
        prepared.step()
        prepared.before()
        torch.cuda.synchronize()
        debug.set_sync_debug_mode("error")
        try:
            prepared.step()
        except RuntimeError as error:
            return Finding(False, f"synchronisation {name}: {case}: {str(error).splitlines()[0]}")
        finally:
            debug.set_sync_debug_mode("default")
    return Finding(True, f"synchronisation {name}: none")


def kernel_names(cell: str, dtype: str) -> Finding:
    """What torch.nn ran in training, beside the rule."""
    case = Case(cell, "training", Size(50, 32, 128, 256), dtype=dtype, device="cuda")
    ready = InProcess(find("torch.nn"), case, launches=gpu.launches).ready()
    names = list(dict.fromkeys(name.split("<")[0] for name in ready.launches or ()))
    observed = f"{gpu.observed_algorithm(names)}: {', '.join(names)}"
    return Finding(True, f"kernels {case}: {ready.kernel}, {ready.rule}; observed {observed}")
