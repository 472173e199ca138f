"""A trainer that shares its batch among processes: torch's DistributedDataParallel around the model.

Each process reads its own rows of the batch, and what it learns from them is averaged over all:

    (1)  g = 1/P Σ_p g_p        the gradient of the mean over all rows, as every process has as many

so all processes hold the same weights after every step, and one process on the whole batch would hold them
too, but for rounding. `torchrun` starts the processes and tells them about each other.
"""

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from numpy import ndarray
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from scratch_rnn.checks import message
from scratch_rnn.torch_autograd.models.trainer import Trainer


class Processes(NamedTuple):
    """The processes that train together, as one of them sees them."""

    rank: int
    world: int
    device: torch.device

    def share(self, rows: int) -> slice:
        """This process's part of so many rows; ValueError where they cannot be shared evenly."""
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
        """Whether any process wishes so: all get the same answer, and stop at the same step."""
        return self.mean(float(wish)) > 0

    def gather(self, mine: Tensor, axis: int) -> Tensor:
        """Everyone's part along this axis, in the order of the processes."""
        parts = [torch.empty_like(mine) for _ in range(self.world)]
        distributed.all_gather(parts, mine.contiguous())
        return torch.cat(parts, dim=axis)


@contextmanager
def joined() -> Iterator[Processes]:
    """Join the processes that torchrun started: nccl where each has a GPU of its own, else gloo."""
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
        distributed.barrier()  # nobody leaves while others still work
    finally:
        gc.collect()  # what DistributedDataParallel leaves behind must go before what it stands on
        distributed.destroy_process_group()


class DistributedTrainer(Trainer):
    """A Trainer of one process among several; each is given the whole batch, and takes its rows of it."""

    def __init__(
        self, model: Any, optimizer: str, lr: float, clip: float | None, processes: Processes
    ) -> None:
        super().__init__(model.to(processes.device), optimizer, lr, clip)
        self.processes = processes
        self.loss = DistributedDataParallel(_Loss(self.model))  # (1)

    def step(self, *batch: Any, reset_state: bool = True) -> float:
        """The loss of the whole batch before the update."""
        mine = (part[self.processes.share(len(part))] for part in batch)
        return self.processes.mean(super().step(*mine, reset_state=reset_state))

    def snapshot(self) -> dict[str, ndarray]:
        """As one process on the whole batch would write it: every row's state, not this process's alone.

        All processes must ask together.
        """
        own = self.state
        parts = own if isinstance(own, tuple) else (own,)
        whole = tuple(None if part is None else self.processes.gather(part, axis=1) for part in parts)
        self.state = whole if isinstance(own, tuple) else whole[0]
        try:
            return super().snapshot()
        finally:
            self.state = own

    def restore(self, arrays: Mapping[str, ndarray]) -> None:
        """Go on from a snapshot of one process or of many."""
        mine = {
            key: array[:, self.processes.share(array.shape[1])] if key.startswith("state/") else array
            for key, array in arrays.items()
        }
        super().restore(mine)


class _Loss(nn.Module):
    """A model's loss as a forward pass, which is what DistributedDataParallel watches over."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, *batch: Any) -> tuple[Tensor, Any]:
        """(loss, last state)."""
        return self.model.loss(*batch)
