"""Who computes: the list of contenders, and how one is found by its name.

The torch ones are imported when one of them is asked for: a worker of a NumPy contender never loads torch.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from benchmarks.contenders.contender import Contender
from benchmarks.contenders.floors import Floor
from benchmarks.contenders.with_numpy import NumpyLayer
from benchmarks.contenders.with_onnx import OnnxReference

BASELINE = "torch.nn"
GRAPH = "-graph"
"""Behind the name of a contender: its step replayed as a CUDA graph."""


def _torch(kind: str, name: str, **options: Any) -> Contender:
    module: Any = import_module("benchmarks.contenders.with_torch")
    made: Contender = getattr(module, kind)(name, **options)
    return made


def _nn() -> Any:
    return import_module("torch.nn")


MAKERS: dict[str, Callable[[], Contender]] = {
    "torch.nn": lambda: _torch("TorchLayer", "torch.nn", layers=_nn()),
    "torch.nn-aten": lambda: _torch("WithoutKernel", "torch.nn-aten", layers=_nn()),
    "torch-fused": lambda: _torch("TorchLayer", "torch-fused", engine="fused"),
    "torch-fused-graph": lambda: replayed("torch-fused"),
    "torch-steps": lambda: _torch("TorchLayer", "torch-steps", engine="steps"),
    "torch-compile": lambda: _torch("TorchLayer", "torch-compile", engine="steps", compiled=True),
    "numpy-fused": lambda: NumpyLayer("numpy-fused", "fused"),
    "numpy-steps": lambda: NumpyLayer("numpy-steps", "steps"),
    "onnx": lambda: OnnxReference("onnx"),
    "floor-torch": lambda: Floor("floor-torch", "torch"),
    "floor-numpy": lambda: Floor("floor-numpy", "numpy"),
}
"""In the order in which they take turns."""

ON_DEMAND = ("torch-compile",)
"""It takes a minute a case."""


def names(chosen: Sequence[str] = (), compiled: bool = False) -> list[str]:
    """Those chosen, or all but the slow; the baseline and the floors always take part."""
    if not chosen:
        return [name for name in MAKERS if compiled or name not in ON_DEMAND]
    always = (BASELINE, "floor-torch", "floor-numpy")
    wanted = {*always, *chosen, *(ON_DEMAND if compiled else ())}
    return [name for name in MAKERS if name in wanted]


def find(name: str) -> Contender:
    """By its name; a rung of the ladder too."""
    if name in MAKERS:
        return MAKERS[name]()
    if name.endswith(GRAPH):
        return replayed(name.removesuffix(GRAPH))
    rungs: Any = import_module("benchmarks.ladder.rungs")
    found: Contender = rungs.find(name)
    return found


def replayed(name: str) -> Contender:
    """A contender's step as a CUDA graph."""
    return _torch("Replayed", name + GRAPH, captured=find(name))
