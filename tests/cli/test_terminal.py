"""Ctrl-C stops between two steps and saves a checkpoint; on a terminal there is a progress bar."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scratch_rnn.labs import LABS
from scratch_rnn.labs.harness.checkpoint import read_checkpoint
from tests.labs.running import lab, refused


@pytest.fixture(autouse=True)
def sigint_is_not_ignored() -> Iterator[None]:
    """A process that a shell starts in the background ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_saves_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.npz"
    whole = lab("charseq", "--impl", "torch", "--steps", 20)["runs"][0]["losses"]
    with monkeypatch.context() as patch:
        charseq: Any = LABS["charseq"]
        batch = charseq.batch

        def interrupted(self: Any, step: int) -> Any:
            if step == 7:
                signal.raise_signal(signal.SIGINT)
            return batch(self, step)

        patch.setattr(LABS["charseq"], "batch", interrupted)
        words = ("lab", "charseq", "--impl", "torch", "--steps", 20)
        error = refused(*words, "--save", path, status=1)
        assert error == f"charseq: interrupted after step 8 of 20; saved to {path}"
        assert refused(*words, status=1) == "charseq: interrupted after step 8 of 20"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert lab("charseq", "--impl", "torch", "--load", path)["runs"][0]["losses"] == whole


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
    assert len(read_checkpoint(path, "hihello", "numpy").arrays["losses"]) >= 1
