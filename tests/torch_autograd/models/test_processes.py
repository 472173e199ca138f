"""One of several processes: its rows, its device, its communication; by stand-ins, or as a group of one."""

import socket
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from scratch_rnn.torch_autograd.models.distributed import DistributedTrainer, Processes, joined
from scratch_rnn.torch_autograd.models.trainer import Trainer
from tests.torch_autograd.models.test_distributed import model, train


def test_shares() -> None:
    shares = [Processes(rank, 3, torch.device("cpu")).share(6) for rank in range(3)]
    assert [list(range(6))[share] for share in shares] == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(ValueError, match="expected rows that 3 processes can share evenly, got 7"):
        Processes(0, 3, torch.device("cpu")).share(7)


def test_a_mean_is_computed_on_the_device_of_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda total: total.mul_(2))
    with torch.device("meta"):
        assert Processes(0, 2, torch.device("cpu")).mean(3.0) == 3.0


def test_nccl_gets_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `device_id`, a barrier would have to guess the GPU."""
    asked: dict[str, Any] = {}

    def init(backend: str, **options: Any) -> None:
        asked.update(options, backend=backend)

    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: asked.update(set_device=device))
    stand_ins = {"init_process_group": init, "get_rank": lambda: 1, "get_world_size": lambda: 2}
    stand_ins |= dict.fromkeys(("barrier", "destroy_process_group"), lambda: None)
    for name, function in stand_ins.items():
        monkeypatch.setattr(torch.distributed, name, function)
    with joined() as processes:
        assert processes == (1, 2, torch.device("cuda", 1))
    second = torch.device("cuda", 1)
    assert asked == {"backend": "nccl", "device_id": second, "set_device": second}


def test_the_parts_of_all_processes_are_joined_in_the_order_of_the_ranks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def all_gather(parts: list[Tensor], mine: Tensor) -> None:
        for rank, part in enumerate(parts):
            part.copy_(mine + rank)

    monkeypatch.setattr(torch.distributed, "all_gather", all_gather)
    mine = torch.arange(8.0).reshape(1, 4, 2)
    gathered = Processes(0, 3, torch.device("cpu")).gather(mine, axis=1)
    assert torch.equal(gathered, torch.cat([mine, mine + 1, mine + 2], dim=1))


def test_a_group_of_one_process_trains_as_the_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MASTER_PORT", str(free.getsockname()[1]))
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}.items():
        monkeypatch.setenv(name, value)
    with joined() as processes:
        assert processes == (0, 1, torch.device("cpu"))
        trainer = DistributedTrainer(model(), "adam", 0.01, 0.5, processes)
        assert isinstance(trainer.loss, DistributedDataParallel)
        got = train(trainer)
        del trainer
    expected = train(Trainer(model(), "adam", 0.01, 0.5))
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, rtol=1e-12, atol=1e-14, err_msg=name)
