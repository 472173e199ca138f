"""Files of weights: read, converted and written; what cannot be is one line."""

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from scratch_rnn.convert import keras
from scratch_rnn.numpy_bptt import LSTM
from scratch_rnn.parameters import Sizes, stack_shapes
from scratch_rnn.weight_files import FORMATS, convert_file
from tests.convert.cases import RECORDED

MODEL = RECORDED / "keras_model.npz"

SIZES = Sizes("lstm", 2, 5, 2, True, True)
FLAX = ["flax-nnx", "flax-nnx-named", "flax-linen"]


def npz(path: Path, sizes: Sizes = SIZES) -> dict[str, ndarray]:
    """A file of torch's names; b_hh is 0, so that one bias holds all there is."""
    rng = np.random.default_rng(0)
    named = {n: rng.normal(size=shape).astype(np.float32) for n, shape in stack_shapes(sizes).items()}
    named |= {n: np.zeros_like(a) for n, a in named.items() if n.startswith("bias_hh")}
    np.savez(path, allow_pickle=False, **named)
    return named


def load(path: Path) -> dict[str, ndarray]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def expect_same(got: dict[str, ndarray], named: dict[str, ndarray]) -> None:
    assert list(got) == list(named)
    for name, array in named.items():
        assert got[name].dtype == array.dtype
        np.testing.assert_array_equal(got[name], array)


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("layout", ["keras", "equinox", *FLAX])
@pytest.mark.parametrize("two", [False, True])
def test_npz(kind: str, layout: str, two: bool, tmp_path: Path) -> None:
    if (kind, layout) in [("rnn", "equinox"), ("rnn", "flax-nnx-named"), ("gru", "flax-nnx-named")]:
        return
    sizes = SIZES._replace(kind=kind, bidirectional=two)
    named = npz(tmp_path / "a.npz", sizes)
    assert convert_file(tmp_path / "a.npz", "torch", layout, tmp_path / "b.npz") == sizes
    assert convert_file(tmp_path / "b.npz", layout, "torch", tmp_path / "c.npz") == sizes
    expect_same(load(tmp_path / "c.npz"), named)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz", "c.npz"]


@pytest.mark.parametrize("proj", [0, 1, 3, 4])
def test_a_projected_lstm_is_recognised(proj: int, tmp_path: Path) -> None:
    sizes = Sizes("lstm", 2, 5, proj_size=proj)
    named = npz(tmp_path / "a.npz", sizes)
    assert convert_file(tmp_path / "a.npz", "torch", "torch", tmp_path / "b.npz") == sizes
    expect_same(load(tmp_path / "b.npz"), named)


def test_ten_layers_of_keras_keep_their_order(tmp_path: Path) -> None:
    sizes = Sizes("gru", 3, 3, num_layers=12)
    named = npz(tmp_path / "a.npz", sizes)
    convert_file(tmp_path / "a.npz", "torch", "keras", tmp_path / "b.npz")
    arrays = load(tmp_path / "b.npz")
    np.savez(tmp_path / "b.npz", allow_pickle=False, **dict(sorted(arrays.items())))
    convert_file(tmp_path / "b.npz", "keras", "torch", tmp_path / "c.npz")
    expect_same(load(tmp_path / "c.npz"), named)


def test_a_file_that_keras_wrote(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = RECORDED / "keras.weights.h5"
    assert convert_file(path, "keras", "keras", tmp_path / "a.npz") == Sizes("lstm", 2, 3, 2, True, True)
    expect_same(load(tmp_path / "a.npz"), {n: a for n, a in load(MODEL).items() if "/" in n})


def test_a_model_of_keras_runs_here() -> None:
    model = load(MODEL)
    weights = [[model[f"{k}/{number}"] for number in range(6)] for k in (0, 1)]
    layer = LSTM(2, 3, num_layers=2, batch_first=True, bidirectional=True)
    layer.load_state_dict(keras.to_torch("lstm", weights))
    np.testing.assert_allclose(layer(model["x"])[0], model["y"], rtol=0, atol=5e-6)


def test_no_package_is_imported_before_it_is_needed() -> None:
    names = ("torch", "onnx", "onnxruntime", "h5py", "keras", "jax", "equinox", "flax")
    code = f"import sys, scratch_rnn.weight_files; print([n for n in {names} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("layers", [1, 12])
def test_weights_h5(two: bool, bias: bool, layers: int, tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    sizes = SIZES._replace(bidirectional=two, bias=bias, num_layers=layers)
    named = npz(tmp_path / "a.npz", sizes)
    convert_file(tmp_path / "a.npz", "torch", "keras", tmp_path / "b.weights.h5")
    assert convert_file(tmp_path / "b.weights.h5", "keras", "torch", tmp_path / "c.npz") == sizes
    expect_same(load(tmp_path / "c.npz"), named)


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_onnx(kind: str, two: bool, bias: bool, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    sizes = SIZES._replace(kind=kind, bidirectional=two, bias=bias)
    named = npz(tmp_path / "a.npz", sizes)
    given: dict[str, dict[str, Any]] = {"rnn": {"nonlinearity": "relu"}, "gru": {"reset_after": False}}
    options = given.get(kind, {})
    convert_file(tmp_path / "a.npz", "torch", "onnx", tmp_path / "b.onnx", **options)
    assert convert_file(tmp_path / "b.onnx", "onnx", "torch", tmp_path / "c.npz", **options) == sizes
    expect_same(load(tmp_path / "c.npz"), named)
    if options:
        with pytest.raises(ValueError, match=r"activations|linear_before_reset"):
            convert_file(tmp_path / "b.onnx", "onnx", "torch", tmp_path / "c.npz")


def test_an_onnx_file_that_cannot_be_represented(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    npz(tmp_path / "a.npz")
    convert_file(tmp_path / "a.npz", "torch", "onnx", tmp_path / "b.onnx")

    def refused(text: str, change: Any) -> None:
        model = onnx.load(tmp_path / "b.onnx")
        change(model.graph, [node for node in model.graph.node if node.op_type == "LSTM"])
        onnx.save(model, tmp_path / "c.onnx")
        with pytest.raises(ValueError, match=text):
            convert_file(tmp_path / "c.onnx", "onnx", "torch", tmp_path / "d.npz")

    def set_input(number: int, name: str) -> Any:
        return lambda graph, nodes: nodes[1].input.__setitem__(number, name)

    refused("layer_1 to read only the outputs of layer_0", set_input(0, "x"))
    refused("W, R, B and P to be constants", set_input(1, "x"))
    refused("first states 0", set_input(5, "B_0"))
    alpha = onnx.helper.make_attribute("activation_alpha", [1.0])
    refused("with \\['activation_alpha'\\]", lambda graph, nodes: nodes[0].attribute.append(alpha))
    reverse = onnx.helper.make_attribute("direction", "reverse")
    refused("direction", lambda graph, nodes: [node.attribute[0].CopyFrom(reverse) for node in nodes])
    refused("all of one kind", lambda graph, nodes: nodes[0].MergeFrom(onnx.NodeProto(op_type="GRU")))
    other = onnx.NodeProto(op_type="Add")
    refused("all of one kind, got \\[\\]", lambda graph, nodes: [node.MergeFrom(other) for node in nodes])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("a.npz", "tensorflow", "torch", "c.npz"), "--from to be 'torch' or"),
        (("a.npz", "torch", "onnx", "c.npz"), r"--to: expected onnx in a file \.onnx, got"),
        (("a.bin", "torch", "keras", "c.npz"), r"--from: expected torch in a file \.npz, got"),
        (("none.npz", "torch", "keras", "c.npz"), r"expected an \.npz file of arrays, got FileNotFoundError"),
        (("text.npz", "torch", "keras", "c.npz"), r"expected an \.npz file of arrays"),
        (("a.npz", "keras", "torch", "c.npz"), r"names of keras \(\\d"),
        (("a.npz", "equinox", "torch", "c.npz"), r"names of equinox \(_l"),
        (
            ("b.npz", "torch", "keras", "c.npz"),
            "weights of an RNN, an LSTM or a GRU as torch has them, got x",
        ),
        (("a.npz", "torch", "keras", "none/b.npz"), r"a file that can be written, got .* \(No such file"),
    ],
)
def test_refused(arguments: tuple[str, str, str, str], text: str, tmp_path: Path) -> None:
    npz(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", allow_pickle=False, x=np.ones((2, 2)))
    (tmp_path / "text.npz").write_text("text")
    path, source, target, out = arguments
    with pytest.raises(ValueError, match=text) as caught:
        convert_file(tmp_path / path, source, target, tmp_path / out)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "c.npz").exists()


def test_a_damaged_archive_is_closed(tmp_path: Path) -> None:
    """A file that numpy leaves open warns when it is collected: the test would fail."""
    npz(tmp_path / "a.npz")
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"an \.npz file of arrays, got BadZipFile"):
        convert_file(tmp_path / "b.npz", "torch", "keras", tmp_path / "c.npz")
    gc.collect()


@pytest.mark.parametrize("dtype", ["M8[s]", "i8", "c16", "U3"])
def test_arrays_that_are_no_weights(dtype: str, tmp_path: Path) -> None:
    named = npz(tmp_path / "a.npz", Sizes("lstm", 2, 5))
    np.savez(tmp_path / "b.npz", allow_pickle=False, **named | {"bias_ih_l0": np.zeros(20, dtype)})
    with pytest.raises(ValueError, match="expected bias_ih_l0 of a floating-point dtype, got"):
        convert_file(tmp_path / "b.npz", "torch", "flax-linen", tmp_path / "c.npz")


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    npz(tmp_path / "a.npz")
    (tmp_path / "b.npz").mkdir()
    with pytest.raises(ValueError, match="a file that can be written"):
        convert_file(tmp_path / "a.npz", "torch", "keras", tmp_path / "b.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


@pytest.mark.parametrize(
    ("kind", "target", "options", "text"),
    [
        ("lstm", "keras", {"reset_after": True}, "no reset_after for kind 'lstm'"),
        ("gru", "equinox", {"reset_after": False}, "reset_after=True: equinox has no other GRU"),
        ("gru", "flax-linen", {"reset_after": False}, "reset_after=True: flax-linen has no other GRU"),
        ("rnn", "keras", {"nonlinearity": "relu"}, "no nonlinearity"),
        ("rnn", "equinox", {}, "'lstm' or 'gru'"),
    ],
)
def test_refused_options(kind: str, target: str, options: dict[str, Any], text: str, tmp_path: Path) -> None:
    npz(tmp_path / "a.npz", SIZES._replace(kind=kind))
    with pytest.raises(ValueError, match=text):
        convert_file(tmp_path / "a.npz", "torch", target, tmp_path / "b.npz", **options)


@pytest.mark.parametrize(
    ("package", "target", "out"), [("onnx", "onnx", "b.onnx"), ("h5py", "keras", "b.weights.h5")]
)
def test_a_missing_package_is_one_line(
    package: str, target: str, out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    npz(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=f"expected the package {package} to be installed, got none"):
        convert_file(tmp_path / "a.npz", "torch", target, tmp_path / out)
    (tmp_path / out).write_bytes(b"")
    with pytest.raises(ValueError, match=f"expected the package {package} to be installed, got none"):
        convert_file(tmp_path / out, target, "torch", tmp_path / "c.npz")


def test_an_h5_file_of_something_else(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    for name, layers in [("a", None), ("b", np.ones(3)), ("c", {"dense/vars/0": np.ones((2, 2))})]:
        path = tmp_path / f"{name}.weights.h5"
        with h5py.File(path, "w") as file:
            if isinstance(layers, dict):
                for key, array in layers.items():
                    file[f"layers/{key}"] = array
            elif layers is not None:
                file["layers"] = layers
        with pytest.raises(
            ValueError, match=r"a \.weights\.h5 file of Keras 3|as keras has them, got no arrays"
        ):
            convert_file(path, "keras", "torch", tmp_path / "d.npz")


def test_every_layout_has_its_files() -> None:
    assert list(FORMATS) == ["torch", "keras", "onnx", "equinox", *FLAX]
