"""Run every case in its framework, and write the records or compare them with those that are here.

python -m tests.convert.record            writes tests/convert/recorded/
python -m tests.convert.record --check    exit status 1 where a framework now computes something else

Runs in the environment of `make peers`: peers-constraints.txt has the versions.
"""

import importlib
import sys
import tempfile
import zlib
from itertools import chain
from pathlib import Path

import numpy as np
from numpy import ndarray

from scratch_rnn.convert.files import convert_file
from tests.convert import run_keras, run_onnx
from tests.convert.cases import CASES, FRAMEWORKS, RECORDED, Case, Record, error, flat, read, write

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
    with tempfile.TemporaryDirectory() as folder:
        weights = run_keras.save_model(f"{folder}/keras.weights.h5", *MODELS[0])
    made["keras_file"] = {"arrays": flat("arrays", weights)}
    return made | {"onnx_node_tests": run_onnx.node_tests()}


def differences(framework: str, new: dict[str, Record]) -> list[str]:
    """What is not as it was recorded."""
    old, bound = read(framework), BOUNDS.get(framework, 1e-12)
    if {n: list(r) for n, r in old.items()} != {n: list(r) for n, r in new.items()}:
        return [f"{framework}: other cases or other arrays"]
    wrong = []
    for name, record in new.items():
        for key, array in record.items():
            was = old[name][key]
            if array.dtype != was.dtype or array.shape != was.shape or error(array, was) > bound:
                wrong.append(f"{framework}: {name}: {key}")
    return wrong


def keras_files() -> list[str]:
    """Where a file that Keras writes, or one that Keras reads, is not read or written by convert_file."""
    wrong = []
    for kind, bidirectional in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            theirs, ours = Path(folder) / "theirs.weights.h5", Path(folder) / "ours.weights.h5"
            weights = run_keras.save_model(str(theirs), kind, bidirectional)
            convert_file(theirs, "keras", "torch", Path(folder) / "torch.npz")
            convert_file(Path(folder) / "torch.npz", "torch", "keras", ours)
            if not equal(weights, run_keras.load_model(str(ours), kind, bidirectional)):
                wrong.append(f"keras: a .weights.h5 file of {kind}, bidirectional={bidirectional}")
    return wrong


def equal(some: list[list[ndarray]], others: list[list[ndarray]]) -> bool:
    pairs = zip(chain(*some), chain(*others), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def main() -> None:
    made = records()
    if "--check" not in sys.argv:
        for framework, of_framework in made.items():
            write(framework, of_framework)
        run_keras.save_model(str(RECORDED / "keras.weights.h5"), *MODELS[0])
        return
    wrong = [line for name, new in made.items() for line in differences(name, new)] + keras_files()
    print("\n".join(wrong) or "every framework computes what was recorded")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
