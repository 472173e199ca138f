"""Sequence to sequence on torch.nn: the oracle of the translation lab.

nn.RNN, nn.LSTM or nn.GRU read the source, packed by torch; a layer of the same class, called once per step,
writes the target. There is no attention. Where the encoder is bidirectional, a linear map makes the decoder's
first state of the two final ones: of h, and of c for an LSTM.

A source is indices (N, T) with N lengths, and so is a target, with a T of its own.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from reference.sequence import LAYERS

IGNORED = -100
"""The target at padding: what cross_entropy ignores by default."""


class Decoded(NamedTuple):
    """The tokens of one row without <EOS>, and why it ended: "eos" or "max_length"."""

    tokens: list[int]
    stopped: str


class Encoder(nn.Module):
    """Embedding and recurrent layer; with two directions, a bridge for each array of the state."""

    def __init__(self, cell: str, vocabulary: int, *sizes: int, bidirectional: bool, dtype: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, sizes[0], dtype=dtype)
        self.rnn = LAYERS[cell](*sizes, batch_first=True, bidirectional=bidirectional, dtype=dtype)
        for part in ("hc" if cell == "lstm" else "h") if bidirectional else "":
            self.add_module(f"bridge_{part}", nn.Linear(2 * sizes[1], sizes[1], dtype=dtype))

    def forward(self, source: Tensor, lengths: Tensor) -> Any:
        """The decoder's first state, in the form that the torch layer takes."""
        packed = pack_padded_sequence(self.embedding(source), lengths, batch_first=True, enforce_sorted=False)
        _, state = self.rnn(packed)
        if not self.rnn.bidirectional:
            return state
        if isinstance(state, tuple):
            h, c = state
            return self._bridge("h", h), self._bridge("c", c)
        return self._bridge("h", state)

    def _bridge(self, part: str, state: Tensor) -> Tensor:
        """(2L, N, H) -> (L, N, H)."""
        by_layer = state.view(-1, 2, *state.shape[1:]).transpose(1, 2).flatten(2)
        bridged: Tensor = self.get_submodule(f"bridge_{part}")(by_layer)
        return bridged


class Decoder(nn.Module):
    """Embedding, recurrent layer and head; one step per call."""

    def __init__(self, cell: str, vocabulary: int, *sizes: int, dtype: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, sizes[0], dtype=dtype)
        self.rnn = LAYERS[cell](*sizes, batch_first=True, dtype=dtype)
        self.head = nn.Linear(sizes[1], vocabulary, dtype=dtype)

    def forward(self, token: Tensor, state: Any) -> tuple[Tensor, Any]:
        """(logits of the next token (N, V), state)."""
        output, state = self.rnn(self.embedding(token).unsqueeze(1), state)
        return self.head(output.squeeze(1)), state


class Seq2Seq(nn.Module):
    """`sizes` are those of the torch layers: input_size, hidden_size and num_layers (1)."""

    def __init__(
        self,
        cell: str,
        source_size: int,
        target_size: int,
        *sizes: int,
        sos: int,
        eos: int,
        bidirectional: bool = False,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(cell, source_size, *sizes, bidirectional=bidirectional, dtype=dtype)
        self.decoder = Decoder(cell, target_size, *sizes, dtype=dtype)
        self.sos, self.eos = sos, eos

    def forward(
        self,
        source: ndarray,
        source_lengths: Sequence[int],
        target: ndarray,
        target_lengths: Sequence[int],
        teacher_forcing: float = 1.0,
        generator: Any = None,
        divide_by: Any = None,
        truncate: int | None = None,
    ) -> Tensor:
        """The negative log-likelihood of the target, divided by its number of tokens ("tokens"), by a number,
        or not at all (None).

        Below 1, `teacher_forcing` is the probability that a step reads the target: one generator.random() per
        step. Every `truncate` steps the state is detached.
        """
        labels, _ = padded(target, target_lengths, IGNORED)
        state = self.encoder(*padded(source, source_lengths, 0))
        token, logits = torch.full_like(labels[:, 0], self.sos), []
        for t in range(labels.shape[1]):
            if truncate and t and t % truncate == 0:
                state = tuple(map(torch.detach, state)) if isinstance(state, tuple) else state.detach()
            step_logits, state = self.decoder(token, state)
            logits.append(step_logits)
            forced = teacher_forcing == 1 or generator.random() < teacher_forcing
            token = labels[:, t].clamp(min=0) if forced else step_logits.argmax(dim=1)
        total = F.cross_entropy(torch.stack(logits, dim=2), labels, ignore_index=IGNORED, reduction="sum")
        return total / (sum(target_lengths) if divide_by == "tokens" else divide_by or 1)

    def loss(self, *batch: Any) -> tuple[Tensor, None]:
        """(loss, no state to carry on), from the arguments of `forward` and a state, which must be None."""
        *pairs, state = batch
        if state is not None:
            raise ValueError("no state is carried from batch to batch")
        return self(*pairs), None

    @torch.no_grad()
    def greedy(self, source: Any, source_lengths: Any, max_length: int) -> list[Decoded]:
        """The most probable token of every step, row by row, up to <EOS> or for `max_length` steps."""
        state = self.encoder(*padded(source, source_lengths, 0))
        written = torch.full((len(source), 1), self.sos)
        for _ in range(max_length):
            logits, state = self.decoder(written[:, -1], state)
            written = torch.cat([written, logits.argmax(dim=1, keepdim=True)], dim=1)
        rows = []
        for row in written[:, 1:].tolist():
            length = row.index(self.eos) if self.eos in row else max_length
            rows.append(Decoded(row[:length], "max_length" if length == max_length else "eos"))
        return rows

    def state_shape(self, batch: int) -> list[tuple[int, int, int]]:
        """No state is carried from one batch to the next."""
        return []


def padded(tokens: Any, lengths: Any, padding: int) -> tuple[Tensor, Tensor]:
    """(indices with `padding` after each row's length, lengths), as wide as the longest row."""
    counts = torch.as_tensor(np.asarray(lengths))
    indices = torch.as_tensor(tokens)[:, : int(counts.max())]
    return indices.masked_fill(torch.arange(indices.shape[1]) >= counts[:, None], padding), counts
