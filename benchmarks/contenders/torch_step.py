"""One step of a torch module on the numbers of a case: forward, or forward and backward; and its memory."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from numpy import ndarray
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from benchmarks.cases import Case
from benchmarks.contenders.contender import Outcome
from benchmarks.data import Data, as_state, named_states

Without = Callable[[], AbstractContextManager[None]]
"""Makes the context in which a step runs: one where a kernel is switched off, say."""


class Step:
    """Tensors on the device of the case, and what is done with them. `leaves` are all that has a gradient."""

    def __init__(
        self, run: Callable[..., Any], module: nn.Module, case: Case, data: Data, without: Without
    ) -> None:
        self.case, self.run, self.without = case, run, without
        self.states = {letter: to_tensor(array, case) for letter, array in data.states.items()}
        self.cotangents = [to_tensor(array, case) for array in (data.d_output, *data.d_states.values())]
        x = to_tensor(data.x, case)
        self.packed = pack_padded_sequence(x, case.lengths) if case.layout == "packed" else None
        self.x = x if self.packed is None else self.packed.data
        self.parameters = list(module.parameters())
        self.leaves = {"d_x": self.x} | {f"d_{letter}_0": state for letter, state in self.states.items()}
        self.leaves |= {f"d_{name}": parameter for name, parameter in module.named_parameters()}
        for leaf in self.leaves.values():
            leaf.requires_grad_(case.training)

    def forward(self) -> list[Tensor]:
        """The output as rows, and the last state."""
        x = self.x if self.packed is None else PackedSequence(self.x, self.packed.batch_sizes)
        output, state_n = self.run(x, as_state(self.states))
        output = output.data if self.packed is not None else output.reshape(-1, output.shape[-1])
        return [output, *named_states(self.case, "", "", state_n).values()]

    def infer(self) -> list[Tensor]:
        """In inference mode."""
        with torch.inference_mode(), self.without():
            return self.forward()

    def train(self) -> list[Tensor]:
        """Every leaf gets its gradient."""
        with self.without():
            ends = self.forward()
            torch.autograd.backward(ends, self.cotangents)
        return ends

    def outcome(self, ends: Sequence[Tensor]) -> Outcome:
        """By name, in float64."""
        letters = self.case.states
        named: dict[str, Any] = dict(zip(["output", *(f"{k}_n" for k in letters)], ends, strict=True))
        if self.case.training:
            named |= {name: leaf.grad for name, leaf in self.leaves.items()}
            named["d_x"] = named["d_x"].reshape(-1, self.x.shape[-1])
        return {name: tensor.detach().double().cpu().numpy() for name, tensor in named.items()}

    def memory(self) -> int:
        """On a CPU what autograd saves in the forward pass, parameters apart; on a GPU the peak of a step."""
        return (
            peak_bytes(self.train)
            if self.case.device == "cuda"
            else saved_bytes(self.forward, self.parameters)
        )


def to_tensor(array: ndarray, case: Case) -> Tensor:
    """In the precision and on the device of the case."""
    return torch.tensor(array, dtype=getattr(torch, case.dtype), device=case.device)


def load(module: nn.Module, data: Data, case: Case) -> None:
    """The weights of the case into a module that is already where it belongs."""
    module.load_state_dict({name: to_tensor(array, case) for name, array in data.params.items()})


def set_tf32(allowed: bool) -> None:
    """For cuBLAS and for cuDNN alike: torch's defaults differ."""
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def saved_bytes(forward: Callable[[], object], parameters: Sequence[Tensor]) -> int:
    """What autograd keeps for the way back: every storage once, and none of a parameter."""
    known = {parameter.untyped_storage().data_ptr() for parameter in parameters}
    saved: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        alive = forward()
    del alive
    return sum(saved.values())


def peak_bytes(step: Callable[[], object]) -> int:
    """The most that was allocated during a step, beyond what was there before."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before
