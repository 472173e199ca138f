"""`python -m scratch_rnn trace LAB`: train a lab in NumPy, and show what its recurrent layer computes.

The traced passes are the training steps themselves: "after 15 updates" is the forward and backward pass from
which update 16 is made. It works for labs that train one RNN, LSTM or GRU (of any number of layers); the
gradients are those of the lab's own loss. `--engine` applies to the steps in between: the traced ones always
run the cell files.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich import box
from rich.table import Table
from rich.text import Text

from scratch_rnn.checks import fail
from scratch_rnn.cli.arguments import check_outputs, command
from scratch_rnn.cli.errors import one_line_errors
from scratch_rnn.cli.terminal import print_table, progress
from scratch_rnn.fonts import sentence, without_font
from scratch_rnn.labs import LABS, Failure, Settings, Training
from scratch_rnn.labs.harness.implementations import first_weights, load, trainer
from scratch_rnn.labs.harness.lab import Lab, TrainingLab
from scratch_rnn.labs.harness.options import make_settings
from scratch_rnn.labs.harness.protocols import Trainer
from scratch_rnn.labs.harness.size import check_memory
from scratch_rnn.numpy_bptt.models.sequence import SequenceModel
from scratch_rnn.numpy_bptt.rnn_base import RNNBase
from scratch_rnn.outputs import replacing
from scratch_rnn.trace import Trace, picture, recording

UNKNOWN = "□"
"""The label of an input character that the lab's alphabet does not have."""


@dataclass(frozen=True)
class Options:
    """What `trace LAB` takes besides the lab's own options."""

    updates: Annotated[str, typer.Option(metavar="0,15,100", help="trace after so many updates")] = "15"
    layer: Annotated[int, typer.Option(help="layer to show, from 0 on")] = 0
    sequence: Annotated[int, typer.Option(help="sequence of the batch to show, from 0 on")] = 0
    unit: Annotated[int, typer.Option(help="unit to print, from 0 on")] = 0
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="write all values of the sequence")] = None
    npz: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="write all values of the batch, of every layer")
    ] = None
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="draw heat maps")] = None
    quiet: Annotated[bool, typer.Option("--quiet", help="no table, no progress bar")] = False


class Traced(NamedTuple):
    """One training step, recorded."""

    updates: int
    loss: float
    trace: Trace
    inputs: Sequence[str] | None


trace_app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Show the gates, states and gradients of a lab."
)


def trace_command(name: str, given: Mapping[str, object], options: Options) -> None:
    """Train one lab in NumPy, record it, and write what is asked for."""
    with one_line_errors():
        lab = LABS[name](make_settings(name, LABS[name].options, given))
        check_memory(lab)
        updates = _numbers(options.updates)
        work = trainer(lab, load("numpy", lab.settings.engine), first_weights(lab))
        lab, model = _checked(lab, work.model, options)
        check_outputs(lab, options)
        traced = _train(lab, work, model.rnn, updates, options)
        unit = " nats" if model.loss_name == "cross_entropy" else ""
        for each in traced:
            if not _finite(each.trace, options):
                note = f"NaN or infinity after {each.updates} updates; try a smaller --lr"
                raise Failure(f"{lab.name}: the recorded values have {note}")
        titles = [f"{_title(lab, each)}{unit}" for each in traced]
        blocks = [
            each.trace.block(title, each.inputs, options.sequence)
            for each, title in zip(traced, titles, strict=True)
        ]
        if options.json is not None:
            _write_json(options.json, lab, traced, options)
        if options.npz is not None:
            arrays = [(f"{t.updates}/{key}", a) for t in traced for key, a in t.trace.arrays().items()]
            with replacing(options.npz) as beside, beside.open("wb") as file:
                np.savez(file, allow_pickle=False, **dict(arrays))
        if options.plot is not None:
            drawn = picture.draw(blocks, options.plot.suffix)
            missing = sentence(without_font("".join(label for block in blocks for label in block.labels)))
            if missing is not None:
                typer.echo(f"warning: {missing}", err=True)
            with replacing(options.plot) as beside:
                beside.write_bytes(drawn)
        if not options.quiet:
            _print(blocks, options)


def _numbers(text: str) -> list[int]:
    """Numbers separated by commas, in ascending order; UsageError for anything else."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        fail("--updates", "whole numbers from 0 on, separated by commas", repr(text))
    return sorted({int(part) for part in parts})


def _checked(
    lab: Lab[Settings], model: object, options: Options
) -> tuple[TrainingLab[Training], SequenceModel]:
    """The lab and its model; UsageError if it trains no single recurrent layer, or has no such number."""
    if not isinstance(lab, TrainingLab) or not isinstance(model, SequenceModel):
        fail("trace", "a lab that trains one recurrent layer", f"{lab.name}, which does not")
    first: Any = lab.batch(0)
    for what, count in (
        ("layer", model.rnn.sizes.num_layers),
        ("sequence", len(first[0])),
        ("unit", model.rnn.sizes.hidden_size),
    ):
        if not 0 <= getattr(options, what) < count:
            fail(f"--{what}", f"a number from 0 to {count - 1}", getattr(options, what))
    return lab, model


def _train(
    lab: TrainingLab[Training], work: Trainer, layer: RNNBase, updates: Sequence[int], options: Options
) -> list[Traced]:
    """Train as `lab NAME --impl numpy` does, and record the steps that follow so many updates."""
    traced = []
    with (
        progress(lab.name, ["numpy"], updates[-1] + 1, options.quiet) as (tick, _),
        np.errstate(all="ignore"),
    ):
        for step in range(updates[-1] + 1):
            batch, reset_state = lab.batch(step), lab.reset_state(step)
            if step in updates:
                with recording(layer) as trace:
                    loss = work.step(*batch, reset_state=reset_state)
                inputs = _labels(lab, batch[0], options.sequence)
                traced.append(Traced(step, loss, trace.at(options.layer), inputs))
            else:
                loss = work.step(*batch, reset_state=reset_state)
            if not math.isfinite(loss):
                raise Failure(f"{lab.name}: the loss is {loss} at step {step}; try a smaller --lr")
            if tick("numpy", step + 1):
                raise Failure(f"{lab.name}: interrupted after step {step + 1} of {updates[-1] + 1}")
    return traced


def _finite(trace: Trace, options: Options) -> bool:
    """Whether what is written is finite: the sequence, and for --npz the batch, where NaN is padding."""
    if not all(np.isfinite(array).all() for array in trace.sequence(options.sequence).values()):
        return False
    return options.npz is None or not any(np.isinf(array).any() for array in trace.arrays().values())


def _labels(lab: Any, x: Any, sequence: int) -> list[str] | None:
    """What a sequence of a batch reads at each step; None where that is numbers, not tokens."""
    if hasattr(lab, "alphabet"):
        tokens = lab.alphabet.symbols
    elif hasattr(lab, "vocabulary"):
        tokens = lab.vocabulary.tokens
    else:
        return None
    row = np.asarray(x[sequence])
    indices = row if row.ndim == 1 else row.argmax(axis=1)  # one-hot
    return [tokens[i] if i < len(tokens) else UNKNOWN for i in indices.tolist()]


def _title(lab: TrainingLab[Training], traced: Traced) -> str:
    updates = "1 update" if traced.updates == 1 else f"{traced.updates} updates"
    return f"{lab.name}, {lab.settings.cell}, after {updates}: loss {traced.loss:.4g}"


def _write_json(path: Path, lab: TrainingLab[Training], traced: Sequence[Traced], options: Options) -> None:
    """Every name of one sequence: a list of steps, each a list of units."""
    about: dict[str, Any] = {"lab": lab.name, "settings": asdict(lab.settings)}
    about |= {"layer": options.layer, "sequence": options.sequence}
    traces = [
        {
            "updates": each.updates,
            "loss": each.loss,
            "inputs": each.inputs,
            "values": {name: a.tolist() for name, a in each.trace.sequence(options.sequence).items()},
        }
        for each in traced
    ]
    with replacing(path) as beside:
        beside.write_text(json.dumps(about | {"traces": traces}, ensure_ascii=False) + "\n", encoding="utf-8")


def _print(blocks: Sequence[picture.Block], options: Options) -> None:
    """Two tables for each trace: the values of one unit, and their gradients."""
    where = f"layer {options.layer}, sequence {options.sequence}, unit {options.unit}"
    for block in blocks:
        typer.echo(f"{block.title}; {where}")
        values, gradients = zip(*block.rows, strict=True)
        for panels, form in ((values, ".3f"), (gradients, ".1e")):
            view = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
            for heading in ("t", "input", *(panel.name for panel in panels)):
                view.add_column(heading, justify="right", no_wrap=True)
            for t, label in enumerate(block.labels):
                numbers = [format(panel.values[t, options.unit], form) for panel in panels]
                view.add_row(str(t), Text(picture.VISIBLE.get(label, label)), *numbers)
            print_table(view)


for _name, _kind in LABS.items():
    left_out = {"steps", "epochs", *_kind.requests}
    trace_app.command(_name, help=_kind.__doc__)(command(_kind, trace_command, Options, left_out))
