"""Keras on torch: a case's arrays, outputs, final states and gradients."""

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from keras.src.backend.common import dtypes
from numpy import ndarray

from tests.convert.cases import HIDDEN, INPUTS, ROWS, STEPS, Case, Record, draw, flat, real

dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"  # otherwise products are in float32 (keras #23704)
keras.config.set_floatx("float64")

LAYERS = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


def run(case: Case, rng: np.random.Generator) -> Record:
    numbers = draw(case, rng)
    given = {name: torch.tensor(array) for name, array in numbers.items()}
    leaves = {name: given[name].requires_grad_() for name in ("x", *(f"{s}_0" for s in case.letters))}
    mask = None if case.lengths is None else torch.tensor(real(case)[:, :, 0].T.copy()).bool()
    layers = [build(case, k, rng) for k in range(case.layers)]
    y, finals = given["x"].transpose(0, 1), []
    for k, layer in enumerate(layers):
        states = range(k * case.directions, (k + 1) * case.directions)
        first = [leaves[f"{s}_0"][state] for state in states for s in case.letters]
        y, *final = layer(y, mask=mask, initial_state=first)
        finals.append(final)
    results = {"output": y.transpose(0, 1) * torch.tensor(real(case))}
    for place, letter in enumerate(case.letters):
        of_letter = [state for final in finals for state in final[place :: len(case.letters)]]
        results[f"{letter}_n"] = torch.stack(of_letter)
    loss: Any = sum((results[name] * given[f"d_{name}"]).sum() for name in results)
    loss.backward()
    arrays = [layer.get_weights() for layer in layers]
    d_arrays = [[array(weight.value.grad) for weight in layer.weights] for layer in layers]
    return {
        **numbers,
        **{name: array(tensor) for name, tensor in results.items()},
        **{f"d_{name}": array(tensor.grad) for name, tensor in leaves.items()},
        **flat("arrays", arrays),
        **flat("d_arrays", d_arrays),
    }


def build(case: Case, k: int, rng: np.random.Generator) -> keras.layers.Layer:
    options = {"return_sequences": True, "return_state": True, "use_bias": case.bias}
    layer = LAYERS[case.kind](HIDDEN, **options, **dict(case.options))
    if case.directions == 2:
        layer = keras.layers.Bidirectional(layer, merge_mode="concat")
    layer.build((ROWS, STEPS, INPUTS if k == 0 else case.directions * HIDDEN))
    layer.set_weights([0.5 * rng.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


def array(tensor: torch.Tensor | None) -> ndarray:
    assert tensor is not None
    return tensor.detach().numpy().copy()


def save_model(path: str, kind: str, bidirectional: bool) -> Record:
    """Write the .weights.h5 file of a float32 model of two layers and a Dense.

    Returns x, y = what the two layers make of it, both (N, T, ·), and their get_weights(), by "layer/number".
    """
    model, layers = make_model(kind, bidirectional)
    rng = np.random.default_rng(5)
    for layer in model.layers:
        layer.set_weights([0.5 * rng.normal(size=weight.shape) for weight in layer.get_weights()])
    model.save_weights(path)
    x = rng.normal(size=(ROWS, STEPS, INPUTS)).astype(np.float32)
    y = layers[1](layers[0](torch.tensor(x)))
    return {"x": x, "y": array(y)} | by_number(layers)


def load_model(path: str, kind: str, bidirectional: bool) -> Record:
    """get_weights() of the same model without its Dense, read from a file, by "layer/number"."""
    model, layers = make_model(kind, bidirectional, dense=False)
    model.load_weights(path)
    return by_number(layers)


def by_number(layers: list[keras.layers.Layer]) -> Record:
    weights = [layer.get_weights() for layer in layers]
    return {f"{k}/{number}": a for k, layer in enumerate(weights) for number, a in enumerate(layer)}


def make_model(
    kind: str, bidirectional: bool, dense: bool = True
) -> tuple[keras.Model, list[keras.layers.Layer]]:
    layers = [LAYERS[kind](HIDDEN, return_sequences=True, dtype="float32") for _ in range(2)]
    if bidirectional:
        layers = [keras.layers.Bidirectional(layer, dtype="float32") for layer in layers]
    last = [keras.layers.Dense(2, dtype="float32")] if dense else []
    return keras.Sequential([keras.Input((STEPS, INPUTS), dtype="float32"), *layers, *last]), layers
