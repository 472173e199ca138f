"""Run every case in its framework, and write the records or compare them with those that are here.

python -m tests.convert.record            writes tests/convert/recorded/
python -m tests.convert.record --check    exit status 1 where a framework now computes something else

Runs in the environment of `make peers`; peers.txt has the versions.
"""

import importlib
import sys
import tempfile
import warnings
import zlib
from pathlib import Path

import numpy as np
import torch

from scratch_rnn.weight_files import convert_file
from tests.convert import run_keras, run_onnx
from tests.convert.cases import (
    CASES,
    FRAMEWORKS,
    HIDDEN,
    INPUTS,
    KINDS,
    RECORDED,
    ROWS,
    STEPS,
    Case,
    Record,
    error,
    read,
    write,
)

BOUNDS = {"onnxruntime": 5e-6}
"""In float32; all others within 1e-12."""

MODELS = [("lstm", True), ("gru", False), ("rnn", False)]
"""(kind, bidirectional) of Keras models; the file of the first is recorded."""


def run(case: Case) -> Record:
    runner = importlib.import_module(f"tests.convert.run_{case.framework}")
    return runner.run(case, np.random.default_rng(zlib.crc32(case.name.encode())))


def records() -> dict[str, dict[str, Record]]:
    """Everything anew: framework -> case -> record."""
    made: dict[str, dict[str, Record]] = {name: {} for name in FRAMEWORKS}
    for case in CASES:
        print(case.framework, case.name, flush=True)
        made[case.framework][case.name] = run(case)
    return made | {"onnx_node_tests": run_onnx.node_tests()}


def differences(framework: str, new: dict[str, Record]) -> list[str]:
    """What is not as it was recorded."""
    old, bound = read(framework), BOUNDS.get(framework, 1e-12)
    if {n: list(r) for n, r in old.items()} != {n: list(r) for n, r in new.items()}:
        return [f"{framework}: other cases or other arrays"]
    return [
        f"{framework}: {n}: {path}" for n, record in new.items() for path in differ(record, old[n], bound)
    ]


def differ(new: Record, old: Record, bound: float) -> list[str]:
    """Names of the arrays that are not the same within `bound`."""
    kinds = {path: (array.dtype, array.shape) for path, array in old.items()}
    same = {path for path, a in new.items() if (a.dtype, a.shape) == kinds.get(path)}
    return [path for path in {**new, **old} if path not in same or error(new[path], old[path]) > bound]


def keras_files(folder: Path) -> list[str]:
    """Files of Keras that we do not read, and ours that Keras does not."""
    with np.load(RECORDED / "keras_model.npz") as file:
        recorded = dict(file)
    wrong = []
    for kind, two in MODELS:
        model = run_keras.save_model(str(folder / "theirs.weights.h5"), kind, two)
        convert_file(folder / "theirs.weights.h5", "keras", "torch", folder / "torch.npz")
        convert_file(folder / "torch.npz", "torch", "keras", folder / "ours.weights.h5")
        again = run_keras.load_model(str(folder / "ours.weights.h5"), kind, two)
        if differ(again, {path: array for path, array in model.items() if "/" in path}, 0):
            wrong.append(f"keras: a .weights.h5 file of {kind}, bidirectional={two}")
        if (kind, two) == MODELS[0]:
            wrong += [f"keras_model: {path}" for path in differ(model, recorded, 5e-6)]
    return wrong


def torch_files(folder: Path) -> list[str]:
    """Files of torch's exporter that we do not read."""
    wrong = []
    for kind in KINDS:
        layer = getattr(torch.nn, kind.upper())(INPUTS, HIDDEN, 2, bidirectional=True)
        x = torch.zeros(STEPS, ROWS, INPUTS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(layer, (x,), str(folder / "theirs.onnx"), dynamo=False)
        convert_file(folder / "theirs.onnx", "onnx", "torch", folder / "torch.npz")
        with np.load(folder / "torch.npz") as file:
            if differ(dict(file), {name: p.detach().numpy() for name, p in layer.named_parameters()}, 0):
                wrong.append(f"torch: an .onnx file of {kind}")
    return wrong


def main() -> None:
    made = records()
    if "--check" not in sys.argv:
        for framework, of_framework in made.items():
            write(framework, of_framework)
        model = run_keras.save_model(str(RECORDED / "keras.weights.h5"), *MODELS[0])
        np.savez(RECORDED / "keras_model.npz", allow_pickle=False, **model)
        return
    wrong = [line for name, new in made.items() for line in differences(name, new)]
    with tempfile.TemporaryDirectory() as folder:
        wrong += keras_files(Path(folder)) + torch_files(Path(folder))
    print("\n".join(wrong) or "every framework computes what was recorded")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
