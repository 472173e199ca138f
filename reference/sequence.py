"""A model of sequences on torch.nn: embedding, nn.RNN, nn.LSTM or nn.GRU, linear head, loss.

The embedding and the head are optional. `x` is a batch-first array, or a list of arrays that are packed with
torch's own packing; `target` has the same form. With `last` the head reads the last hidden state of the top
layer, and there is one target per sequence.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence

LAYERS: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
LOSSES = {"cross_entropy": nn.CrossEntropyLoss, "squared_error": nn.MSELoss}


class SequenceModel(nn.Module):
    """`sizes` are those of the torch layer: input_size, hidden_size and num_layers (1)."""

    def __init__(
        self,
        cell: str,
        *sizes: int,
        loss: str = "cross_entropy",
        last: bool = False,
        outputs: int | None = None,
        embed: int | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.last, self.criterion = last, LOSSES[loss]()
        self.embedding = nn.Embedding(embed, sizes[0], dtype=dtype) if embed else nn.Identity()
        self.rnn = LAYERS[cell](*sizes, batch_first=True, dtype=dtype)
        self.head = nn.Linear(sizes[1], outputs, dtype=dtype) if outputs else nn.Identity()

    def forward(self, x: Any, state: Any = None) -> tuple[Tensor, Any]:
        """(prediction, last state); the prediction has the packed rows where x is a list."""
        if isinstance(x, list):
            packed = pack(x)
            output, state_n = self.rnn(packed._replace(data=self._features(packed.data)), state)
            output = output.data
        else:
            output, state_n = self.rnn(self._features(torch.as_tensor(x)), state)
        if self.last:
            h_n = state_n[0] if isinstance(self.rnn, nn.LSTM) else state_n
            output = h_n[-1]
        return self.head(output), state_n

    def predict(self, x: Any, state: Any = None) -> tuple[np.ndarray, Any]:
        """As forward, in NumPy and without gradients."""
        with torch.no_grad():
            prediction, state_n = self(x, state)
        return prediction.numpy(), state_n

    def loss(self, x: Any, target: Any, state: Any = None) -> tuple[Tensor, Any]:
        """(mean loss over all targets, last state)."""
        prediction, state_n = self(x, state)
        packed = isinstance(x, list) and not self.last
        labels = pack(target).data if packed else torch.as_tensor(target)
        if isinstance(self.criterion, nn.CrossEntropyLoss):
            return self.criterion(prediction.flatten(0, -2), labels.flatten()), state_n
        return self.criterion(prediction, labels.to(prediction)), state_n

    def state_shape(self, batch: int) -> list[tuple[int, int, int]]:
        """The shapes of h, and of c for an LSTM."""
        shape = self.rnn.num_layers, batch, self.rnn.hidden_size
        return [shape] * (2 if isinstance(self.rnn, nn.LSTM) else 1)

    def _features(self, data: Tensor) -> Tensor:
        if isinstance(self.embedding, nn.Identity):
            return data.to(self.rnn.weight_hh_l0)
        features: Tensor = self.embedding(data)
        return features


def pack(sequences: Any) -> PackedSequence:
    """Packed by torch, longest first; sequences of equal length keep their order."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    order = lengths.argsort(descending=True, stable=True)
    packed = pack_sequence([torch.as_tensor(sequences[n]) for n in order])
    return PackedSequence(packed.data, packed.batch_sizes, order)
