"""Two processes with half a batch each equal one process with all of it: gradients, losses, snapshots."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy import ndarray

from scratch_rnn.snapshot import parts_of
from scratch_rnn.torch_autograd.models.distributed import DistributedTrainer, Processes, joined
from scratch_rnn.torch_autograd.models.sequence import SequenceModel
from scratch_rnn.torch_autograd.models.trainer import Trainer
from tests.labs.running import lab, refused

STEPS = 4
HERE = Path(__file__).parents[3]


def model() -> SequenceModel:
    torch.manual_seed(0)
    return SequenceModel("lstm", 3, 5, 2, embed=7, outputs=7, dtype=torch.float64)


def batch(step: int) -> tuple[ndarray, ndarray]:
    rng = np.random.default_rng(step)
    return rng.integers(0, 7, (6, 4)), rng.integers(0, 7, (6, 4))


def train(trainer: Trainer) -> dict[str, ndarray]:
    """The losses, the gradients of every step, and a snapshot."""
    kept: dict[str, Any] = {}
    for step in range(STEPS):
        kept[f"loss/{step}"] = np.array(trainer.step(*batch(step), reset_state=step == 0))
        for name, parameter in trainer.model.named_parameters():
            assert parameter.grad is not None
            kept[f"gradient/{step}/{name}"] = parameter.grad.numpy().copy()
    return kept | trainer.snapshot()


def one_of_two(folder: Path) -> None:
    """What each process of the next test runs."""
    with joined() as processes:
        np.savez(folder / f"{processes.rank}.npz", allow_pickle=False, **trained(processes))


def trained(processes: Processes) -> dict[str, ndarray]:
    """As `train`, and one more step of a second trainer that continues from the first one's snapshot."""
    trainer = DistributedTrainer(model(), "adam", 0.01, 0.5, processes)
    kept = train(trainer)
    assert parts_of(trainer.state)[0].shape[1] == 3, "each process has the state of its own rows"
    again = DistributedTrainer(model(), "adam", 0.01, 0.5, processes)
    again.restore(kept)
    kept["loss/again"] = np.array(again.step(*batch(9), reset_state=False))
    return kept | {"anyone": np.array([processes.anyone(processes.rank == 1), processes.anyone(False)])}


def start(rank: int, command: list[str], port: int) -> "subprocess.Popen[str]":
    """Start a process with the environment that torchrun sets."""
    variables = {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        command,
        env=os.environ | variables,
        cwd=HERE,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def started(command: list[str]) -> "list[subprocess.Popen[str]]":
    """Two processes of one group."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [start(rank, command, port) for rank in range(2)]


def two(command: list[str]) -> list[tuple[int, str, str]]:
    """(status, stdout, stderr) of two processes of one group."""
    both = started(command)
    outputs = [process.communicate(timeout=120) for process in both]
    return [(process.returncode, *texts) for process, texts in zip(both, outputs, strict=True)]


def test_two_halves_are_the_whole(tmp_path: Path) -> None:
    code = f"from {__name__} import one_of_two, Path; one_of_two(Path({str(tmp_path)!r}))"
    for status, _, errors in two([sys.executable, "-c", code]):
        assert status == 0, errors
    whole = Trainer(model(), "adam", 0.01, 0.5)
    expected = train(whole)
    expected["loss/again"] = np.array(whole.step(*batch(9), reset_state=False))
    for rank in range(2):
        with np.load(tmp_path / f"{rank}.npz") as got:
            assert got["anyone"].tolist() == [True, False]
            assert set(got.files) - {"anyone"} == set(expected)
            for name, array in expected.items():
                np.testing.assert_allclose(got[name], array, rtol=1e-11, atol=1e-14, err_msg=name)


def test_the_lab_under_torchrun(tmp_path: Path) -> None:
    small = ["--hidden", "8", "--window", "5", "--steps", "6", "--file", str(HERE / "data" / "this.txt")]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "scratch_rnn", "lab", "charlm", "--impl", "torch", "--distributed", "--batch-size", "4"]
    written = ["--json", str(tmp_path / "out.json"), "--save", str(tmp_path / "out.npz")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, *small, *written], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("charlm: ") == 1, "only the first process prints"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "out.npz"]
    alone = lab("charlm", "--impl", "torch", "--batch-size", 4, *small)["runs"][0]
    together = json.loads((tmp_path / "out.json").read_text())["runs"][0]
    assert together["losses"] == pytest.approx(alone["losses"], rel=1e-12)
    assert together["result"]["bits_per_char"] == pytest.approx(alone["result"]["bits_per_char"], rel=1e-12)
    resumed = lab("charlm", "--impl", "torch", "--load", tmp_path / "out.npz", "--steps", 9)["runs"][0]
    whole = lab("charlm", "--impl", "torch", "--batch-size", 4, *small[:4], *small[6:], "--steps", 9)["runs"][
        0
    ]
    assert resumed["losses"] == pytest.approx(whole["losses"], rel=1e-12)


def test_rows_that_cannot_be_shared() -> None:
    command = [sys.executable, "-m", "scratch_rnn", "lab", "charlm", "--impl", "torch", "--distributed"]
    first, second = two([*command, "--batch-size", "15"])
    assert first[:2] == second[:2] == (2, "")
    assert first[2] == "error: distributed: expected rows that 2 processes can share evenly, got 15\n"
    assert second[2] == ""


@pytest.mark.parametrize("dead", [0, 1])
def test_a_process_that_dies(tmp_path: Path, dead: int) -> None:
    """The other one says so in one line, and the first one has left a checkpoint."""
    path = tmp_path / "run.npz"
    command = [sys.executable, "-m", "scratch_rnn", "lab", "charlm", "--impl", "torch", "--distributed"]
    command += ["--hidden", "8", "--window", "5", "--steps", "100000000", "--batch-size", "4", "--quiet"]
    command += ["--file", str(HERE / "data" / "this.txt")]
    both = started([*command, "--save", str(path)])
    while not path.exists():
        assert all(process.poll() is None for process in both)
        time.sleep(0.05)
    both[dead].kill()
    output, errors = both[1 - dead].communicate(timeout=60)
    both[dead].communicate()
    assert (both[1 - dead].returncode, output) == (1, "")
    found = re.fullmatch(
        r"error: charlm: the processes lost contact with each other in step \d+(.*)\n", errors
    )
    assert found, errors
    assert found[1] == f"; {path} is of step 1"
    assert len(lab("charlm", "--impl", "torch", "--load", path, "--steps", 3)["runs"][0]["losses"]) == 3


def test_refusals() -> None:
    assert refused("lab", "charlm", "--distributed") == (
        "--distributed: expected --impl torch, got numpy, torch, reference"
    )
    assert refused("lab", "charlm", "--distributed", "--impl", "torch") == (
        "distributed: expected a process that torchrun started, got no RANK in its environment"
    )
