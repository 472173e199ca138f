"""One step of a torch module on the numbers of a case, in each of the four modes."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from numpy import ndarray
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from benchmarks.cases import Case
from benchmarks.contenders.contender import Outcome
from benchmarks.contenders.data import Data, as_state, named_states

Context = Callable[[], AbstractContextManager[None]]
"""Makes the context in which a step runs, such as one with a library switched off."""


class Step:
    """The tensors of a case on its device, and the calls on them. `leaves` get a .grad."""

    def __init__(
        self, run: Callable[..., Any], module: nn.Module, case: Case, data: Data, context: Context
    ) -> None:
        self.case, self.run, self.context = case, run, context
        module.train(case.mode != "inference")  # cuDNN chooses its mode by it
        self.states = {letter: to_tensor(array, case) for letter, array in data.states.items()}
        self.cotangents = [to_tensor(array, case) for array in (data.d_output, *data.d_states.values())]
        x = to_tensor(data.x, case)
        self.packed = pack_padded_sequence(x, case.lengths) if case.layout == "packed" else None
        self.x = x if self.packed is None else self.packed.data
        self.leaves = {"d_x": self.x} | {f"d_{letter}_0": state for letter, state in self.states.items()}
        self.leaves |= {f"d_{name}": parameter for name, parameter in module.named_parameters()}
        for leaf in self.leaves.values():
            leaf.requires_grad_(case.mode != "inference")
        self.ends: list[Tensor] = []

    def forward(self) -> list[Tensor]:
        """The output as rows, and the last state."""
        x = self.x if self.packed is None else PackedSequence(self.x, self.packed.batch_sizes)
        output, state_n = self.run(x, as_state(self.states))
        output = output.data if self.packed is not None else output.reshape(-1, output.shape[-1])
        return [output, *named_states(self.case, "", "", state_n).values()]

    def infer(self) -> list[Tensor]:
        """In inference mode."""
        with torch.inference_mode(), self.context():
            return self.forward()

    def record(self) -> list[Tensor]:
        """The forward pass of training."""
        with self.context():
            self.ends = self.forward()
        return self.ends

    def backward(self) -> list[Tensor]:
        """The backward pass of the recorded forward pass: every leaf gets its gradient."""
        with self.context():
            torch.autograd.backward(self.ends, self.cotangents)
        return self.ends

    def train(self) -> list[Tensor]:
        """Forward and backward."""
        self.record()
        return self.backward()

    def outcome(self, ends: Sequence[Tensor]) -> Outcome:
        """By name, in float64."""
        letters = self.case.state_widths
        named: dict[str, Any] = dict(zip(["output", *(f"{k}_n" for k in letters)], ends, strict=True))
        if self.case.has_grads:
            named |= {name: leaf.grad for name, leaf in self.leaves.items()}
            named["d_x"] = named["d_x"].reshape(-1, self.x.shape[-1])
        return {name: tensor.detach().double().cpu().numpy() for name, tensor in named.items()}


def to_tensor(array: ndarray, case: Case) -> Tensor:
    """In the precision and on the device of the case."""
    return torch.tensor(array, dtype=getattr(torch, case.dtype), device=case.device)


def load(module: nn.Module, data: Data, case: Case) -> None:
    """Copy the weights of the case into a module that is on the device."""
    module.load_state_dict({name: to_tensor(array, case) for name, array in data.params.items()})


def set_tf32(allowed: bool) -> None:
    """For cuBLAS and cuDNN. Recurrent layers have a setting of their own where torch has it; the older one
    leaves it undecided.
    """
    backends: Any = torch.backends
    backends.cuda.matmul.allow_tf32 = allowed
    backends.cudnn.allow_tf32 = allowed
    if hasattr(backends.cudnn, "rnn"):
        backends.cudnn.rnn.fp32_precision = "tf32" if allowed else "ieee"
