"""Sequence to sequence: an encoder reads a sentence, a decoder writes one. Autograd differentiates it.

The encoder's final state is the decoder's first state; there is no attention. encoder.py has the encoder,
decoder.py one step of the decoder's layers; this file has the loop over the tokens of the target.

     (1)  s_0 = encoder(source)                   the state of every layer
     (2)  w_0 = <SOS>
          for t = 0 … T-1:
     (3)      s_t = detach(s_t)                   every `truncate` steps, where that is set
     (4)      x_t = E[w_t]
     (5)      s_{t+1} = cells(x_t, s_t)
     (6)      o_t = h_{t+1} Wᵀ + b                h of the last layer
     (7)      log p_t = log_softmax(o_t)
     (8)      loss += - log p_t[target_t]         summed over the rows that have a token at t
     (9)      w_{t+1} = target_t                  with teacher forcing; else argmax p_t
    (10)  loss /= divisor

(3) is the identity forward and stops the gradient backward. (9) is an argmax: no gradient flows through it.
After its last token a row keeps running and is masked out of the loss in (8), so its gradient is zero there.

Sources: Cho et al. 2014, Sutskever et al. 2014; teacher forcing is Williams & Zipser 1989.

Axes (scratch_rnn/notation.py): T time, N batch, H hidden, V target vocabulary.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import embedding, linear, log_softmax, nll_loss

from scratch_rnn import seq2seq_common
from scratch_rnn.checks import expect_int
from scratch_rnn.seq2seq_common import Decoded, Generator, Sizes, truncates_at
from scratch_rnn.torch_autograd.models.decoder import CELLS, Decoder, detach, step
from scratch_rnn.torch_autograd.models.encoder import Encoder
from scratch_rnn.torch_autograd.models.tokens import Lengths, Tokens, make_batch, make_pair_batch


class Seq2Seq(Module):
    """`cell` is "rnn", "lstm" or "gru"; `sos` and `eos` are indices in the target vocabulary. `engine`
    computes the encoder's recurrent layer.

    A batch is source (N, T), a tensor or NumPy array of integers, with N lengths; and target (N, T), with
    another T and lengths of its own. To let the model learn where to stop, targets include <EOS>.

    Raises TypeError or ValueError for a bad size.
    """

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
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        engine: str = "steps",
    ) -> None:
        super().__init__()
        shape = source_size, target_size, embedding_size, hidden_size, num_layers
        self.sizes = seq2seq_common.check_sizes(Sizes(cell, *shape, bidirectional, sos, eos))
        self.encoder = Encoder(self.sizes, device, dtype, engine)
        self.decoder = Decoder(self.sizes, device, dtype)
        self.carried_sizes = ()  # every batch starts from its sources

    def forward(
        self,
        source: Tokens,
        source_lengths: Lengths,
        target: Tokens,
        target_lengths: Lengths,
        teacher_forcing: float = 1.0,
        generator: Generator | None = None,
        divide_by: float | str | None = None,
        truncate: int | None = None,
    ) -> Tensor:
        """The loss. `teacher_forcing` is the probability that a step reads the target token, drawn with one
        generator.random() per step below 1. `divide_by` is None (the sum of -log p over all tokens),
        "tokens" (the mean) or a number. Raises TypeError or ValueError for a bad argument.
        """
        cell, p = CELLS[self.sizes.cell], self.decoder.params()
        device = p.weight.device
        sources, targets = make_pair_batch(source, source_lengths, target, target_lengths, self.sizes, device)
        length = len(targets.tokens)
        teacher_forced = seq2seq_common.draw_teacher_forcing(teacher_forcing, generator, length)
        divisor = seq2seq_common.divisor(divide_by, sum(targets.lengths))
        seq2seq_common.check_truncate(truncate)

        state = self.encoder(sources)  # (1)
        token = torch.full((len(targets.lengths),), self.sizes.sos, device=device)  # (2)
        loss = p.weight.new_zeros(())
        for t, (target_t, mask_t) in enumerate(zip(targets.tokens, targets.mask, strict=True)):
            state = detach(state) if truncates_at(t, truncate) else state  # (3)
            x = embedding(token, p.embedding)  # (4)
            state = step(cell, x, state, p.layers)  # (5)
            logits = linear(state[-1].h, p.weight, p.bias)  # (6)
            log_p = log_softmax(logits, dim=1)  # (7)
            loss = loss + (mask_t * nll_loss(log_p, target_t, reduction="none")).sum()  # (8)
            token = target_t if teacher_forced[t] else log_p.argmax(dim=1)  # (9)
        return loss / divisor  # (10)

    def loss(self, *batch: Any) -> tuple[Tensor, None]:
        """(loss, None): what the trainer calls, with the arguments of `forward` and then None.

        No state is carried from batch to batch: ValueError for a last argument other than None.
        """
        *arguments, state = batch
        seq2seq_common.check_no_state("Seq2Seq", state)
        return self(*arguments), None

    @torch.no_grad()
    def greedy(self, source: Tokens, source_lengths: Lengths, max_length: int) -> list[Decoded]:
        """The most probable token of every step, row by row, up to <EOS> or for `max_length` steps."""
        expect_int("Seq2Seq", "max_length", max_length, 1)
        cell, p = CELLS[self.sizes.cell], self.decoder.params()
        device = p.weight.device
        predicted: list[Tensor] = []
        batch = make_batch("source", source, source_lengths, self.sizes.source_size, device)
        state = self.encoder(batch)  # (1)
        token = torch.full((len(batch.lengths),), self.sizes.sos, device=device)  # (2)
        ended = torch.zeros(len(token), dtype=torch.bool, device=device)
        while len(predicted) < max_length and not ended.all():
            x = embedding(token, p.embedding)  # (4)
            state = step(cell, x, state, p.layers)  # (5)
            logits = linear(state[-1].h, p.weight, p.bias)  # (6)
            token = logits.argmax(dim=1)  # (9)
            predicted.append(token)
            ended = ended | (token == self.sizes.eos)
        rows = torch.stack(predicted, dim=1).tolist()
        return [seq2seq_common.until_eos(row, self.sizes.eos) for row in rows]
