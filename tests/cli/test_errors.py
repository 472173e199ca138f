"""Errors as one line, with the exit status of their kind."""

import io
import sys

import pytest
import typer

from scratch_rnn import __main__ as program
from scratch_rnn.checks import Failure, UsageError
from scratch_rnn.cli import app
from scratch_rnn.cli.errors import one_line_errors


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UsageError("--lr: expected more"), 2, "error: --lr: expected more"),
        (Failure("charseq: no end"), 1, "error: charseq: no end"),
        (MemoryError(), 1, "error: not enough memory: an allocation failed"),
        (MemoryError("of 3 TiB"), 1, "error: not enough memory: of 3 TiB"),
        (OSError("two\nlines"), 1, "error: two lines"),
    ],
)
def test_an_error_is_one_line(
    error: Exception, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as caught, one_line_errors():
        raise error
    assert caught.value.exit_code == status
    assert capsys.readouterr().err == line + "\n"


def test_a_closed_pipe_is_left_to_the_caller() -> None:
    with pytest.raises(BrokenPipeError), one_line_errors():
        raise BrokenPipeError


def test_the_program_leaves_streams_alone_that_encode_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor may put an object of its own in the place of standard output."""
    called: list[str] = []
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(app, "app", lambda prog_name: called.append(prog_name))
    program.main()
    assert called == ["python -m scratch_rnn"]
