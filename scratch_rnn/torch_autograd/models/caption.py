"""A model that spells what an image shows: one image in, many tokens out. Autograd differentiates it.

    (1)  s = image Wᵀ + b                    the image is read once
    (2)  s_0 = s as the first state          h_0 of every layer, then c_0 of every layer for an LSTM
    (3)  loss = decoder(tokens, target, s_0)  embedding → layer → head → loss: sequence.py, packed

In training each step reads the target token before it (teacher forcing); in `predict` it reads the token
that the model predicted in the step before.

Axes (scratch_rnn/notation.py): N batch, L layers, H hidden. An image has P pixels; s has L·H features, or
2·L·H for an LSTM.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn

from scratch_rnn import model_checks, snapshot
from scratch_rnn.seq2seq_common import check_no_state
from scratch_rnn.torch_autograd.models.sequence import SequenceModel
from scratch_rnn.torch_autograd.models.trainer import State


class CaptionModel(nn.Module):
    """`cell` is "rnn", "lstm" or "gru"; images have `pixels` numbers, the vocabulary `characters` tokens."""

    def __init__(
        self,
        cell: str,
        pixels: int,
        characters: int,
        embedding_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        dtype: torch.dtype | None = None,
        engine: str = "steps",
    ) -> None:
        super().__init__()
        model_checks.caption_model(cell, pixels, characters, embedding_size, hidden_size, num_layers)
        self.states = (2 if cell == "lstm" else 1, num_layers, hidden_size)
        self.carried_sizes = ()  # every batch starts from its images
        self.image_to_state = nn.Linear(pixels, math.prod(self.states), dtype=dtype)
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
    def predict(self, images: ndarray, start: int, max_length: int) -> tuple[ndarray, State]:
        """(`max_length` tokens per image (N, max_length), last state).

        The first step reads the token `start`, every later step the token predicted before it.
        """
        state, predicted = self._first_state(images), []
        token = np.full((len(images), 1), start)
        for _ in range(max_length):
            logits, state = self.decoder.predict(token, state)
            token = logits.argmax(axis=-1)
            predicted.append(token)
        return np.concatenate(predicted, axis=1), state

    def loss(
        self, images: ndarray, tokens: Sequence[ndarray], target: Sequence[ndarray], state: None = None
    ) -> tuple[Tensor, None]:
        """(loss, None). Images (N, P); tokens and target are N arrays of indices (length,).

        The images set the first state: ValueError for a `state` other than None.
        """
        check_no_state("CaptionModel", state)
        loss, _ = self.decoder.loss(list(tokens), target, self._first_state(images))  # (3)
        return loss, None

    def _first_state(self, images: ndarray) -> State:
        s = self.image_to_state(torch.as_tensor(images).to(self.image_to_state.weight))  # (1)
        parts = s.reshape(len(images), *self.states).permute(1, 2, 0, 3).contiguous()  # (2)
        return snapshot.as_state(parts)
