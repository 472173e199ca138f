"""`python -m scratch_rnn page`: one web page that shows the cells at work. Open it in a browser."""

from pathlib import Path
from typing import Annotated

import typer

from scratch_rnn.cli.errors import one_line_errors


def page_command(
    out: Annotated[Path, typer.Option(metavar="DIR", help="the folder to write page.html to")] = Path("runs"),
) -> None:
    """Write a web page that shows every gate, state and gradient of two labs, step by step."""
    from scratch_rnn.page.build import write  # jinja2 and pygments are imported for this command only

    with one_line_errors():
        typer.echo(f"Wrote {write(out)}")
