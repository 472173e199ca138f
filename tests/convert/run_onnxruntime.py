"""onnxruntime in float32: weights that onnx.from_torch wrote, in a file or node by node with lengths."""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from numpy import ndarray

from scratch_rnn.convert import onnx
from scratch_rnn.parameters import Sizes, stack_shapes
from scratch_rnn.weight_files import onnx_file
from tests.convert.cases import HIDDEN, INPUTS, Case, Record, draw, flat, real
from tests.convert.run_onnx import model, run_nodes


def run(case: Case, rng: np.random.Generator) -> Record:
    sizes = Sizes(case.kind, INPUTS, HIDDEN, case.layers, case.bias, case.directions == 2)
    numbers = draw(case, rng)
    named = {name: 0.5 * rng.normal(size=shape) for name, shape in stack_shapes(sizes).items()}
    numbers = {name: array.astype(np.float32) for name, array in (numbers | flat("named", named)).items()}
    named = {name: numbers[f"named/{name}"] for name in named}
    nodes = onnx.from_torch(case.kind, named, **dict(case.options))
    written = [
        {name: array for name, array in zip("WRB", node[:3], strict=True) if array is not None}
        for node in nodes
    ]
    numbers |= flat("arrays", written)
    if case.lengths is None:
        return numbers | run_file(case, nodes, numbers)
    session = onnxruntime.InferenceSession(model(case).SerializeToString())
    lengths = np.array(case.lengths, np.int32)

    def call(feed: Record) -> list[ndarray]:
        return session.run(None, feed | {"sequence_lens": lengths})

    results = run_nodes(case, call, numbers)
    assert not (results["output"] * (1 - real(case))).any(), "onnxruntime's padding is zeros"
    return numbers | results


def run_file(case: Case, nodes: list[onnx.Node], numbers: Record) -> Record:
    """The file that onnx_file writes: the nodes and everything between them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.onnx"
        path.write_bytes(onnx_file.to_bytes(case.kind, nodes))
        assert str(onnx_file.read(path)) == str((case.kind, nodes))
        session = onnxruntime.InferenceSession(str(path))
    feed = {name: numbers[name] for name in ("x", *(f"{letter}_0" for letter in case.letters))}
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feed), strict=True))
