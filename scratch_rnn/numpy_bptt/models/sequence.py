"""A model for sequences: embedding → recurrent layer → linear head → loss, and the whole way back.

What the labs train. Each part but the layer may be left out:

    (1)  e = rows of the embedding table that the indices x name        embed
    (2)  y, s_n = layer(e, s_0)
    (3)  l = y at each sequence's own last step                         last
    (4)  o = l Wᵀ + b                                                   outputs
    (5)  loss = mean over rows of cross_entropy(o, target), or of the squared error

The torch twin of this file computes the same; reference/sequence.py does on torch.nn.

Axes (scratch_rnn/notation.py): T time, N batch, R rows, I input, V classes, E embedding, O output.

    x         (N, T, I), or indices (N, T) where there is an embedding; or a list of N arrays
              (length, I) or (length,), which are packed
    target    indices (N, T), or (N,) with last; squared error: floats (N, O) with last
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn import checks
from scratch_rnn.checks import expect_one_of, message
from scratch_rnn.numpy_bptt import modules, ops
from scratch_rnn.numpy_bptt.packed import PackedSequence, last_step, last_step_backward, pack_sequence
from scratch_rnn.numpy_bptt.rnn_base import RNNBase
from scratch_rnn.numpy_bptt.rnn_base import Tape as LayerTape

LOSSES = {
    "cross_entropy": (ops.cross_entropy, ops.cross_entropy_backward),
    "squared_error": (ops.squared_error, ops.squared_error_backward),
}


class Tape(NamedTuple):
    """What `loss` writes down for `backward`."""

    indices: ndarray | None
    layer: LayerTape
    output: ndarray | PackedSequence
    rows: ndarray
    prediction: ndarray
    target: ndarray
    params: Mapping[str, ndarray]


class SequenceModel:
    """`cell` is "rnn", "lstm" or "gru"; see the head of this file for the parts."""

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        embed: int | None = None,
        outputs: int | None = None,
        last: bool = False,
        loss: str = "cross_entropy",
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
        engine: str = "fused",
    ) -> None:
        kind = expect_one_of("SequenceModel", "cell", cell, ["rnn", "lstm", "gru"])
        self.loss_name = expect_one_of("SequenceModel", "loss", loss, list(LOSSES))
        self.last, self.dtype = last, np.dtype(dtype)
        rng = np.random.default_rng() if rng is None else rng
        self.rnn: RNNBase = getattr(modules, kind.upper())(
            input_size, hidden_size, num_layers, batch_first=True, dtype=dtype, rng=rng, engine=engine
        )
        self._own: dict[str, ndarray] = {}  # torch's initialisers: N(0, 1), and U(-1/√H, 1/√H)
        if embed is not None:
            self._own["embedding.weight"] = rng.normal(size=(embed, input_size)).astype(dtype)
        if outputs is not None:
            bound = 1 / np.sqrt(hidden_size)
            for name, shape in (("head.weight", (outputs, hidden_size)), ("head.bias", (outputs,))):
                self._own[name] = rng.uniform(-bound, bound, shape).astype(dtype)

    def state_dict(self) -> dict[str, ndarray]:
        """A copy of every parameter, in the order of the model."""
        layer = {f"rnn.{name}": array for name, array in self.rnn.state_dict().items()}
        arrays = layer | {name: array.copy() for name, array in self._own.items()}
        order = ["embedding.weight", *layer, "head.weight", "head.bias"]
        return {name: arrays[name] for name in order if name in arrays}

    def load_state_dict(self, mapping: Mapping[str, Any]) -> None:
        """Take every parameter from `mapping`; ValueError for a name or shape that does not fit."""
        layer = {name[4:]: value for name, value in mapping.items() if name.startswith("rnn.")}
        own = {
            name: np.array(np.asarray(mapping[name]), self.dtype) for name in mapping if name[:4] != "rnn."
        }
        shapes = [{name: array.shape for name, array in arrays.items()} for arrays in (self._own, own)]
        if shapes[0] != shapes[1]:
            raise ValueError(message("SequenceModel", f"parameters {shapes[0]}", shapes[1]))
        self.rnn.load_state_dict(layer)
        self._own = own

    def predict(self, x: Any, state: Any = None) -> tuple[ndarray, Any]:
        """(prediction (N, T, O) or (N, O) with last, or rows (R, O) where x was packed; last state)."""
        features, _ = self._embed(x)
        output, state_n = self.rnn(features, state)
        prediction = self._head(self._read(output))
        if self.last or isinstance(output, PackedSequence):
            return prediction, state_n
        return prediction.reshape(*output.shape[:2], -1), state_n

    def loss(self, x: Any, target: Any, state: Any = None) -> tuple[float, Any, Tape]:
        """(loss, last state, tape)."""
        features, indices = self._embed(x)  # (1)
        output, state_n, layer = self.rnn.forward(features, state)  # (2)
        rows = self._read(output)  # (3)
        prediction = self._head(rows)  # (4)
        flat = self._target(target, output, prediction)
        forward, _ = LOSSES[self.loss_name]
        loss = float(forward(prediction, flat).mean())  # (5)
        return loss, state_n, Tape(indices, layer, output, rows, prediction, flat, self._own)

    def backward(self, tape: Tape) -> dict[str, ndarray]:
        """The gradient of the loss with respect to every parameter, by name."""
        return self.adjoint(tape)[0]

    def adjoint(self, tape: Tape) -> tuple[dict[str, ndarray], Any]:
        """(the gradient of the loss with respect to every parameter, by name; to the first state)."""
        grads: dict[str, ndarray] = {}
        # (5)  a mean over R rows hands each row 1/R
        _, loss_backward = LOSSES[self.loss_name]
        d_losses = np.full(len(tape.rows), 1 / len(tape.rows), self.dtype)
        d_rows = loss_backward(d_losses, tape.prediction, tape.target)
        # (4)  o = l Wᵀ + b
        if "head.weight" in tape.params:
            weight, bias = tape.params["head.weight"], tape.params["head.bias"]
            d_rows, d_weight, d_bias = ops.linear_backward(d_rows, tape.rows, weight, bias)
            grads = {"head.weight": d_weight, "head.bias": np.asarray(d_bias)}
        # (3)  l is y at the last steps, zero gradient elsewhere
        d_output = self._read_backward(d_rows, tape.output)
        # (2)  y, s_n = layer(e, s_0)
        d_features, d_state, d_layer = self.rnn.backward(tape.layer, d_output)
        grads |= {f"rnn.{name}": d for name, d in d_layer.items()}
        # (1)  e = rows of the table
        if tape.indices is not None:
            d_e = d_features.data if isinstance(d_features, PackedSequence) else d_features
            weight = tape.params["embedding.weight"]
            flat = d_e.reshape(-1, weight.shape[1])
            grads["embedding.weight"] = ops.embedding_backward(flat, tape.indices, weight)
        return {name: grads[name] for name in self.state_dict()}, d_state

    def _embed(self, x: Any) -> tuple[Any, ndarray | None]:
        """(the layer's input, the indices it was made from or None)."""
        if isinstance(x, list):
            x = pack_sequence([np.asarray(sequence) for sequence in x], enforce_sorted=False)
        data = x.data if isinstance(x, PackedSequence) else np.asarray(x)
        table, indices = self._own.get("embedding.weight"), None
        if table is None:
            data = data.astype(self.dtype)
        else:
            indices = _check_indices("x", data.reshape(-1), len(table))
            data = ops.embedding(indices, table).reshape(*data.shape, -1)
        return (x._replace(data=data) if isinstance(x, PackedSequence) else data), indices

    def _read(self, output: Any) -> ndarray:
        """The rows that the head reads."""
        if not self.last:
            data = output.data if isinstance(output, PackedSequence) else output
            return np.ascontiguousarray(data).reshape(-1, data.shape[-1])
        if isinstance(output, PackedSequence):
            return last_step(output)
        return np.ascontiguousarray(output[:, -1])

    def _read_backward(self, d_rows: ndarray, output: Any) -> Any:
        """The adjoint of `_read`."""
        if self.last and isinstance(output, PackedSequence):
            return last_step_backward(d_rows, output)
        if isinstance(output, PackedSequence):
            return output._replace(data=d_rows)
        if not self.last:
            return d_rows.reshape(output.shape)
        d_output = np.zeros_like(output)
        d_output[:, -1] = d_rows
        return d_output

    def _head(self, rows: ndarray) -> ndarray:
        if "head.weight" not in self._own:
            return rows
        return ops.linear(rows, self._own["head.weight"], self._own["head.bias"])

    def _target(self, target: Any, output: Any, prediction: ndarray) -> ndarray:
        """The targets as rows, in the order of the prediction's."""
        if isinstance(output, PackedSequence) and not self.last:
            target = pack_sequence([np.asarray(t) for t in target], enforce_sorted=False).data
        flat, rows = np.asarray(target), prediction.shape[:1]
        shape = rows if self.last or isinstance(output, PackedSequence) else output.shape[:2]
        if self.loss_name == "cross_entropy":
            checks.expect_equal_shape("SequenceModel", "target", shape, flat.shape)
            return _check_indices("target", flat.reshape(rows), prediction.shape[1])
        checks.expect_equal_shape("SequenceModel", "target", (*shape, prediction.shape[1]), flat.shape)
        return flat.reshape(prediction.shape).astype(self.dtype)


def _check_indices(what: str, indices: ndarray, size: int) -> ndarray:
    """TypeError or ValueError unless these are integers in [0, size): NumPy would count -1 from behind."""
    if indices.dtype.kind not in "iu":
        raise TypeError(message("SequenceModel", f"{what} to be integers", indices.dtype))
    if indices.size and not 0 <= indices.min() <= indices.max() < size:
        expected = f"{what} to lie in [0, V) = [0, {size})"
        raise ValueError(message("SequenceModel", expected, f"{indices.min()} to {indices.max()}"))
    return indices
