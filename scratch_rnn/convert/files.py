"""Weights in files, from one framework's layout to another's: .npz, .onnx and Keras's .weights.h5.

An .npz file has one array for each weight. Its names are torch's, and in the other layouts paths: Keras's
"layer/number", as get_weights() numbers them; "suffix/field" for equinox ("_l0/weight_ih") and "suffix/name"
for flax ("_l0_reverse/dense_i/kernel"). Of a .weights.h5 file only the recurrent layers are read, in the
order of their numbers: Keras names them lstm, lstm_1, …
"""

import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from scratch_rnn import checks
from scratch_rnn.convert import equinox, flax, keras, onnx, onnx_file
from scratch_rnn.convert.gates import Named
from scratch_rnn.notation import GATES
from scratch_rnn.parameters import Sizes, sizes_of

NPZ, H5, ONNX = ".npz", ".weights.h5", ".onnx"

DIRECTIONS = "forward_layer", "backward_layer"

FORMATS = {
    "torch": (NPZ,),
    "keras": (H5, NPZ),
    "onnx": (ONNX,),
    "equinox": (NPZ,),
    "flax-nnx": (NPZ,),
    "flax-nnx-named": (NPZ,),
    "flax-linen": (NPZ,),
}
"""Layout of the arrays -> ends of the names of the files that hold it."""

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
        raise ValueError(checks.message("convert", f"no reset_after for a {kind}", reset_after))
    if nonlinearity is not None and "onnx" not in (source, target):
        raise ValueError(
            checks.message("convert", "no nonlinearity: only ONNX's nodes have it", nonlinearity)
        )
    choices = reset_after, nonlinearity
    named = arrays if source == "torch" else _call("to_torch", source, kind, arrays, *choices)
    sizes = sizes_of(kind, named)
    written: Any = named if target == "torch" else _call("from_torch", target, kind, named, *choices)
    data = onnx_file.to_bytes(kind, written) if target == "onnx" else _to_bytes(out, kind, written)
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(out)
    except OSError as error:
        text = checks.message("--out", "a file that can be written", f"{out} ({error.strerror})")
        raise ValueError(text) from None
    finally:
        beside.unlink(missing_ok=True)
    return sizes


def _call(
    function: str, layout: str, kind: str, arrays: Any, reset_after: bool | None, nonlinearity: str | None
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
    """(kind, arrays as the layout's module takes them); the kind shows in the first recurrent weight."""
    if layout == "onnx":
        return onnx_file.read(path)
    flat = _from_h5(path) if path.name.endswith(H5) else _from_npz(path)
    shapes = [a.shape for name, a in flat.items() if re.fullmatch(RECURRENT, name) and a.ndim == 2]
    hidden = min((min(shape) for shape in shapes), default=0)
    if "weight_hr_l0" in flat:
        hidden = flat["weight_hr_l0"].shape[-1]
    rows = sum(max(shape) for shape in shapes)
    kinds = [kind for kind, gates in GATES.items() if 0 < rows == len(gates) * hidden]
    if not kinds:
        expected = f"weights of an RNN, an LSTM or a GRU as {layout} has them"
        raise ValueError(checks.message(str(path), expected, ", ".join(flat) or "none"))
    nested: dict[str, Named] = {}
    for name, array in flat.items():
        first, _, rest = name.partition("/")
        nested.setdefault(first, {})[rest] = array
    if layout == "keras":
        return kinds[0], [[nested[k][i] for i in sorted(nested[k], key=int)] for k in sorted(nested, key=int)]
    return kinds[0], flat if layout == "torch" else nested


def _from_npz(path: Path) -> Named:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # a damaged file makes zipfile and numpy raise almost anything
        raise ValueError(checks.message(str(path), "an .npz file of arrays", type(error).__name__)) from None


def _from_h5(path: Path) -> Named:
    """layers/NAME/cell/vars/NUMBER, or in Bidirectional layers/NAME/{forward_layer,backward_layer}/cell/…"""
    try:
        with onnx_file.package("h5py", str(path)).File(path) as file:
            layers = [file["layers"][n] for n in sorted(file["layers"], key=lambda n: (len(n), n))]
            # by name: "backward_layer" comes before "forward_layer" in the file
            pairs = [[each[d] for d in DIRECTIONS] if DIRECTIONS[0] in each else [each] for each in layers]
            stack = [[cell["cell/vars"] for cell in pair] for pair in pairs if "cell/vars" in pair[0]]
            found = [[v[str(i)][()] for v in layer for i in range(len(v))] for layer in stack]
    except (OSError, KeyError) as error:
        expected = "a .weights.h5 file of Keras 3"
        raise ValueError(checks.message(str(path), expected, type(error).__name__)) from None
    return {f"{k}/{i}": array for k, layer in enumerate(found) for i, array in enumerate(layer)}


def _to_bytes(out: Path, kind: str, arrays: Any) -> bytes:
    buffer = io.BytesIO()
    if out.name.endswith(NPZ):
        np.savez(buffer, allow_pickle=False, **_flat(arrays))
        return buffer.getvalue()
    two = len(arrays[0]) > 3
    name = "bidirectional" if two else {"rnn": "simple_rnn"}.get(kind, kind)
    with onnx_file.package("h5py", str(out)).File(buffer, "w") as file:
        for k, layer in enumerate(arrays):
            size = len(layer) // 2 if two else len(layer)
            for number, array in enumerate(layer):
                inner = f"/{DIRECTIONS[number // size]}" if two else ""
                file[f"layers/{name}{f'_{k}' * bool(k)}{inner}/cell/vars/{number % size}"] = array
    return buffer.getvalue()


def _flat(arrays: Any) -> Named:
    """Nested lists and dicts as paths."""
    items = arrays.items() if isinstance(arrays, Mapping) else enumerate(arrays)
    flat: Named = {}
    for key, part in items:
        flat |= (
            {key: part} if isinstance(part, ndarray) else {f"{key}/{n}": a for n, a in _flat(part).items()}
        )
    return flat
