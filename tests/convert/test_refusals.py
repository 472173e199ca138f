"""What a framework or torch cannot represent is refused in one line that says why; nothing is dropped."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from scratch_rnn.convert import equinox, flax, keras, onnx
from scratch_rnn.convert.onnx import Node
from scratch_rnn.parameters import Sizes, stack_shapes

RNG = np.random.default_rng(0)
ONE: Any = 1


def named(
    kind: str, layers: int = 1, bias: bool = True, two: bool = False, proj: int = 0
) -> dict[str, ndarray]:
    shapes = stack_shapes(Sizes(kind, 2, 5, layers, bias, two, proj))
    return {name: RNG.normal(size=shape) for name, shape in shapes.items()}


def z(*shape: int) -> ndarray:
    return RNG.normal(size=shape)


def node(kind: str = "lstm", **changed: Any) -> Node:
    (made,) = onnx.from_torch(kind, named(kind))
    return made._replace(**changed)


LSTM = [z(2, 20), z(5, 20), z(20)]
GRU = [z(2, 15), z(5, 15), z(2, 15)]
EQUINOX = {"weight_ih": z(15, 2), "weight_hh": z(15, 5), "bias": z(15), "bias_n": z(5)}
NNX = {"dense_i/kernel": z(2, 15), "dense_i/bias": z(15), "dense_h/kernel": z(5, 15)}

KERAS = {
    r"reset_after=True or False: there is no bias": lambda: keras.to_torch("gru", [GRU[:2]]),
    r"bias of 2 axes with reset_after=True, got \(15,\)": lambda: keras.to_torch("gru", [[*GRU[:2], z(15)]]),
    r"bias of 1 axes with reset_after=False, got \(2, 15\)": lambda: keras.to_torch(
        "gru", [GRU], reset_after=False
    ),
    r"reset_after True or False for a GRU only, got True": lambda: keras.to_torch(
        "lstm", [LSTM], reset_after=True
    ),
    r"for a GRU only, got 1$": lambda: keras.from_torch("gru", named("gru"), reset_after=ONE),
    r"got False$": lambda: keras.to_torch_backward("rnn", named("rnn"), reset_after=False),
    r"lstm: expected no CuDNN layer of Keras 2": lambda: keras.to_torch("lstm", [[*LSTM[:2], z(40)]]),
    r"gru: expected no CuDNN layer of Keras 2": lambda: keras.to_torch("gru", [[*GRU[:2], z(30)]]),
    r"as many arrays in each layer: .* got \[12\]": lambda: keras.to_torch("lstm", [[z(2, 5)] * 12]),
    r"as many arrays in each layer: .* got \[6, 3\]": lambda: keras.to_torch(
        "lstm", [LSTM * 2, [z(10, 20), *LSTM[1:]]]
    ),
    r"as many arrays in each layer: .* got \[3, 2\]": lambda: keras.to_torch(
        "lstm", [LSTM, [z(5, 20), LSTM[1]]]
    ),
    r"as many arrays in each layer: .* got \[\]": lambda: keras.to_torch("lstm", []),
    r"keras: expected one H in all layers: torch's have one, got \[4, 5\]": lambda: keras.to_torch(
        "lstm", [LSTM, [z(5, 16), z(4, 16), z(16)]]
    ),
    r"keras: expected _l1 to read all directions side by side: I = D·H = 10, got 5": lambda: keras.to_torch(
        "lstm", [LSTM * 2, [z(5, 20), *LSTM[1:]] * 2]
    ),
    r"gru: expected kernel of shape \(I, G\) = \(2, 18\), got \(2, 24\)": lambda: keras.to_torch(
        "gru", [[z(2, 24), z(6, 24), z(2, 24)]]
    ),
    r"kernel of shape \(I, G\) = \(2, 80\), got \(2, 20\)": lambda: keras.to_torch(
        "lstm", [[z(2, 20), z(20, 5), z(20)]]
    ),
    r"kernel of shape \(I, G\) = \(0, 0\), got \(\)": lambda: keras.to_torch(
        "rnn", [[np.float64(1), np.float64(1)]]
    ),
    r"proj_size = 0: it has no projection, got 3": lambda: keras.from_torch("lstm", named("lstm", proj=3)),
    r"kind to be 'rnn' or 'lstm' or 'gru', got 'peephole'": lambda: keras.to_torch("peephole", [LSTM]),
}
ONNX = {
    r"linear_before_reset = 1, got 0": lambda: onnx.to_torch("gru", [node("gru", linear_before_reset=0)]),
    r"linear_before_reset = 0, got 1": lambda: onnx.to_torch("gru", [node("gru")], linear_before_reset=0),
    r"no linear_before_reset for kind 'lstm', got 1": lambda: onnx.to_torch(
        "lstm", [node()], linear_before_reset=1
    ),
    r"linear_before_reset to be 0 or 1 for kind 'gru', got 2": lambda: onnx.from_torch(
        "gru", named("gru"), linear_before_reset=2
    ),
    r"lstm with linear_before_reset = 0, got 1": lambda: onnx.to_torch("lstm", [node(linear_before_reset=1)]),
    r"P \(peepholes\) = no entry but 0": lambda: onnx.to_torch("lstm", [node(P=z(1, 15))]),
    r"clip = None, got 3.0": lambda: onnx.to_torch("lstm", [node(clip=3.0)]),
    r"clip = None, got 0.0": lambda: onnx.to_torch("lstm", [node(clip=0.0)]),
    r"input_forget = 0, got 1": lambda: onnx.to_torch("lstm", [node(input_forget=1)]),
    r"activations = \('Sigmoid', 'Tanh', 'Tanh'\), got \('Sigmoid', 'Tanh', 'Relu'\)": lambda: onnx.to_torch(
        "lstm", [node(activations=["Sigmoid", "Tanh", "Relu"])]
    ),
    r"activations = \('Tanh',\), got \('Relu',\)": lambda: onnx.to_torch(
        "rnn", [node("rnn", activations=["Relu"])]
    ),
    r"activations = \('Relu',\), got \('Tanh',\)": lambda: onnx.to_torch(
        "rnn", [node("rnn")], nonlinearity="relu"
    ),
    r"no nonlinearity for kind 'gru', got 'relu'": lambda: onnx.from_torch(
        "gru", named("gru"), nonlinearity="relu"
    ),
    r"nonlinearity to be 'tanh' or 'relu' .* got 'sin'": lambda: onnx.from_torch(
        "rnn", named("rnn"), nonlinearity="sin"
    ),
    r"direction to be 'forward' or 'bidirectional', got 'reverse'": lambda: onnx.to_torch(
        "lstm", [node(direction="reverse")]
    ),
    r"one node for each layer, all of one direction, got \[\]": lambda: onnx.to_torch("lstm", []),
    r"all of one direction, got \['forward', 'bidirectional'\]": lambda: onnx.to_torch(
        "lstm", [node(), node(direction="bidirectional")]
    ),
    r"B = \[Wb, Rb\] of shape \(D, 2G\) = \(1, 40\), got \(1, 20\)": lambda: onnx.to_torch(
        "lstm", [node(B=z(1, 20))]
    ),
    r"hidden_size = 5, as R has, got 6": lambda: onnx.to_torch("lstm", [node(hidden_size=6)]),
    r"R of shape \(D, G, H\) = \(2, G, H\), got \(1, 20, 5\)": lambda: onnx.to_torch(
        "lstm", [node(direction="bidirectional")]
    ),
    r"W of shape \(D, G, I\) = \(1, G, I\), got \(20, 2\)": lambda: onnx.to_torch("lstm", [node(W=z(20, 2))]),
    r"W of shape \(G, I\) = \(18, 2\), got \(24, 2\)": lambda: onnx.to_torch(
        "gru", [Node(z(1, 24, 2), z(1, 24, 6), linear_before_reset=1)]
    ),
    r"layout to be 0 or 1, got 2": lambda: onnx.to_torch("lstm", [node(layout=2)]),
    r"proj_size = 0": lambda: onnx.from_torch("lstm", named("lstm", proj=3)),
    r"Y of shape \(T, D, N, H\), got \(5, 3, 8\)": lambda: onnx.y_in(z(5, 3, 8)),
    r"output of shape \(T, N, P\), got \(5, 8\)": lambda: onnx.y_out(z(5, 8), 2),
    r"7 features in 1 or 2 directions, got 2": lambda: onnx.y_out(z(5, 3, 7), 2),
}
JAX = {
    r"equinox: expected kind to be 'lstm' or 'gru', got 'rnn'": lambda: equinox.to_torch(
        "rnn", {"_l0": EQUINOX}
    ),
    r"equinox: expected kind to be 'lstm' or 'gru', got 'rnn'$": lambda: equinox.from_torch(
        "rnn", named("rnn")
    ),
    r"the arrays weight_ih, weight_hh, and with bias bias, bias_n, got bias, weight": lambda: (
        equinox.to_torch("gru", {"_l0": EQUINOX | {"bias_n": None}})
    ),
    r"bias_n of shape \(G,\) = \(5,\), got \(15,\)": lambda: equinox.to_torch(
        "gru", {"_l0": EQUINOX | {"bias_n": z(15)}}
    ),
    r"with unknown \['bias_hh_x'": lambda: equinox.to_torch(
        "gru", {"_l0": EQUINOX, "_x": EQUINOX | {"weight_ih": z(15, 5)}}
    ),
    r"a parameter weight_ih_l0": lambda: equinox.to_torch("gru", {}),
    r"proj_size = 0": lambda: equinox.from_torch("lstm", named("lstm", proj=3)),
    r"n part of bias_hh_l0 to be 0 \(nnx.GRUCell has no b_hn\)": lambda: flax.from_torch(
        "gru", named("gru"), flavour="nnx"
    ),
    r"flavour to be 'nnx' or 'linen', got 'nnx_named'": lambda: flax.to_torch(
        "gru", {"_l0": NNX}, flavour="nnx_named"
    ),
    r"the array dense_i/bias, got": lambda: flax.to_torch(
        "gru", {"_l0": {name: NNX[name] for name in NNX if "bias" not in name}}, flavour="nnx"
    ),
    r"the arrays ir/kernel": lambda: flax.to_torch("gru", {"_l0": {"ir/bias": z(5)}}, flavour="linen"),
    r"gradients of biases too": lambda: flax.to_torch_backward(
        "gru", named("gru", bias=False), flavour="nnx"
    ),
    r"kind to be 'rnn' or 'lstm' or 'gru', got 'mlp'": lambda: flax.from_torch("mlp", {}, flavour="nnx"),
    r"flax: expected proj_size = 0": lambda: flax.from_torch("lstm", named("lstm", proj=3), flavour="nnx"),
}


@pytest.mark.parametrize("text", [*KERAS, *ONNX, *JAX])
def test_refused(text: str) -> None:
    call: Callable[[], Any] = (KERAS | ONNX | JAX)[text]
    with pytest.raises(ValueError, match=text) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_names_of_activations_are_case_insensitive() -> None:
    both = node("rnn", activations=["tanh"]), node("rnn", activations=("TANH",))
    for each in both:
        assert onnx.to_torch("rnn", [each]).keys() == named("rnn").keys()


def test_peepholes_of_zero_are_no_peepholes() -> None:
    assert onnx.to_torch("lstm", [node(P=np.zeros((1, 15)))]).keys() == named("lstm").keys()


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_flax_writes_zeros_where_there_is_no_bias(kind: str) -> None:
    without = named(kind, bias=False)
    again = flax.to_torch(kind, flax.from_torch(kind, without, flavour="linen"), flavour="linen")
    assert set(again) > set(without)
    for name, array in again.items():
        np.testing.assert_array_equal(array, without.get(name, np.zeros_like(array)))


def test_b_hn_of_zero_is_written_for_nnx() -> None:
    given = named("gru", layers=2)
    for name in ("bias_hh_l0", "bias_hh_l1"):
        given[name][10:] = 0
    again = flax.to_torch("gru", flax.from_torch("gru", given, flavour="nnx"), flavour="nnx")
    np.testing.assert_allclose(again["bias_ih_l1"], given["bias_ih_l1"] + given["bias_hh_l1"])
    assert not again["bias_hh_l1"].any()
