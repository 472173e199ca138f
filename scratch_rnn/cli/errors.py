"""Errors of one line on a command line. Imports no lab: benchmarks/cli.py uses it too."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from scratch_rnn.checks import Failure, Lost, UsageError


@contextmanager
def one_line_errors(report_errors: bool = True) -> Iterator[None]:
    """Print a usage error, a failed run or a file error as one line, and exit with its status."""
    try:
        yield
    except UsageError as error:
        status, text = 2, str(error)
    except Failure as error:
        status, text = 1, str(error)
        report_errors = report_errors or isinstance(error, Lost)  # the first process may be the lost one
    except MemoryError as error:
        status, text = 1, f"not enough memory: {str(error) or 'an allocation failed'}"
    except BrokenPipeError:
        raise
    except OSError as error:
        status, text = 1, str(error)
    else:
        return
    if report_errors:
        typer.echo(f"error: {' '.join(text.splitlines())}", err=True)
    raise typer.Exit(status)
