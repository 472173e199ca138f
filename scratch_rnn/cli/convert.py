"""`python -m scratch_rnn convert`: a file of weights from one framework's layout to another's."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scratch_rnn.checks import UsageError, message
from scratch_rnn.cli.errors import one_line_errors
from scratch_rnn.outputs import check_writable, same_file
from scratch_rnn.weight_files import convert_file

DEFAULTS = {"num_layers": 1, "bias": True, "bidirectional": False, "proj_size": 0}
"""Of a layer; what differs from these is printed."""


class Format(StrEnum):
    """The keys of FORMATS."""

    TORCH = "torch"
    KERAS = "keras"
    ONNX = "onnx"
    EQUINOX = "equinox"
    FLAX_NNX = "flax-nnx"
    FLAX_NNX_NAMED = "flax-nnx-named"
    FLAX_LINEN = "flax-linen"


class Nonlinearity(StrEnum):
    """Of an Elman RNN."""

    TANH = "tanh"
    RELU = "relu"


def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".npz, .onnx or .weights.h5")],
    source: Annotated[Format, typer.Option("--from", help="the framework that wrote FILE")],
    target: Annotated[Format, typer.Option("--to", help="the framework that will read it")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="the file to write")],
    reset_after: Annotated[
        bool | None, typer.Option(help="of a GRU: whether the reset gate comes after the product")
    ] = None,
    nonlinearity: Annotated[Nonlinearity | None, typer.Option(help="of an RNN from or to ONNX")] = None,
) -> None:
    """Convert recurrent weights between torch, Keras, ONNX, equinox and flax."""
    with one_line_errors():
        if same_file(file, out):
            raise UsageError(message("--out", "another file than FILE", out))
        check_writable("--out", out)
        activation = None if nonlinearity is None else str(nonlinearity)
        try:
            sizes = convert_file(
                file, str(source), str(target), out, reset_after=reset_after, nonlinearity=activation
            )
        except ValueError as error:
            raise UsageError(str(error)) from None
        values = sizes._asdict()
        more = "".join(
            f", {name}={values[name]}" for name, usual in DEFAULTS.items() if values[name] != usual
        )
        typer.echo(f"Wrote {out}: {sizes.kind.upper()}({sizes.input_size}, {sizes.hidden_size}{more})")
