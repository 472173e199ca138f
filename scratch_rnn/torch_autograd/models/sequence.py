"""A model for sequences: embedding → recurrent layer → linear head → loss. Autograd does the way back.

What the labs train. Each part but the layer may be left out:

    (1)  e = rows of the embedding table that the indices x name        embed
    (2)  y, s_n = layer(e, s_0)
    (3)  l = y at each sequence's own last step                         last
    (4)  o = l Wᵀ + b                                                   outputs
    (5)  loss = mean over rows of cross_entropy(o, target), or of the squared error

Axes (scratch_rnn/notation.py): T time, N batch, R rows, I input, V classes, E embedding, O output.

    x         (N, T, I), or indices (N, T) where there is an embedding; or a list of N arrays
              (length, I) or (length,), which are packed
    target    indices (N, T), or (N,) with last; squared error: floats (N, O) with last
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scratch_rnn.checks import expect_equal_shape, expect_one_of
from scratch_rnn.torch_autograd import modules
from scratch_rnn.torch_autograd.packed import is_packed, last_step, pack_sequence
from scratch_rnn.torch_autograd.rnn_base import RNNBase


class SequenceModel(nn.Module):
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
        dtype: Any = None,
        engine: str = "steps",
    ) -> None:
        super().__init__()
        kind = expect_one_of("SequenceModel", "cell", cell, ["rnn", "lstm", "gru"])
        self.loss_name = expect_one_of("SequenceModel", "loss", loss, ["cross_entropy", "squared_error"])
        self.last = last
        self.embedding = None if embed is None else nn.Embedding(embed, input_size, dtype=dtype)
        self.rnn: RNNBase = getattr(modules, kind.upper())(
            input_size, hidden_size, num_layers, batch_first=True, dtype=dtype, engine=engine
        )
        self.head = None if outputs is None else nn.Linear(hidden_size, outputs, dtype=dtype)

    def forward(self, x: Any, state: Any = None) -> tuple[Tensor, Any]:
        """(prediction (N, T, O) or (N, O) with last, or rows (R, O) where x was packed; last state)."""
        output, state_n = self.rnn(self._embed(x), state)  # (2)
        rows = self._read(output)  # (3)
        return (rows if self.head is None else self.head(rows)), state_n  # (4)

    @torch.no_grad()
    def predict(self, x: Any, state: Any = None) -> tuple[np.ndarray, Any]:
        """As forward, without gradients, the prediction as a NumPy array."""
        prediction, state_n = self(x, state)
        return prediction.cpu().numpy(), state_n

    def loss(self, x: Any, target: Any, state: Any = None) -> tuple[Tensor, Any]:
        """(loss, last state)."""
        prediction, state_n = self(x, state)
        rows = prediction.reshape(-1, prediction.shape[-1])
        if isinstance(x, list) and not self.last:
            target = pack_sequence([torch.as_tensor(t) for t in target], enforce_sorted=False).data
        wanted = torch.as_tensor(target, device=rows.device)
        classes = self.loss_name == "cross_entropy"
        shape = prediction.shape[:-1] if classes else prediction.shape
        expect_equal_shape("SequenceModel", "target", shape, wanted.shape)
        if classes:
            return F.cross_entropy(rows, wanted.reshape(-1)), state_n  # (5)
        return F.mse_loss(rows, wanted.reshape(rows.shape).to(rows.dtype)), state_n  # (5)

    def _embed(self, x: Any) -> Any:
        """The layer's input, where the parameters are."""
        like = next(self.rnn.parameters())
        if isinstance(x, list):
            x = pack_sequence([torch.as_tensor(s, device=like.device) for s in x], enforce_sorted=False)
        data = x.data if is_packed(x) else torch.as_tensor(x, device=like.device)
        if self.embedding is None:
            data = data.to(like.dtype)
        else:
            data = self.embedding(data)  # (1)
        return x._replace(data=data) if is_packed(x) else data

    def _read(self, output: Any) -> Tensor:
        """What the head reads."""
        if not self.last:
            data: Tensor = output.data if is_packed(output) else output
            return data
        if is_packed(output):
            return last_step(output)
        return output.select(1, -1)
