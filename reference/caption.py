"""A model that spells what an image shows, on torch.nn: a linear map makes the first state of an nn layer.

Names are padded, not packed. The layer reads from left to right, so padding at the end changes nothing before
it, and cross_entropy ignores the targets there.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from reference.sequence import LAYERS

IGNORED = -100
"""The target at padding: what cross_entropy ignores by default."""


class CaptionModel(nn.Module):
    """`sizes` are those of the torch layer: input_size, hidden_size and num_layers (1)."""

    def __init__(self, cell: str, pixels: int, tokens: int, *sizes: int, dtype: Any = None) -> None:
        super().__init__()
        width, self.hidden, self.layers = sizes if len(sizes) == 3 else (*sizes, 1)
        self.lstm = cell == "lstm"
        features = self.layers * self.hidden * (2 if self.lstm else 1)
        self.image_to_state = nn.Linear(pixels, features, dtype=dtype)
        self.decoder = nn.ModuleDict(
            {
                "embedding": nn.Embedding(tokens, width, dtype=dtype),
                "rnn": LAYERS[cell](width, self.hidden, self.layers, batch_first=True, dtype=dtype),
                "head": nn.Linear(self.hidden, tokens, dtype=dtype),
            }
        )

    def forward(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """(logits of the next token at every step (N, T, V), last state)."""
        output, state = self.decoder["rnn"](self.decoder["embedding"](tokens), state)
        return self.decoder["head"](output), state

    def loss(self, images: Any, tokens: Any, target: Any, state: None = None) -> tuple[Tensor, None]:
        """(mean cross entropy over all tokens, no state to carry on)."""
        if state is not None:
            raise ValueError("the images set the first state")
        inputs = pad_sequence([torch.as_tensor(t) for t in tokens], batch_first=True)
        labels = pad_sequence([torch.as_tensor(t) for t in target], batch_first=True, padding_value=IGNORED)
        logits, _ = self(inputs, self.first_state(images))
        return F.cross_entropy(logits.mT, labels), None

    @torch.no_grad()
    def predict(self, images: Any, start: int, max_length: int) -> tuple[Any, Any]:
        """(greedy tokens (N, max_length), last state)."""
        state = self.first_state(images)
        written = torch.full((len(images), 1), start)
        while written.shape[1] <= max_length:
            logits, state = self(written[:, -1:], state)
            written = torch.cat([written, logits.argmax(dim=2)], dim=1)
        return written[:, 1:].numpy(), state

    def first_state(self, images: Any) -> Any:
        """The features of an image as h (L, N, H), or as (h, c): h of every layer comes first."""
        features = self.image_to_state(torch.as_tensor(images).to(self.image_to_state.bias))
        by_layer = torch.stack(features.split(self.hidden, dim=1))
        return tuple(by_layer.chunk(2)) if self.lstm else by_layer

    def state_shape(self, batch: int) -> list[tuple[int, int, int]]:
        """No state is carried from one batch to the next."""
        return []
