"""A model that spells what an image shows: one image in, many characters out. And the whole way back.

    (1)  s = image Wᵀ + b                    the image, all of it, once
    (2)  s_0 = s cut into the first states   h_0 of every layer, then c_0 of every layer for an LSTM
    (3)  loss = decoder(words, target, s_0)  embedding → layer → head → loss: model.py, on packed words

In training each step reads the right character before it (teacher forcing); in `predict` the one that the
model itself found likeliest. The torch twin of this file computes the same; reference/caption.py does on
torch.nn.

Axes (scratch_rnn/notation.py): N batch, I pixels, L layers, H hidden, S = L·H or 2·L·H numbers of a state.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn.numpy_bptt import ops
from scratch_rnn.numpy_bptt.models import sequence
from scratch_rnn.numpy_bptt.models.module import Module, under


class Tape(NamedTuple):
    """What `loss` writes down for `backward`."""

    images: ndarray
    weight: ndarray
    bias: ndarray
    decoder: sequence.Tape


class CaptionModel(Module):
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
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
        engine: str = "fused",
    ) -> None:
        rng = np.random.default_rng() if rng is None else rng
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
        self.dtype = np.dtype(dtype)
        bound, count = 1 / np.sqrt(pixels), int(np.prod(self.states))  # torch initialises so
        first = {
            name: rng.uniform(-bound, bound, shape).astype(dtype)
            for name, shape in (("first.weight", (count, pixels)), ("first.bias", (count,)))
        }
        super().__init__(first | {"decoder": self.decoder})

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
    ) -> tuple[float, Any, Tape]:
        """(loss, last state, tape); the first state is the image's, so that `state` is not read."""
        first = self._first_state(images)
        loss, state_n, tape = self.decoder.loss(words, target, first)  # (3)
        weight, bias = self.parts["first.weight"], self.parts["first.bias"]
        return loss, state_n, Tape(images.astype(self.dtype), weight, bias, tape)

    def backward(self, tape: Tape) -> dict[str, ndarray]:
        """The gradient of the loss with respect to every parameter, by name."""
        # (3)  loss = decoder(words, target, s_0)
        d_decoder, d_state = self.decoder.adjoint(tape.decoder)
        # (2)  s_0 = s cut into the first states
        d_parts = np.stack(d_state if isinstance(d_state, tuple) else [d_state])
        d_s = d_parts.transpose(2, 0, 1, 3).reshape(len(tape.images), -1)
        # (1)  s = image Wᵀ + b
        _, d_weight, d_bias = ops.linear_backward(d_s, tape.images, tape.weight, tape.bias)
        grads = {"first.weight": d_weight, "first.bias": np.asarray(d_bias)}
        return grads | under("decoder", d_decoder)

    def _first_state(self, images: ndarray) -> Any:
        s = ops.linear(images.astype(self.dtype), self.parts["first.weight"], self.parts["first.bias"])  # (1)
        parts = s.reshape(len(images), *self.states).transpose(1, 2, 0, 3)  # (2)
        return tuple(parts) if len(parts) > 1 else parts[0]
