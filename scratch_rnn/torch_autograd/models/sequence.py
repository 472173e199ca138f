"""A model of sequences: embedding → recurrent layer → linear head → loss. Autograd differentiates it.

Most labs train this model. Every part except the layer is optional:

    (1)  e = E[x]                            embed: rows of the embedding table
    (2)  y, s_n = layer(e, s_0)
    (3)  l = y at each sequence's last step  last
    (4)  o = l Wᵀ + b                        outputs: the head
    (5)  loss = 1/R Σ_r cross_entropy(o_r, target_r), or squared_error(o_r, target_r)

Axes (scratch_rnn/notation.py): T time, N batch, R rows, I input, V classes, E embedding, O output.

    x         (N, T, I), or indices (N, T) with an embedding; or a list of N arrays
              (length, I) or (length,), which are packed
    target    indices (N, T), or (N,) with last; squared error: floats (N, T, O), or (N, O) with last;
              a list of N arrays where x is a list and last is not set
"""

from collections.abc import Sequence

import torch
from numpy import ndarray
from torch import Tensor, nn
from torch.nn import functional as F

from scratch_rnn import model_checks
from scratch_rnn.checks import (
    expect_equal_shape,
    expect_index_range,
    expect_one_of,
    message,
)
from scratch_rnn.torch_autograd import modules
from scratch_rnn.torch_autograd.models.trainer import State
from scratch_rnn.torch_autograd.packed import PackedSequence, last_step, pack_sequence
from scratch_rnn.torch_autograd.rnn_base import RNNBase

Input = Tensor | ndarray | list[Tensor] | list[ndarray]
Target = Tensor | ndarray | Sequence[Tensor] | Sequence[ndarray]
Rows = Tensor | PackedSequence
"""Batch-first tensor, or packed sequences: what the recurrent layer takes and returns."""


class SequenceModel(nn.Module):
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
        dtype: torch.dtype | None = None,
        engine: str = "steps",
    ) -> None:
        super().__init__()
        model_checks.sequence_model(cell, input_size, hidden_size, num_layers, embed, outputs, last)
        self.last = last
        self.loss_name = expect_one_of("SequenceModel", "loss", loss, ["cross_entropy", "squared_error"])
        self.carried_sizes = ((num_layers, hidden_size),) * (2 if cell == "lstm" else 1)
        self.embedding = None if embed is None else nn.Embedding(embed, input_size, dtype=dtype)
        self.rnn: RNNBase = getattr(modules, cell.upper())(
            input_size, hidden_size, num_layers, batch_first=True, dtype=dtype, engine=engine
        )
        self.head = None if outputs is None else nn.Linear(hidden_size, outputs, dtype=dtype)

    def forward(self, x: Input, state: State = None) -> tuple[Tensor, State]:
        """(prediction, last state).

        The prediction is (N, T, O), or (N, O) with `last`, or rows (R, O) in packed order where x is a list.
        """
        output, state_n = self.rnn(self._embed(x), state)  # (2)
        rows = self._read(output)  # (3)
        return (rows if self.head is None else self.head(rows)), state_n  # (4)

    @torch.no_grad()
    def predict(self, x: Input, state: State = None) -> tuple[ndarray, State]:
        """As `forward`, without gradients, with the prediction as a NumPy array."""
        prediction, state_n = self(x, state)
        return prediction.cpu().numpy(), state_n

    def loss(self, x: Input, target: Target, state: State = None) -> tuple[Tensor, State]:
        """(loss, last state). TypeError or ValueError for indices and shapes that do not fit."""
        prediction, state_n = self(x, state)
        rows = prediction.reshape(-1, prediction.shape[-1])
        if len(rows) == 0:
            raise ValueError(message("SequenceModel", "a batch of at least one row", "none"))
        if isinstance(x, list) and not self.last:
            target = pack_sequence([torch.as_tensor(t) for t in target], enforce_sorted=False).data
        target = torch.as_tensor(target, device=rows.device)
        classes = self.loss_name == "cross_entropy"
        shape = prediction.shape[:-1] if classes else prediction.shape
        expect_equal_shape("SequenceModel", "target", shape, target.shape)
        if classes:
            _check_indices("target", target, rows.shape[1])
            return F.cross_entropy(rows, target.reshape(-1)), state_n  # (5)
        return F.mse_loss(rows, target.reshape(rows.shape).to(rows.dtype)), state_n  # (5)

    def _embed(self, x: Input) -> Rows:
        """The layer's input, on the device of the parameters."""
        like, packed = next(self.rnn.parameters()), None
        if isinstance(x, list):
            packed = pack_sequence([torch.as_tensor(s, device=like.device) for s in x], enforce_sorted=False)
        data = torch.as_tensor(x, device=like.device) if packed is None else packed.data
        if self.embedding is None:
            data = data.to(like.dtype)
        else:
            _check_indices("x", data, self.embedding.num_embeddings)
            data = self.embedding(data)  # (1)
        return data if packed is None else packed._replace(data=data)

    def _read(self, output: Rows) -> Tensor:
        """The rows that the head reads."""
        if isinstance(output, PackedSequence):
            return last_step(output) if self.last else output.data
        return output.select(1, -1) if self.last else output


def _check_indices(what: str, indices: Tensor, size: int) -> None:
    """TypeError or ValueError unless these are integers in [0, V).

    Without this check, cross_entropy would ignore targets of -100.
    """
    if indices.is_floating_point() or indices.dtype == torch.bool:
        raise TypeError(message("SequenceModel", f"{what} to be integers", indices.dtype))
    if indices.numel():
        expect_index_range("SequenceModel", what, int(indices.min()), int(indices.max()), size)
