"""The cases that are run in each framework, their numbers, and the files in which they are recorded.

A record is a flat dict of arrays: "arrays/…" the framework's weights, "d_arrays/…" their gradients, and by
torch's names and layout (T, N, ·), zeros at padding: x, h_0, c_0, d_output, d_h_n, d_c_n and what comes of
them: output, h_n, c_n, d_x, d_h_0, d_c_0.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

RECORDED = Path(__file__).parent / "recorded"

STEPS, ROWS, INPUTS, HIDDEN = 5, 4, 2, 3
LENGTHS = (3, 5, 1, 4)

Record = dict[str, ndarray]


class Case(NamedTuple):
    """One stack in one framework; `options` are the converter's keywords."""

    framework: str
    kind: str
    variant: str
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        words = [f"{key}={value}" for key, value in self.options]
        return " ".join([self.kind, self.variant, *words])

    @property
    def layers(self) -> int:
        return 2 if self.variant in ("stacked", "unbiased", "both") else 1

    @property
    def directions(self) -> int:
        return 2 if self.variant in ("stacked", "bidirectional", "both") else 1

    @property
    def bias(self) -> bool:
        return self.variant != "unbiased"

    @property
    def lengths(self) -> tuple[int, ...] | None:
        return LENGTHS if self.variant in ("lengths", "bidirectional", "stacked") else None

    @property
    def letters(self) -> str:
        return "hc" if self.kind == "lstm" else "h"


VARIANTS = ("plain", "lengths", "bidirectional", "stacked", "unbiased")
"""one layer; with lengths; and two directions; and two layers. Two layers without bias and lengths."""

KINDS = ("rnn", "lstm", "gru")


def _cases(framework: str, kinds: tuple[str, ...], variants: tuple[str, ...], **options: Any) -> list[Case]:
    given = tuple(options.items())
    return [Case(framework, kind, variant, given) for kind in kinds for variant in variants]


EVALUATED = ("plain", "both", "unbiased")
"""What ONNX's evaluator can run: it ignores lengths."""

CASES = [
    *_cases("keras", ("rnn", "lstm"), VARIANTS),
    *_cases("keras", ("gru",), VARIANTS, reset_after=True),
    *_cases("keras", ("gru",), VARIANTS, reset_after=False),
    *_cases("onnx", ("rnn", "lstm"), EVALUATED),
    *_cases("onnx", ("gru",), EVALUATED, linear_before_reset=1),
    *_cases("onnx", ("gru",), EVALUATED, linear_before_reset=0),
    *_cases("equinox", ("lstm", "gru"), VARIANTS),
    *_cases("flax", KINDS, VARIANTS[:4], flavour="nnx"),
    *_cases("flax", ("lstm",), VARIANTS[:4], flavour="nnx_named"),
    *_cases("flax", KINDS, VARIANTS[:4], flavour="linen"),
    *_cases("onnxruntime", ("rnn", "lstm"), ("stacked", "both", "unbiased")),
    *_cases("onnxruntime", ("rnn",), ("stacked", "both"), nonlinearity="relu"),
    *_cases("onnxruntime", ("gru",), ("stacked", "both", "unbiased"), linear_before_reset=1),
    *_cases("onnxruntime", ("gru",), ("stacked", "both", "unbiased"), linear_before_reset=0),
]
FRAMEWORKS = tuple(dict.fromkeys(case.framework for case in CASES))


def real(case: Case) -> ndarray:
    """(T, N, 1): 1 where a row has a step, 0 at padding."""
    lengths = np.array(case.lengths or (STEPS,) * ROWS)
    return (np.arange(STEPS)[:, None] < lengths)[:, :, None].astype(np.float64)


def draw(case: Case, rng: np.random.Generator) -> Record:
    """Inputs, first states and cotangents; padding is 0."""
    states, width = case.layers * case.directions, case.directions * HIDDEN
    numbers = {"x": rng.normal(size=(STEPS, ROWS, INPUTS)) * real(case)}
    numbers["d_output"] = rng.normal(size=(STEPS, ROWS, width)) * real(case)
    for letter in case.letters:
        numbers[f"{letter}_0"] = rng.normal(size=(states, ROWS, HIDDEN))
        numbers[f"d_{letter}_n"] = rng.normal(size=(states, ROWS, HIDDEN))
    return numbers


def flat(prefix: str, value: Any) -> Record:
    """Arrays in nested dicts and lists, by path: "prefix/key/key"."""
    if isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        return {path: array for key, part in items for path, array in flat(f"{prefix}/{key}", part).items()}
    return {prefix: np.asarray(value)}


def part(record: Mapping[str, ndarray], prefix: str) -> Record:
    """The arrays below `prefix`."""
    return {key.removeprefix(f"{prefix}/"): a for key, a in record.items() if key.startswith(f"{prefix}/")}


def read(framework: str) -> dict[str, Record]:
    """The records of a framework, by the name of the case."""
    records: dict[str, Record] = {}
    with np.load(RECORDED / f"{framework}.npz", allow_pickle=False) as file:
        for name, arrays in json.loads(str(file["index"])).items():
            pieces = np.split(
                file[name], np.cumsum([np.prod(shape, dtype=int) for _, _, shape in arrays])[:-1]
            )
            records[name] = {
                path: piece.reshape(shape).astype(dtype)
                for piece, (path, dtype, shape) in zip(pieces, arrays, strict=True)
            }
    return records


def write(framework: str, records: Mapping[str, Record]) -> None:
    """The file of a framework: for each case all numbers in one array, and an index of names and shapes."""
    index = {n: [(path, a.dtype.str, a.shape) for path, a in record.items()] for n, record in records.items()}
    content = {n: np.concatenate([a.ravel() for a in record.values()]) for n, record in records.items()}
    content["index"] = np.array(json.dumps(index))
    np.savez_compressed(RECORDED / f"{framework}.npz", allow_pickle=False, **content)


def error(got: ndarray, oracle: ndarray) -> float:
    """The largest difference, relative to max(1, the largest entry of the oracle)."""
    assert got.shape == oracle.shape, (got.shape, oracle.shape)
    return float(np.abs(got - oracle).max(initial=0) / max(1.0, np.abs(oracle).max(initial=0)))
