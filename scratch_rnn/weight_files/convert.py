"""From one file of weights to another, each in the layout of its framework.

An .npz file has one array for each weight. Its names are torch's; in the other layouts they are paths:
Keras's "layer/number", as get_weights() numbers them; equinox's "suffix/field" ("_l0/weight_ih"); flax's
"suffix/name" ("_l0_reverse/dense_i/kernel").
"""

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from scratch_rnn import checks
from scratch_rnn.convert import equinox, flax, keras, onnx
from scratch_rnn.convert.gates import Named
from scratch_rnn.notation import GATES
from scratch_rnn.outputs import replacing
from scratch_rnn.parameters import Sizes, sizes_of
from scratch_rnn.weight_files import keras_file, onnx_file

NPZ, H5, ONNX = ".npz", ".weights.h5", ".onnx"

FORMATS = {
    "torch": (NPZ,),
    "keras": (H5, NPZ),
    "onnx": (ONNX,),
    "equinox": (NPZ,),
    "flax-nnx": (NPZ,),
    "flax-nnx-named": (NPZ,),
    "flax-linen": (NPZ,),
}
"""Layout of the arrays -> how the names of files end that hold it."""

NAMES = {"torch": r"[^/]+", "keras": r"\d+/\d+", "flax": r"_l\d+(_reverse)?/.+"}
"""Names of arrays in an .npz file; equinox has flax's."""

RECURRENT = r"weight_hh_l0|0/1|_l0/(weight_hh|(dense_)?h[a-z]?/kernel)"
"""Paths of the recurrent weights of the first cell, in any layout."""


def convert_file(
    path: Path,
    source: str,
    target: str,
    out: Path,
    *,
    reset_after: bool | None = None,
    nonlinearity: str | None = None,
) -> Sizes:
    """Read weights in the layout `source`, write them to `out` in the layout `target` (FORMATS); their sizes.

    reset_after, of a GRU only: False where the reset gate comes before the product; None is True.
    nonlinearity, of an RNN from or to ONNX only: "relu" where it is not tanh. ValueError of one line for what
    cannot be read, represented or written.
    """
    for what, layout, file in (("--from", source, path), ("--to", target, out)):
        checks.expect_one_of("convert", what, layout, list(FORMATS))
        if not file.name.endswith(FORMATS[layout]):
            raise ValueError(checks.message(what, f"{layout} in a file {' or '.join(FORMATS[layout])}", file))
    kind, arrays = _read(path, source)
    if reset_after is not None and kind != "gru":
        raise ValueError(checks.message("convert", f"no reset_after for kind {kind!r}", reset_after))
    if nonlinearity is not None and "onnx" not in (source, target):
        raise ValueError(
            checks.message("convert", "no nonlinearity: only ONNX's nodes have it", nonlinearity)
        )
    choices = reset_after, nonlinearity
    named = arrays if source == "torch" else _call("to_torch", source, kind, arrays, *choices)
    sizes = sizes_of(kind, named)
    written = named if target == "torch" else _call("from_torch", target, kind, named, *choices)
    _write(out, _to_bytes(out, kind, written))
    return sizes


def _call(
    function: str, layout: str, kind: str, arrays: object, reset_after: bool | None, nonlinearity: str | None
) -> Any:
    """to_torch or from_torch of the layout's module, with the options that it has."""
    if layout == "keras":
        return getattr(keras, function)(kind, arrays, reset_after=reset_after)
    if layout == "onnx":
        reset = None if reset_after is None else int(reset_after)
        options = {"linear_before_reset": reset, "nonlinearity": nonlinearity}
        return getattr(onnx, function)(kind, arrays, **options)
    if reset_after is False:
        raise ValueError(checks.message("convert", f"reset_after=True: {layout} has no other GRU", False))
    if layout == "equinox":
        return getattr(equinox, function)(kind, arrays)
    flavour = layout.removeprefix("flax-").replace("-", "_")
    return getattr(flax, function)(kind, arrays, flavour=flavour)


def _read(path: Path, layout: str) -> tuple[str, Any]:
    """(kind, arrays as the layout's module takes them); ValueError where the kind does not show."""
    if layout == "onnx":
        return onnx_file.read(path)
    arrays = keras_file.read(path) if path.name.endswith(H5) else _read_npz(path, layout)
    flat = _flat(arrays)
    shapes = [a.shape for name, a in flat.items() if re.fullmatch(RECURRENT, name) and a.ndim == 2]
    hidden = min((min(shape) for shape in shapes), default=0)
    if "weight_hr_l0" in flat:
        hidden = (flat["weight_hr_l0"].shape or (0,))[-1]
    rows = sum(max(shape) for shape in shapes)
    kinds = [kind for kind, gates in GATES.items() if 0 < rows == len(gates) * hidden]
    if not kinds:
        expected = f"weights of an RNN, an LSTM or a GRU as {layout} has them"
        raise ValueError(checks.message(str(path), expected, ", ".join(flat) or "no arrays"))
    return kinds[0], arrays


def _read_npz(path: Path, layout: str) -> Named | dict[str, Named] | list[list[ndarray]]:
    try:
        with path.open("rb") as source, np.load(source, allow_pickle=False) as file:
            flat = {name: file[name] for name in file.files}
    except Exception as error:  # a damaged file makes zipfile and numpy raise almost anything
        raise ValueError(checks.message(str(path), "an .npz file of arrays", type(error).__name__)) from None
    names = NAMES.get(layout, NAMES["flax"])
    if not all(re.fullmatch(names, name) for name in flat):
        raise ValueError(checks.message(str(path), f"names of {layout} ({names})", ", ".join(flat)))
    for name, array in flat.items():
        if array.dtype.kind != "f":
            raise ValueError(checks.message(str(path), f"{name} of a floating-point dtype", array.dtype))
    if layout == "torch":
        return flat
    if layout == "keras":
        flat = dict(sorted(flat.items(), key=lambda item: [int(number) for number in item[0].split("/")]))
    nested: dict[str, Named] = {}
    for name, array in flat.items():
        first, _, rest = name.partition("/")
        nested.setdefault(first, {})[rest] = array
    return [list(layer.values()) for layer in nested.values()] if layout == "keras" else nested


def _flat(arrays: Any) -> Named:
    """Nested lists and dicts as paths."""
    if isinstance(arrays, ndarray):
        return {"": arrays}
    items = arrays.items() if isinstance(arrays, Mapping) else enumerate(arrays)
    return {f"{key}/{path}".rstrip("/"): a for key, part in items for path, a in _flat(part).items()}


def _to_bytes(out: Path, kind: str, arrays: Any) -> bytes:
    if out.name.endswith(ONNX):
        return onnx_file.to_bytes(kind, arrays)
    if out.name.endswith(H5):
        return keras_file.to_bytes(kind, arrays)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **_flat(arrays))
    return buffer.getvalue()


def _write(out: Path, data: bytes) -> None:
    """Whole or not at all."""
    try:
        with replacing(out) as part:
            part.write_bytes(data)
    except OSError as error:
        expected = "a file that can be written"
        raise ValueError(checks.message("--out", expected, f"{out} ({error.strerror})")) from None
