"""torch.nn and the torch layers, by their public classes: as they are, without a library, compiled, or as a
CUDA graph.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from benchmarks.cases import Case
from benchmarks.contenders import kernels
from benchmarks.contenders.contender import Contender, Prepared
from benchmarks.contenders.data import make_data
from benchmarks.contenders.torch_step import Step, load, set_tf32
from scratch_rnn import torch_autograd


class TorchLayer(Contender):
    """A class with torch.nn's signature."""

    devices: Sequence[str] = ("cpu", "cuda")
    library = "torch"

    layers: Any = torch_autograd

    def __init__(self, name: str, **options: str) -> None:
        super().__init__(name)
        self.options = options

    def context(self) -> AbstractContextManager[None]:
        """The context in which it runs."""
        return nullcontext()

    def run(self, module: nn.Module) -> Callable[..., Any]:
        """What is called: the module itself."""
        return module

    def prepare(self, case: Case) -> Prepared:
        """Inference runs in evaluation and inference mode; training is a call and torch.autograd.backward."""
        set_tf32(case.tf32)
        data, module = make_data(case), self.module(case)
        load(module, data, case)
        step = Step(self.run(module), module, case, data, self.context)
        kernel, rule = "", ""
        if self.layers is nn:
            with self.context():
                kernel, rule = kernels.taken(step.forward, case, module)
        if case.mode == "inference":
            return Prepared(step.infer, step.outcome, kernel=kernel, rule=rule)
        leaves = list(step.leaves.values())
        if case.mode == "backward":
            return Prepared(step.backward, step.outcome, leaves, step.record, kernel, rule)
        call = step.train if case.mode == "training" else step.record
        return Prepared(call, step.outcome, leaves, None, kernel, rule)

    def module(self, case: Case) -> Any:
        """A layer of the case's sizes on the case's device."""
        dtype = getattr(torch, case.dtype)
        kind = getattr(self.layers, case.cell.upper())
        options = case.layer_options | self.options
        return kind(case.size.inputs, case.size.hidden, **options, device=case.device, dtype=dtype)


class TorchNN(TorchLayer):
    """torch.nn's own layers."""

    layers = nn


class WithoutKernel(TorchNN):
    """torch.nn with oneDNN (on a CPU) and cuDNN (on a GPU) switched off: ATen's own kernels."""

    def unsupported_reason(self, case: Case) -> str:
        """It would be torch.nn once more where torch.nn uses ATen."""
        if kernels.expected(case) == "ATen":
            return "torch.nn uses ATen in this case"
        return super().unsupported_reason(case)

    def context(self) -> AbstractContextManager[None]:
        """Both switched off."""
        return kernels.only_aten()


class Compiled(TorchLayer):
    """torch.compile on engine="steps", its loop over time unrolled. timing/run.py resets the compiler before
    each case: after 8 recompilations in one process torch would run the layer uncompiled.
    """

    compiles = True

    def __init__(self, name: str, mode: str) -> None:
        super().__init__(name, engine="steps")
        self.mode = mode

    def run(self, module: nn.Module) -> Callable[..., Any]:
        """Compiled for the sizes of the case alone."""
        compiler: Any = torch.compiler
        compiled: Callable[..., Any] = torch.compile(module, dynamic=False, mode=self.mode)
        if self.mode == "default":
            return compiled

        def marked(*arguments: Any) -> Any:
            compiler.cudagraph_mark_step_begin()  # the results of the last step may be overwritten
            return compiled(*arguments)

        return marked


class CudaGraph(Contender):
    """A step of another contender, captured once as a CUDA graph and replayed: one launch from Python."""

    devices = ("cuda",)
    library = "torch"

    def __init__(self, name: str, captured: Contender) -> None:
        super().__init__(name)
        self.captured = captured

    def unsupported_reason(self, case: Case) -> str:
        """A graph holds a whole step; else as the captured contender."""
        if case.mode == "backward":
            return "a graph captures forward and backward together"
        return super().unsupported_reason(case) or self.captured.unsupported_reason(case)

    def prepare(self, case: Case) -> Prepared:
        """Warm up on a side stream, then capture."""
        cuda: Any = torch.cuda
        eager = self.captured.prepare(case)
        side_stream: Any = cuda.Stream()
        side_stream.wait_stream(cuda.current_stream())
        with cuda.stream(side_stream):
            for _ in range(3):  # as torch's documentation of CUDA graphs asks for
                eager.before()
                eager.step()
        cuda.current_stream().wait_stream(side_stream)
        eager.before()
        graph = cuda.CUDAGraph()
        with cuda.graph(graph):
            ends = eager.step()

        def replay() -> Any:
            graph.replay()
            return ends

        return Prepared(replay, eager.outcome, kernel=eager.kernel, rule=eager.rule)
