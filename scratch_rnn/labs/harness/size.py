"""The memory that a lab's model would need, computed before the model is made.

`COUNTING` looks like an implementation: a lab makes its "model" as on any other, and gets the number of its
parameters. It counts weights, gradients and Adam's two moments, not the activations of a batch.
"""

import math
import os
from typing import cast

import numpy as np

from scratch_rnn.checks import UsageError, message
from scratch_rnn.labs.harness.implementations import Implementation
from scratch_rnn.labs.harness.lab import Lab, Settings
from scratch_rnn.labs.harness.protocols import Model, Trainer
from scratch_rnn.parameters import Sizes, stack_shapes

ARRAYS = 4
"""Arrays per parameter: weight, gradient and two moments."""
UNKNOWN_MEMORY = 2**40
"""Bytes; the limit where the operating system does not say how much memory there is."""
MANY_LAYERS, MANY_BYTES = 1000, 2**30
"""A model of so many layers or bytes is announced: a step of it may take minutes."""


def announcement(lab: Lab[Settings]) -> list[str]:
    """The size of the lab's model, as a warning, if it fits into the memory and a step takes a long time."""
    layers, parameters, needed = lab.settings.layers, count_parameters(lab), needed_memory(lab)
    if (layers < MANY_LAYERS and needed < MANY_BYTES) or needed > machine_memory():
        return []
    return [
        f"{lab.name}: the model has {parameters:,} parameters in {layers:,} layers and needs "
        f"{needed:,} bytes to train: a step takes a long time"
    ]


def check_memory(lab: Lab[Settings]) -> None:
    """UsageError if the lab's model cannot fit into the memory of this machine."""
    parameters, needed, available = count_parameters(lab), needed_memory(lab), machine_memory()
    if needed > available:
        expected = f"a model that fits into {available:,} bytes of memory"
        got = f"one of {parameters:,} parameters, which needs {needed:,} bytes to train"
        raise UsageError(message(lab.name, expected, got))


def needed_memory(lab: Lab[Settings]) -> int:
    """Bytes of a lab's model while it is trained."""
    return ARRAYS * count_parameters(lab) * np.dtype(lab.settings.dtype).itemsize


def count_parameters(lab: Lab[Settings]) -> int:
    """The number of parameters of a lab's model."""
    return cast(int, lab.model(COUNTING, np.dtype(lab.settings.dtype)))


def machine_memory() -> int:
    """Bytes of physical memory."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not POSIX
        return UNKNOWN_MEMORY


def _layers(cell: str, input_size: int, hidden: int, layers: int) -> int:
    """The first layer, and all others, which have equal sizes."""
    one, two = (
        sum(map(math.prod, stack_shapes(Sizes(cell, input_size, hidden, count)).values())) for count in (1, 2)
    )
    return one + (layers - 1) * (two - one)


def _sequence(
    cell: str,
    input_size: int,
    hidden: int,
    layers: int,
    *,
    embed: int | None = None,
    outputs: int | None = None,
    **options: object,
) -> int:
    return (
        _layers(cell, input_size, hidden, layers) + (embed or 0) * input_size + (outputs or 0) * (hidden + 1)
    )


def _caption(
    cell: str, pixels: int, characters: int, embedding: int, hidden: int, layers: int, **options: object
) -> int:
    states = (2 if cell == "lstm" else 1) * layers * hidden
    decoder = _sequence(cell, embedding, hidden, layers, embed=characters, outputs=characters)
    return states * (pixels + 1) + decoder


def _seq2seq(
    cell: str, source: int, target: int, embedding: int, hidden: int, layers: int, **options: object
) -> int:
    encoder = _sequence(cell, embedding, hidden, layers, embed=source)
    return encoder + _sequence(cell, embedding, hidden, layers, embed=target, outputs=target)


def _no_trainer(*arguments: object, **options: object) -> Trainer:
    raise NotImplementedError("a count cannot be trained")


COUNTING = Implementation(
    "counting",
    cast("type[Model]", _sequence),
    cast("type[Model]", _caption),
    cast("type[Model]", _seq2seq),
    _no_trainer,
)
