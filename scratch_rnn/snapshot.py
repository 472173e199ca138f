"""The format of a trainer's snapshot: arrays by name, the same for every implementation.

    weights/NAME        the parameter NAME
    optimizer/step      the number of updates so far, an integer
    optimizer/m/NAME    Adam's m, and v, of the parameter NAME; SGD's momentum buffer b where it has momentum
    state/0, state/1    h, and c of an LSTM, at the end of the last step; absent where none is carried

A snapshot that NumPy wrote can be restored with torch, and one that torch wrote with NumPy. Plain Python:
numpy is imported for the type checker only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from scratch_rnn.checks import expect_equal_shape, expect_number, expect_one_of, expect_shape, message

if TYPE_CHECKING:
    from numpy import ndarray

T = TypeVar("T")


class Snapshot(NamedTuple):
    """The parts of a snapshot; `moments` are keyed by field (m, v or b) and then by parameter."""

    weights: Mapping[str, ndarray]
    step: ndarray
    moments: Mapping[str, Mapping[str, ndarray]]
    state: tuple[ndarray, ...]


def check_settings(optimizer: str, lr: float, clip: float | None, momentum: float) -> None:
    """A trainer's arguments; TypeError or ValueError where they are impossible."""
    expect_one_of("Trainer", "optimizer", optimizer, ["adam", "sgd"])
    expect_number("Trainer", "lr", lr, 0, math.inf)
    expect_number("Trainer", "momentum", momentum, 0, math.inf)
    if clip is not None:
        expect_number("Trainer", "clip", clip, 0, math.inf)
    if optimizer == "adam" and momentum:
        raise ValueError(message("Trainer", "no momentum with adam", momentum))


def fields_of(optimizer: str, momentum: float) -> tuple[str, ...]:
    """What an optimiser saves of each parameter."""
    if optimizer == "adam":
        return "m", "v"
    return ("b",) if momentum else ()


def to_arrays(snapshot: Snapshot) -> dict[str, ndarray]:
    """One flat dictionary, in the format above."""
    arrays = {f"weights/{name}": array for name, array in snapshot.weights.items()}
    for field, moments in snapshot.moments.items():
        arrays |= {f"optimizer/{field}/{name}": array for name, array in moments.items()}
    arrays |= {f"state/{n}": array for n, array in enumerate(snapshot.state)}
    return arrays | {"optimizer/step": snapshot.step}


def from_arrays(
    arrays: Mapping[str, ndarray],
    weights: Mapping[str, ndarray],
    fields: Sequence[str],
    carried_sizes: Sequence[tuple[int, int]],
) -> Snapshot:
    """Copies of the parts of a snapshot, checked against a model and its optimiser.

    `weights` are the model's own; `carried_sizes` is (L, H) of each array of its state. Arrays whose names
    have none of the three prefixes are not read. ValueError where a name is missing or unknown, a shape or
    dtype differs, a number is not finite, or Adam's v is negative.
    """
    names = [*(f"weights/{name}" for name in weights), "optimizer/step"]
    names += [f"optimizer/{field}/{name}" for field in fields for name in weights]
    states = [f"state/{n}" for n in range(len(carried_sizes))]
    found = {name for name in arrays if name.split("/")[0] in ("weights", "optimizer", "state")}
    _check_names({*names, *states} if found & {*states} else {*names}, found)
    _check_step(arrays["optimizer/step"])
    for name, own in weights.items():
        for key in (f"weights/{name}", *(f"optimizer/{field}/{name}" for field in fields)):
            expect_equal_shape("Trainer", key, own.shape, arrays[key].shape)
            _check_numbers(key, arrays[key], own)
        if "v" in fields and (arrays[f"optimizer/v/{name}"] < 0).any():
            expected = f"optimizer/v/{name} to be at least 0"
            raise ValueError(message("Trainer", expected, "a negative mean of squares"))
    parts = [arrays[key].copy() for key in states if key in found]
    for n, (part, (layers, hidden)) in enumerate(zip(parts, carried_sizes, strict=False)):
        rows = None if n == 0 else parts[0].shape[1]
        expect_shape("Trainer", f"state/{n}", part.shape, L=layers, N=rows, H=hidden)
        _check_numbers(f"state/{n}", part, next(iter(weights.values())))
    return Snapshot(
        {name: arrays[f"weights/{name}"].copy() for name in weights},
        arrays["optimizer/step"].copy(),
        {field: {name: arrays[f"optimizer/{field}/{name}"].copy() for name in weights} for field in fields},
        tuple(parts),
    )


def parts_of(state: T | tuple[T, ...] | None) -> tuple[T, ...]:
    """The arrays of a state: h, or h and c; none for None."""
    if state is None:
        return ()
    return state if isinstance(state, tuple) else (state,)


def as_state(parts: Iterable[T]) -> T | tuple[T, ...] | None:
    """The inverse of `parts_of`."""
    whole = tuple(parts)
    return whole if len(whole) > 1 else next(iter(whole), None)


def _check_names(expected: set[str], found: set[str]) -> None:
    missing, unknown = sorted(expected - found), sorted(found - expected)
    if missing or unknown:
        got = f"{len(missing)} missing {missing[:1]} and {len(unknown)} unknown {unknown[:1]}"
        raise ValueError(message("Trainer", "a snapshot with this model's names", got))


def _check_step(step: ndarray) -> None:
    if step.shape != () or step.dtype.kind not in "iu" or step < 0:
        raise ValueError(message("Trainer", "optimizer/step to be one integer of at least 0", repr(step)))


def _check_numbers(key: str, array: ndarray, own: ndarray) -> None:
    if array.dtype != own.dtype:
        raise ValueError(message("Trainer", f"{key} of dtype {own.dtype}", array.dtype))
    if not (abs(array) < math.inf).all():
        raise ValueError(message("Trainer", f"{key} to be finite", "NaN or infinity"))
