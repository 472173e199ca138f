"""The list of contenders, and how one is found by its name.

The torch ones are imported when one of them is asked for: a worker of a NumPy contender never loads torch.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from benchmarks.contenders.contender import Contender
from benchmarks.contenders.gemm_floor import Floor
from benchmarks.ladder.rungs import RUNGS
from scratch_rnn.checks import message

BASELINE = "torch.nn"
FLOORS = ("floor-torch", "floor-numpy")


def _torch(kind: str, **options: Any) -> Callable[[str], Contender]:
    module = "benchmarks.contenders.torch_layers"
    return lambda name: getattr(import_module(module), kind)(name, **options)


def _graph(name: str) -> Contender:
    return _torch("CudaGraph", captured=find(name.removesuffix("-graph")))(name)


CONTENDERS: dict[str, Callable[[str], Contender]] = {
    "torch.nn": _torch("TorchNN"),
    "torch.nn-aten": _torch("WithoutKernel"),
    "torch.nn-graph": _graph,
    "torch-fused": _torch("TorchLayer", engine="fused"),
    "torch-fused-graph": _graph,
    "torch-steps": _torch("TorchLayer", engine="steps"),
    "torch-steps-graph": _graph,
    "torch-compile": _torch("Compiled", mode="default"),
    "torch-compile-graph": _torch("Compiled", mode="reduce-overhead"),
    "numpy-fused": RUNGS["numpy-fused"],
    "numpy-steps": RUNGS["numpy-steps"],
    "floor-torch": lambda name: Floor(name, "torch"),
    "floor-numpy": lambda name: Floor(name, "numpy"),
}
"""In the order in which they take turns. A name that ends in -graph runs as a CUDA graph."""

ON_DEMAND = ("torch-compile", "torch-compile-graph")  # a minute of compilation per case


def names(chosen: Sequence[str] = (), compiled: bool = False) -> list[str]:
    """Those chosen, or all but the slow ones; baseline and floors always take part."""
    if not chosen:
        return [name for name in CONTENDERS if compiled or name not in ON_DEMAND]
    taken = {BASELINE, *FLOORS, *chosen, *(ON_DEMAND if compiled else ())}
    if any(name.endswith("-graph") for name in taken):
        taken.add(f"{BASELINE}-graph")
    return [name for name in CONTENDERS if name in taken]


def find(name: str) -> Contender:
    """A contender, or a rung of the ladder, by its name; ValueError for an unknown one."""
    known = CONTENDERS | RUNGS
    if name not in known:
        raise ValueError(message("benchmarks", "the name of a contender or a rung", repr(name)))
    return known[name](name)
