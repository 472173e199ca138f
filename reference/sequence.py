"""The labs' model on torch.nn: embedding → recurrent layer → linear head → loss.

The oracle: nn.RNN, nn.LSTM or nn.GRU in the middle, torch's own packing around them. Each part but the
layer may be left out:

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
from torch.nn.utils.rnn import PackedSequence, pack_sequence, unpack_sequence

LAYERS: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


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
    ) -> None:
        super().__init__()
        self.loss_name = loss
        self.last = last
        self.embedding = None if embed is None else nn.Embedding(embed, input_size, dtype=dtype)
        self.rnn = LAYERS[cell](input_size, hidden_size, num_layers, batch_first=True, dtype=dtype)
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
        return prediction.numpy(), state_n

    def loss(self, x: Any, target: Any, state: Any = None) -> tuple[Tensor, Any]:
        """(loss, last state)."""
        prediction, state_n = self(x, state)
        rows = prediction.reshape(-1, prediction.shape[-1])
        if isinstance(x, list) and not self.last:
            target = pack(list(target)).data
        wanted = torch.as_tensor(target)
        if self.loss_name == "cross_entropy":
            return F.cross_entropy(rows, wanted.reshape(-1)), state_n  # (5)
        return F.mse_loss(rows, wanted.reshape(rows.shape).to(rows.dtype)), state_n  # (5)

    def _embed(self, x: Any) -> Any:
        """The layer's input."""
        if isinstance(x, list):
            x = pack(x)
        data = x.data if isinstance(x, PackedSequence) else torch.as_tensor(x)
        if self.embedding is None:
            data = data.to(next(self.rnn.parameters()).dtype)
        else:
            data = self.embedding(data)  # (1)
        return x._replace(data=data) if isinstance(x, PackedSequence) else data

    def _read(self, output: Any) -> Tensor:
        """What the head reads."""
        if not self.last:
            data: Tensor = output.data if isinstance(output, PackedSequence) else output
            return data
        if isinstance(output, PackedSequence):
            return torch.stack([sequence[-1] for sequence in unpack_sequence(output)])
        return output.select(1, -1)


def pack(sequences: list[Any]) -> PackedSequence:
    """Longest first, ties in the caller's order: torch's own sort may exchange them, and so the rows."""
    order = sorted(range(len(sequences)), key=lambda n: -len(sequences[n]))
    packed = pack_sequence([torch.as_tensor(sequences[n]) for n in order])
    return PackedSequence(packed.data, packed.batch_sizes, torch.tensor(order))
