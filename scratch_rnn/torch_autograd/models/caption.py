"""A model that spells what an image shows: one image in, many characters out. Autograd does the way back.

    (1)  s = image Wᵀ + b                    the image, all of it, once
    (2)  s_0 = s cut into the first states   h_0 of every layer, then c_0 of every layer for an LSTM
    (3)  loss = decoder(words, target, s_0)  embedding → layer → head → loss: model.py, on packed words

In training each step reads the right character before it (teacher forcing); in `predict` the one that the
model itself found likeliest.

Axes (scratch_rnn/notation.py): N batch, I pixels, L layers, H hidden, S = L·H or 2·L·H numbers of a state.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn

from scratch_rnn.torch_autograd.models.sequence import SequenceModel


class CaptionModel(nn.Module):
    """`cell` is "rnn", "lstm" or "gru"; V characters, each embedded in E numbers."""

    def __init__(
        self,
        cell: str,
        pixels: int,
        characters: int,
        embedding_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        dtype: Any = None,
        engine: str = "steps",
    ) -> None:
        super().__init__()
        self.states = (2 if cell == "lstm" else 1, num_layers, hidden_size)
        self.first = nn.Linear(pixels, math.prod(self.states), dtype=dtype)
        self.decoder = SequenceModel(
            cell,
            embedding_size,
            hidden_size,
            num_layers,
            embed=characters,
            outputs=characters,
            dtype=dtype,
            engine=engine,
        )

    @torch.no_grad()
    def predict(self, images: ndarray, start: int, max_length: int) -> tuple[ndarray, Any]:
        """(`cap` characters an image (N, cap), each the likeliest, read by the next step; last state)."""
        state, said = self._first_state(images), []
        character = np.full((len(images), 1), start)
        for _ in range(max_length):
            logits, state = self.decoder.predict(character, state)
            character = logits.argmax(axis=-1)
            said.append(character)
        return np.concatenate(said, axis=1), state

    def loss(
        self, images: ndarray, words: Sequence[ndarray], target: Sequence[ndarray], state: Any = None
    ) -> tuple[Tensor, Any]:
        """(loss, last state); the first state is the image's, so that `state` is not read."""
        return self.decoder.loss(words, target, self._first_state(images))  # (3)

    def _first_state(self, images: ndarray) -> Any:
        s = self.first(torch.as_tensor(images).to(self.first.weight))  # (1)
        parts = s.reshape(len(images), *self.states).permute(1, 2, 0, 3).contiguous()  # (2)
        return tuple(parts) if len(parts) > 1 else parts[0]
