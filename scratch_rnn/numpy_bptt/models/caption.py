"""A model that spells what an image shows: one image in, many tokens out. Its backward pass is by hand.

    (1)  s = image Wᵀ + b                    the image is read once
    (2)  s_0 = s as the first state          h_0 of every layer, then c_0 of every layer for an LSTM
    (3)  loss = decoder(tokens, target, s_0)  embedding → layer → head → loss: sequence.py, packed

In training each step reads the target token before it (teacher forcing); in `predict` it reads the token
that the model predicted in the step before. The torch twin of this file computes the same;
reference/caption.py is the oracle, on torch.nn.

Axes (scratch_rnn/notation.py): N batch, L layers, H hidden. An image has P pixels; s has L·H features, or
2·L·H for an LSTM.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.typing import DTypeLike

from scratch_rnn import model_checks, snapshot
from scratch_rnn.numpy_bptt import checks, ops
from scratch_rnn.numpy_bptt.models import sequence
from scratch_rnn.numpy_bptt.models.module import Module, State, draw_linear, under
from scratch_rnn.seq2seq_common import check_no_state


class Tape(NamedTuple):
    """What `loss` saves for `backward`."""

    images: ndarray
    weight: ndarray
    bias: ndarray
    decoder: sequence.Tape


class CaptionModel(Module):
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
        dtype: DTypeLike = np.float32,
        rng: checks.Seed = None,
        engine: str = "fused",
    ) -> None:
        model_checks.caption_model(cell, pixels, characters, embedding_size, hidden_size, num_layers)
        self.dtype = checks.expect_float_type("CaptionModel", dtype)
        rng = checks.generator("CaptionModel", rng)
        self.decoder = sequence.SequenceModel(
            cell,
            embedding_size,
            hidden_size,
            num_layers,
            embed=characters,
            outputs=characters,
            dtype=dtype,
            rng=rng,
            engine=engine,
        )
        self.states = (2 if cell == "lstm" else 1, num_layers, hidden_size)
        self.carried_sizes = ()  # every batch starts from its images
        own = draw_linear("image_to_state", int(np.prod(self.states)), pixels, dtype, rng)
        super().__init__(own | {"decoder": self.decoder})

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
    ) -> tuple[float, None, Tape]:
        """(loss, None, tape). Images (N, P); tokens and target are N arrays of indices (length,).

        The images set the first state: ValueError for a `state` other than None.
        """
        check_no_state("CaptionModel", state)
        loss, _, tape = self.decoder.loss(list(tokens), target, self._first_state(images))  # (3)
        own = self.arrays
        saved = own["image_to_state.weight"], own["image_to_state.bias"], tape
        return loss, None, Tape(images.astype(self.dtype), *saved)

    def backward(self, tape: Tape) -> dict[str, ndarray]:
        """The gradient of the loss with respect to every parameter, by name."""
        # (3)  loss = decoder(tokens, target, s_0)
        d_decoder, d_state = self.decoder.backward_with_state(tape.decoder)
        # (2)  s_0 = s as the first state
        d_parts = np.stack(snapshot.parts_of(d_state))
        d_s = d_parts.transpose(2, 0, 1, 3).reshape(len(tape.images), -1)
        # (1)  s = image Wᵀ + b
        _, d_weight, d_bias = ops.linear_backward(d_s, tape.images, tape.weight, tape.bias)
        grads = {"image_to_state.weight": d_weight, "image_to_state.bias": np.asarray(d_bias)}
        return grads | under("decoder", d_decoder)

    def _first_state(self, images: ndarray) -> State:
        own = self.arrays
        x = images.astype(self.dtype)
        s = ops.linear(x, own["image_to_state.weight"], own["image_to_state.bias"])  # (1)
        parts = s.reshape(len(images), *self.states).transpose(1, 2, 0, 3)  # (2)
        return snapshot.as_state(parts)
