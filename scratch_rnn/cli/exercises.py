"""`python -m scratch_rnn exercise NAME` writes a file to complete, `grade FILE` says what is right in it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from scratch_rnn.checks import fail
from scratch_rnn.cli.errors import one_line_errors
from scratch_rnn.exercises.blanks import exercise_text
from scratch_rnn.exercises.catalogue import EXERCISES
from scratch_rnn.exercises.grade import grade as grade_file
from scratch_rnn.outputs import check_writable, replacing

Name: Any = StrEnum("Name", [(name, name) for name in EXERCISES])  # type: ignore[misc]


def exercise(
    name: Annotated[Name, typer.Argument(help="the file to write")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="a new file; default: print it")] = None,
) -> None:
    """Write a NumPy file without the bodies of some functions: yours to complete, then `grade`."""
    with one_line_errors():
        text = exercise_text(EXERCISES[name])
        if out is None:
            typer.echo(text, nl=False)
            return
        if out.exists():
            fail(
                "--out",
                "a file that does not exist yet",
                f"{out}; delete it or choose another name with --out",
            )
        check_writable("--out", out)
        with replacing(out) as beside:
            beside.write_text(text, encoding="utf-8")


def grade(file: Annotated[Path, typer.Argument(metavar="FILE", help="a completed exercise")]) -> None:
    """Say which gradients of a completed exercise are right, and which equation is the first wrong one.

    Exit status: 0 if all is right, 1 if something is wrong or not written yet, 2 if the file is no exercise.
    """
    with one_line_errors():
        lines, right = grade_file(file)
        typer.echo("\n".join(lines))
    raise typer.Exit(0 if right else 1)
