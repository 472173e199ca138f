"""Keras 3's .weights.h5: get_weights() of the recurrent layers of a model. Needs h5py.

    layers/lstm/cell/vars/{0, 1, 2}                                                 one direction
    layers/bidirectional/{forward_layer, backward_layer}/cell/vars/{0, 1, 2}        two

Further layers of the same class are lstm_1, lstm_2, …; they are read in this order. Layers of other kinds are
not read.
"""

import io
import re
from pathlib import Path

from numpy import ndarray

from scratch_rnn.checks import message
from scratch_rnn.weight_files.packages import package

DIRECTIONS = ("forward_layer", "backward_layer")
"""In the order of get_weights(). The file has them in the order of the alphabet."""

NAMES = {"rnn": "simple_rnn", "lstm": "lstm", "gru": "gru"}


def read(path: Path) -> list[list[ndarray]]:
    """get_weights() of each recurrent layer; ValueError for any other file, or without h5py."""
    h5py = package("h5py", str(path))
    try:
        with h5py.File(path) as file:
            names = sorted(file["layers"], key=lambda name: int("0" + re.sub(r"\D", "", name)))
            layers = []
            for layer in (file["layers"][name] for name in names):
                cells = [layer[d] for d in DIRECTIONS] if DIRECTIONS[0] in layer else [layer]
                stored = [cell["cell/vars"] for cell in cells if "cell/vars" in cell]
                layers.append([each[str(number)][()] for each in stored for number in range(len(each))])
    except Exception as error:  # what h5py raises depends on what is in the file instead
        expected = "a .weights.h5 file of Keras 3"
        raise ValueError(message(str(path), expected, type(error).__name__)) from None
    return [layer for layer in layers if layer]


def to_bytes(kind: str, layers: list[list[ndarray]]) -> bytes:
    """The content of a file that load_weights of a model of these layers alone reads."""
    h5py = package("h5py", "keras")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for k, layer in enumerate(layers):
            two = len(layer) in (4, 6)
            size = len(layer) // 2 if two else len(layer)
            name = ("bidirectional" if two else NAMES[kind]) + (f"_{k}" if k else "")
            for number, array in enumerate(layer):
                inner = f"{DIRECTIONS[number // size]}/" if two else ""
                file[f"layers/{name}/{inner}cell/vars/{number % size}"] = array
    return buffer.getvalue()
