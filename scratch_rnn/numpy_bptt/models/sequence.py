"""A model of sequences: embedding → recurrent layer → linear head → loss, and its backward pass by hand.

Most labs train this model. Every part except the layer is optional:

    (1)  e = E[x]                            embed: rows of the embedding table
    (2)  y, s_n = layer(e, s_0)
    (3)  l = y at each sequence's last step  last
    (4)  o = l Wᵀ + b                        outputs: the head
    (5)  loss = 1/R Σ_r cross_entropy(o_r, target_r), or squared_error(o_r, target_r)

The torch twin of this file computes the same; reference/sequence.py is the oracle, on torch.nn.

Axes (scratch_rnn/notation.py): T time, N batch, R rows, I input, V classes, E embedding, O output.

    x         (N, T, I), or indices (N, T) with an embedding; or a list of N arrays
              (length, I) or (length,), which are packed
    target    indices (N, T), or (N,) with last; squared error: floats (N, T, O), or (N, O) with last;
              a list of N arrays where x is a list and last is not set
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.typing import DTypeLike

from scratch_rnn import model_checks
from scratch_rnn.checks import (
    expect_equal_shape,
    expect_index_range,
    expect_one_of,
    message,
)
from scratch_rnn.numpy_bptt import checks, modules, ops, rnn_base
from scratch_rnn.numpy_bptt.models.module import (
    HasParameters,
    Module,
    State,
    draw_embedding,
    draw_linear,
    under,
)
from scratch_rnn.numpy_bptt.packed import PackedSequence, last_step, last_step_backward, pack_sequence

LOSSES = {
    "cross_entropy": (ops.cross_entropy, ops.cross_entropy_backward),
    "squared_error": (ops.squared_error, ops.squared_error_backward),
}

Input = ndarray | list[ndarray]
Target = ndarray | Sequence[ndarray]
Rows = ndarray | PackedSequence
"""Batch-first array, or packed sequences: what the recurrent layer takes and returns."""


class Tape(NamedTuple):
    """What `loss` saves for `backward`; `params` are the parameters outside of the recurrent layer."""

    indices: ndarray | None
    layer: rnn_base.Tape
    output: Rows
    rows: ndarray
    prediction: ndarray
    target: ndarray
    params: Mapping[str, ndarray]


class SequenceModel(Module):
    """`cell` is "rnn", "lstm" or "gru"; the head of this file describes the parts.

    Raises ValueError or TypeError for an unknown choice or a bad size.
    """

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
        dtype: DTypeLike = np.float32,
        rng: checks.Seed = None,
        engine: str = "fused",
    ) -> None:
        model_checks.sequence_model(cell, input_size, hidden_size, num_layers, embed, outputs, last)
        self.last = last
        self.loss_name = expect_one_of("SequenceModel", "loss", loss, list(LOSSES))
        self.dtype, rng = (
            checks.expect_float_type("SequenceModel", dtype),
            checks.generator("SequenceModel", rng),
        )
        self.rnn: rnn_base.RNNBase = getattr(modules, cell.upper())(
            input_size, hidden_size, num_layers, batch_first=True, dtype=dtype, rng=rng, engine=engine
        )
        self.carried_sizes = ((num_layers, hidden_size),) * (2 if cell == "lstm" else 1)
        parts: dict[str, ndarray | HasParameters] = {}
        if embed is not None:
            parts |= draw_embedding(embed, input_size, dtype, rng)
        parts["rnn"] = self.rnn
        if outputs is not None:
            parts |= draw_linear("head", outputs, hidden_size, dtype, rng)
        super().__init__(parts)

    def predict(self, x: Input, state: State = None) -> tuple[ndarray, State]:
        """(prediction, last state).

        The prediction is (N, T, O), or (N, O) with `last`, or rows (R, O) in packed order where x is a list.
        """
        features, _ = self._embed(x)
        output, state_n = self.rnn(features, state)
        prediction = self._head(self._read(output))
        if self.last or isinstance(output, PackedSequence):
            return prediction, state_n
        return prediction.reshape(*output.shape[:2], prediction.shape[1]), state_n

    def loss(self, x: Input, target: Target, state: State = None) -> tuple[float, State, Tape]:
        """(loss, last state, tape). TypeError or ValueError for indices and shapes that do not fit."""
        features, indices = self._embed(x)  # (1)
        output, state_n, layer = self.rnn.forward(features, state)  # (2)
        rows = self._read(output)  # (3)
        prediction = self._head(rows)  # (4)
        flat = self._target(target, output, prediction)
        forward, _ = LOSSES[self.loss_name]
        loss = float(forward(prediction, flat).mean())  # (5)
        return loss, state_n, Tape(indices, layer, output, rows, prediction, flat, self.arrays)

    def backward(self, tape: Tape) -> dict[str, ndarray]:
        """The gradient of the loss with respect to every parameter, by name."""
        return self.backward_with_state(tape)[0]

    def backward_with_state(self, tape: Tape) -> tuple[dict[str, ndarray], State]:
        """(gradient of every parameter by name, gradient of the first state)."""
        grads: dict[str, ndarray] = {}
        # (5)  In a mean over R rows, d_loss / R arrives at each row.
        _, loss_backward = LOSSES[self.loss_name]
        d_losses = np.full(len(tape.rows), 1 / len(tape.rows), self.dtype)
        d_rows = loss_backward(d_losses, tape.prediction, tape.target)
        # (4)  o = l Wᵀ + b
        if "head.weight" in tape.params:
            weight, bias = tape.params["head.weight"], tape.params["head.bias"]
            d_rows, d_weight, d_bias = ops.linear_backward(d_rows, tape.rows, weight, bias)
            grads = {"head.weight": d_weight, "head.bias": np.asarray(d_bias)}
        # (3)  l is y at the last steps; the gradient is zero at the other steps.
        d_output = self._read_backward(d_rows, tape.output)
        # (2)  y, s_n = layer(e, s_0)
        d_features, d_state, d_layer = self.rnn.backward(tape.layer, d_output)
        grads |= under("rnn", d_layer)
        # (1)  e = E[x]
        if tape.indices is not None:
            d_e = d_features.data if isinstance(d_features, PackedSequence) else d_features
            weight = tape.params["embedding.weight"]
            flat = d_e.reshape(-1, weight.shape[1])
            grads["embedding.weight"] = ops.embedding_backward(flat, tape.indices, weight)
        return {name: grads[name] for name in self.shapes}, d_state

    def _embed(self, x: Input) -> tuple[Rows, ndarray | None]:
        """(the layer's input, the indices that it was looked up with or None)."""
        packed = pack_sequence(x, enforce_sorted=False) if isinstance(x, list) else None
        data = np.asarray(x) if packed is None else packed.data
        table, indices = self.arrays.get("embedding.weight"), None
        if table is None:
            data = data.astype(self.dtype)
        else:
            indices = _check_indices("x", data.reshape(-1), len(table))
            data = ops.embedding(indices, table).reshape(*data.shape, table.shape[1])
        return (data if packed is None else packed._replace(data=data)), indices

    def _read(self, output: Rows) -> ndarray:
        """The rows that the head reads."""
        if isinstance(output, PackedSequence):
            return last_step(output) if self.last else output.data
        rows = output[:, -1] if self.last else output.reshape(-1, output.shape[-1])
        return np.ascontiguousarray(rows)

    def _read_backward(self, d_rows: ndarray, output: Rows) -> Rows:
        """The adjoint of `_read`."""
        if isinstance(output, PackedSequence):
            return last_step_backward(d_rows, output) if self.last else output._replace(data=d_rows)
        if not self.last:
            return d_rows.reshape(output.shape)
        d_output = np.zeros_like(output)
        d_output[:, -1] = d_rows
        return d_output

    def _head(self, rows: ndarray) -> ndarray:
        own = self.arrays
        return ops.linear(rows, own["head.weight"], own["head.bias"]) if "head.weight" in own else rows

    def _target(self, target: Target, output: Rows, prediction: ndarray) -> ndarray:
        """The targets as rows, in the order of the prediction's rows."""
        if isinstance(output, PackedSequence) and not self.last:
            target = pack_sequence([np.asarray(t) for t in target], enforce_sorted=False).data
        flat, rows = np.asarray(target), prediction.shape[:1]
        if rows == (0,):
            raise ValueError(message("SequenceModel", "a batch of at least one row", "none"))
        shape: Sequence[int] = rows
        if not (self.last or isinstance(output, PackedSequence)):
            shape = output.shape[:2]
        if self.loss_name == "cross_entropy":
            expect_equal_shape("SequenceModel", "target", shape, flat.shape)
            return _check_indices("target", flat.reshape(rows), prediction.shape[1])
        expect_equal_shape("SequenceModel", "target", (*shape, prediction.shape[1]), flat.shape)
        return flat.reshape(prediction.shape).astype(self.dtype)


def _check_indices(what: str, indices: ndarray, size: int) -> ndarray:
    """A copy of the indices. TypeError or ValueError unless they are integers in [0, V)."""
    if indices.dtype.kind not in "iu":
        raise TypeError(message("SequenceModel", f"{what} to be integers", indices.dtype))
    if indices.size:
        expect_index_range("SequenceModel", what, int(indices.min()), int(indices.max()), size)
    return indices.copy()
