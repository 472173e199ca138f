"""Sequence to sequence on torch.nn: the oracle of the translation lab.

nn.RNN, nn.LSTM or nn.GRU read the source, packed by torch's own packing; the same class, one step a call,
writes the target. No attention: the state is all that passes between them. Where the encoder has a second
direction, a linear map makes the decoder's first state of both: of h, and of c for LSTM.

Axes (scratch_rnn/notation.py): T time, N batch, H hidden, S states, L layers.

    source    indices (N, T), and N lengths; target likewise, with a T of its own
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

LAYERS: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Decoded(NamedTuple):
    """One row's words, and what stopped it: "eos", which is not among the words, or "cap"."""

    words: list[int]
    stopped: str


class Encoder(nn.Module):
    """Embedding and recurrent layer, and a bridge for each array of the state if there are two directions."""

    def __init__(
        self, cell: str, words: int, width: int, hidden: int, layers: int, bidirectional: bool, dtype: Any
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width, dtype=dtype)
        self.rnn = LAYERS[cell](width, hidden, layers, bidirectional=bidirectional, dtype=dtype)
        if bidirectional:
            self.bridge_h = nn.Linear(2 * hidden, hidden, dtype=dtype)
            if cell == "lstm":
                self.bridge_c = nn.Linear(2 * hidden, hidden, dtype=dtype)

    def forward(self, source: Tensor, lengths: Tensor) -> Any:
        """The decoder's first state, as its recurrent layer takes it."""
        x = self.embedding(source)
        _, state = self.rnn(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
        if not self.rnn.bidirectional:
            return state
        if isinstance(state, Tensor):
            return self.bridge_h(both(state))
        return self.bridge_h(both(state[0])), self.bridge_c(both(state[1]))


class Decoder(nn.Module):
    """Embedding, recurrent layer and head; one step a call."""

    def __init__(self, cell: str, words: int, width: int, hidden: int, layers: int, dtype: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width, dtype=dtype)
        self.rnn = LAYERS[cell](width, hidden, layers, dtype=dtype)
        self.head = nn.Linear(hidden, words, dtype=dtype)

    def forward(self, word: Tensor, state: Any) -> tuple[Tensor, Any]:
        """(log-probabilities of the next word (N, V), state)."""
        output, state = self.rnn(self.embedding(word)[None], state)
        return F.log_softmax(self.head(output[0]), dim=1), state


class Seq2Seq(nn.Module):
    """`cell` is "rnn", "lstm" or "gru"; sizes are numbers of words, `sos` and `eos` two of the target's."""

    def __init__(
        self,
        cell: str,
        source_size: int,
        target_size: int,
        embedding_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        sos: int,
        eos: int,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = embedding_size, hidden_size, num_layers
        self.encoder = Encoder(cell, source_size, *shape, bidirectional, dtype)
        self.decoder = Decoder(cell, target_size, *shape, dtype)
        self.sos, self.eos = sos, eos

    def forward(
        self,
        source: Any,
        source_lengths: Any,
        target: Any,
        target_lengths: Any,
        teacher_forcing: float = 1.0,
        generator: Any = None,
        divide_by: float | str | None = None,
        truncate: int | None = None,
    ) -> Tensor:
        """The negative log-likelihood of the target's words, over 1, over their number, or over a number.

        Below 1, `teacher_forcing` is the chance that the next step reads the target's word and not the
        model's own: one generator.random() a step. Every `truncate` steps the state is detached.
        """
        counts = np.asarray(target_lengths)
        real = torch.as_tensor(np.arange(counts.max()) < counts[:, None])
        words = torch.as_tensor(target)[:, : counts.max()].masked_fill(~real, 0)
        taught = [teacher_forcing == 1 or generator.random() < teacher_forcing for _ in words.T]

        state = self._encode(source, source_lengths)
        word = torch.full_like(words[:, 0], self.sos)
        losses = []
        for t, expected in enumerate(words.T):
            if truncate is not None and t > 0 and t % truncate == 0:
                state = detach(state)
            log_p, state = self.decoder(word, state)
            losses.append(F.nll_loss(log_p, expected, reduction="none"))
            word = expected if taught[t] else log_p.argmax(dim=1)
        total = torch.stack(losses, dim=1).masked_fill(~real, 0).sum()
        if divide_by is None:
            return total
        return total / (int(counts.sum()) if divide_by == "tokens" else float(divide_by))

    def loss(self, *batch: Any) -> tuple[Tensor, None]:
        """As trainer.py calls it: forward's arguments, and behind them the last batch's state: None."""
        return self(*batch[:-1]), None

    @torch.no_grad()
    def greedy(self, source: Any, source_lengths: Any, max_length: int) -> list[Decoded]:
        """Each row's words, the likeliest at every step, up to <EOS> or for `cap` steps."""
        state = self._encode(source, source_lengths)
        word = torch.full((len(source),), self.sos)
        said = []
        for _ in range(max_length):
            log_p, state = self.decoder(word, state)
            word = log_p.argmax(dim=1)
            said.append(word)
        return [self._until_eos(row) for row in torch.stack(said, dim=1).tolist()]

    def _encode(self, source: Any, lengths: Any) -> Any:
        counts = np.asarray(lengths)
        real = torch.as_tensor(np.arange(np.shape(source)[1]) < counts[:, None])
        return self.encoder(torch.as_tensor(source).masked_fill(~real, 0), torch.as_tensor(counts))

    def _until_eos(self, words: list[int]) -> Decoded:
        if self.eos in words:
            return Decoded(words[: words.index(self.eos)], "eos")
        return Decoded(words, "cap")


def both(states: Tensor) -> Tensor:
    """Each layer's two directions side by side: (S, N, H) -> (L, N, 2H)."""
    return torch.cat([states[0::2], states[1::2]], dim=2)


def detach(state: Any) -> Any:
    """The state, cut from the graph."""
    if isinstance(state, Sequence):
        return tuple(part.detach() for part in state)
    return state.detach()
