"""torch.nn and the torch layers, by their public classes: as they are, without a kernel, compiled,
replayed.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from benchmarks.cases import Case
from benchmarks.contenders import kernels
from benchmarks.contenders.contender import Contender, Prepared
from benchmarks.contenders.torch_step import Step, load, set_tf32
from benchmarks.data import make_data
from scratch_rnn import torch_autograd


class TorchLayer(Contender):
    """A class with torch.nn's signature. `compiled` hands it to torch.compile, its whole loop over time."""

    devices: Sequence[str] = ("cpu", "cuda")
    library = "torch"

    def __init__(
        self, name: str, layers: Any = torch_autograd, compiled: bool = False, **options: str
    ) -> None:
        super().__init__(name)
        self.layers, self.compiled, self.options = layers, compiled, options

    def without(self) -> AbstractContextManager[None]:
        """What is switched off while it runs: nothing."""
        return nullcontext()

    def prepare(self, case: Case) -> Prepared:
        """Inference runs in inference mode; training is a forward call and torch.autograd.backward."""
        set_tf32(case.tf32)
        data, module = make_data(case), self.module(case)
        load(module, data, case)
        run = torch.compile(module) if self.compiled else module
        step = Step(run, module, case, data, self.without)
        kernel, rule = "", ""
        if self.layers is nn:
            with self.without():
                kernel, rule = kernels.taken(step.forward, case)
        if not case.training:
            return Prepared(step.infer, step.outcome, kernel=kernel, rule=rule)
        return Prepared(step.train, step.outcome, list(step.leaves.values()), step.memory, kernel, rule)

    def module(self, case: Case) -> nn.Module:
        """A layer of the case's sizes, where the case wants it."""
        options: dict[str, Any] = {"proj_size": case.proj} if case.proj else {}
        options |= {"device": case.device, "dtype": getattr(torch, case.dtype)} | self.options
        kind = getattr(self.layers, case.cell.upper())
        made: nn.Module = kind(case.size.inputs, case.size.hidden, **options)
        return made


class WithoutKernel(TorchLayer):
    """torch.nn with oneDNN (on a CPU) and cuDNN (on a GPU) switched off: ATen's own kernels."""

    def absent(self, case: Case) -> str:
        """Where torch.nn takes ATen anyway, there is nothing to switch off."""
        if kernels.expected(case) == "ATen":
            return "torch.nn takes ATen anyway"
        return super().absent(case)

    def without(self) -> AbstractContextManager[None]:
        """Neither."""
        return kernels.only_aten()


class Replayed(Contender):
    """A step of another contender, captured once in a CUDA graph and replayed: no Python, no launches."""

    devices = ("cuda",)
    library = "torch"

    def __init__(self, name: str, captured: Contender) -> None:
        super().__init__(name)
        self.captured = captured

    def absent(self, case: Case) -> str:
        """Where the other one is, or where there is no CUDA."""
        return super().absent(case) or self.captured.absent(case)

    def prepare(self, case: Case) -> Prepared:
        """Three steps on a stream of their own, as torch asks for, then the capture."""
        cuda: Any = torch.cuda
        live = self.captured.prepare(case)
        beside: Any = cuda.Stream()
        beside.wait_stream(cuda.current_stream())
        with cuda.stream(beside):
            for _ in range(3):
                live.clear()
                live.step()
        cuda.current_stream().wait_stream(beside)
        live.clear()
        graph = cuda.CUDAGraph()
        with cuda.graph(graph):
            ends = live.step()

        def replay() -> Any:
            graph.replay()
            return ends

        return Prepared(replay, live.outcome, kernel=live.kernel, rule=live.rule)
