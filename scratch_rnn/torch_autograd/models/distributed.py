"""Training on several processes, each with its rows of the batch: torch's DistributedDataParallel.

Every process computes the gradient g_p of the mean loss over its own rows. Then the P processes average:

    (1)  g = 1/P Σ_p g_p        the gradient of the mean over the whole batch: all have equally many rows

So all processes hold the same weights after every step: up to rounding, those of one process that trains on
the whole batch. `torchrun` starts the processes and sets the variables by which they find each other.
"""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from scratch_rnn.checks import message
from scratch_rnn.torch_autograd.models.trainer import Model, State, Trainer


class Processes(NamedTuple):
    """One of several processes that train together: its rank, their number, and its device."""

    rank: int
    world: int
    device: torch.device

    def share(self, rows: int) -> slice:
        """This process's slice of `rows` rows; ValueError unless all slices are of equal size."""
        if rows % self.world:
            expected = f"rows that {self.world} processes can share evenly"
            raise ValueError(message("distributed", expected, rows))
        each = rows // self.world
        return slice(self.rank * each, (self.rank + 1) * each)

    def mean(self, value: float) -> float:
        """The mean over all processes, the same in each."""
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.all_reduce(total)
        return float(total) / self.world

    def anyone(self, wish: bool) -> bool:
        """Whether `wish` is true in any process: all get the same answer, and so stop at the same step."""
        return self.mean(float(wish)) > 0

    def gather(self, mine: Tensor, axis: int) -> Tensor:
        """The tensors of all processes, concatenated along `axis` in the order of the ranks."""
        parts = [torch.empty_like(mine) for _ in range(self.world)]
        distributed.all_gather(parts, mine.contiguous())
        return torch.cat(parts, dim=axis)


@contextmanager
def joined() -> Iterator[Processes]:
    """Join the group of processes that torchrun started: nccl where each has its own GPU, else gloo.

    ValueError in a process that torchrun did not start.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        raise ValueError(
            message("distributed", "a process that torchrun started", "no RANK in its environment")
        )
    cuda = torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if cuda else "gloo", device_id=device if cuda else None)
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size(), device)
        distributed.barrier()  # no process ends while another still communicates
    finally:
        gc.collect()  # DistributedDataParallel must be freed before the process group that it uses
        distributed.destroy_process_group()


class DistributedTrainer(Trainer):
    """The Trainer of one process. Every process gets the whole batch and uses its own rows of it."""

    def __init__(
        self, model: Any, optimizer: str, lr: float, clip: float | None, processes: Processes
    ) -> None:
        super().__init__(model.to(processes.device), optimizer, lr, clip)
        self.processes = processes
        self.loss = DistributedDataParallel(_Loss(model))  # (1)

    def step(self, *batch: Any, reset_state: bool = True) -> float:
        """The loss of the whole batch before the update."""
        mine = (part[self.processes.share(len(part))] for part in batch)
        return self.processes.mean(super().step(*mine, reset_state=reset_state))

    def _all_rows(self, part: Tensor) -> Tensor:
        """The rows of all processes, which must call `snapshot` together."""
        return self.processes.gather(part, axis=1)

    def _own_rows(self, part: Tensor) -> Tensor:
        return part[:, self.processes.share(part.shape[1])]


class _Loss(nn.Module):
    """A model's loss as a module's forward pass: the call that DistributedDataParallel wraps."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, *batch: Any) -> tuple[Tensor, State]:
        """(loss, last state)."""
        return self.model.loss(*batch)
