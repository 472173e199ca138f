"""How one direction of one layer is run over all steps: with the cell file, or with the fused cell file.

    steps    layer.py calls the cell file's `step` and `step_backward` once per step
    fused    the fused cell file computes the same, arranged for speed

Each is an Engine (protocols.py) whose cell and options are filled in.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from numpy import ndarray

from scratch_rnn.numpy_bptt import layer
from scratch_rnn.numpy_bptt.base import AnyCell
from scratch_rnn.numpy_bptt.protocols import Engine

AnyEngine = Engine[Any, Any, Any]


class Bound(NamedTuple):
    """An Engine whose cell and options are filled in."""

    forward: Callable[..., tuple[ndarray, Any, Any]]
    backward: Callable[..., tuple[ndarray, Any, Any]]


def _steps(cell: AnyCell, fused: AnyEngine, **options: str) -> AnyEngine:
    forward = partial(layer.forward, partial(cell.step, **options))
    return Bound(forward, partial(layer.backward, cell.step_backward))


def _fused(cell: AnyCell, fused: AnyEngine, **options: str) -> AnyEngine:
    return Bound(partial(fused.forward, **options), fused.backward)


ENGINES = {"steps": _steps, "fused": _fused}
"""(cell file, fused cell file, options of the step) -> engine, by name."""
