"""Ctrl-C stops between two steps and saves a checkpoint; on a terminal there is a progress bar."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratch_rnn.cli.terminal import progress, stopping_between_steps
from scratch_rnn.labs import LABS, Interrupted
from tests.labs.running import lab, refused


@pytest.fixture(autouse=True)
def no_signal_is_ignored() -> Iterator[None]:
    """A process that a shell starts in the background ignores SIGINT, and one under nohup SIGHUP."""
    usual = {signal.SIGINT: signal.default_int_handler} | dict.fromkeys(
        (signal.SIGTERM, signal.SIGHUP), signal.SIG_DFL
    )
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_saves_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    usual = signal.getsignal(number)
    path = tmp_path / "run.npz"
    whole = lab("charseq", "--impl", "torch", "--steps", 20)["runs"][0]["losses"]
    with monkeypatch.context() as patch:
        charseq: Any = LABS["charseq"]
        batch = charseq.batch

        def interrupted(self: Any, step: int) -> Any:
            if step == 7:
                signal.raise_signal(number)
            return batch(self, step)

        patch.setattr(LABS["charseq"], "batch", interrupted)
        words = ("lab", "charseq", "--impl", "torch", "--steps", 20)
        error = refused(*words, "--save", path, status=1)
        assert error == f"charseq: interrupted after step 8 of 20; saved to {path}"
        assert refused(*words, status=1) == "charseq: interrupted after step 8 of 20"
    assert signal.getsignal(number) is usual
    assert lab("charseq", "--impl", "torch", "--load", path)["runs"][0]["losses"] == whole


def test_a_signal_that_is_ignored_stays_so() -> None:
    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping_between_steps(once=True) as asked:
            signal.raise_signal(signal.SIGHUP)
        assert not asked.is_set()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, usual)


def test_ctrl_c_on_a_terminal(tmp_path: Path) -> None:
    """A real process on a real terminal draws a bar, and stops between two steps."""
    path, (ours, theirs) = tmp_path / "run.npz", os.openpty()
    words = ["lab", "hihello", "--impl", "numpy", "--steps", "1000000", "--save", str(path)]
    environment = os.environ | {"TERM": "xterm", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "scratch_rnn", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        seen = b""
        while b"/1000000" not in seen:
            seen += os.read(ours, 1000)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        while b"error:" not in seen or not seen.endswith(b"\n"):
            seen += os.read(ours, 1000)
        os.close(ours)
    assert (process.returncode, out) == (1, b"")
    assert b"hihello numpy" in seen
    assert b"error: hihello: interrupted after step " in seen
    with np.load(path) as file:
        assert len(file["losses"]) >= 1


def test_an_evaluation_stops_between_two_parts() -> None:
    with progress("lab", ["numpy"], 3, quiet=True) as (tick, track):
        parts = iter(track("evaluation", range(3)))
        assert next(parts) == 0
        assert not tick("numpy", 1)
        signal.raise_signal(signal.SIGINT)
        assert tick("numpy", 2)
        with pytest.raises(Interrupted):
            next(parts)


@pytest.mark.parametrize("once", [True, False])
def test_a_second_signal(once: bool) -> None:
    """Under torchrun one Ctrl-C arrives twice: it does not end the process."""
    with stopping_between_steps(once) as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked.is_set()
        if once:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        else:
            signal.raise_signal(signal.SIGINT)
