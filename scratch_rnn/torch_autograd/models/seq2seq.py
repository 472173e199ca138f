"""Sequence to sequence: one network reads a sentence, another writes one. Autograd differentiates it.

All that passes between them is a state; there is no attention. The encoder is encoder.py, one step of the
decoder's cells is decoder.py; what stands here is the loop over the words of the target.

     (1)  s_0 = encoder(source)                   one state a layer; two directions go over the bridge
     (2)  w_0 = <SOS>
          for t = 0 … T-1:
     (3)      s_t is a constant from here on      every `truncate` steps, where asked
     (4)      x_t = E[w_t]
     (5)      s_{t+1} = cells(x_t, s_t)
     (6)      o_t = h_{t+1} Wᵀ + b                h of the last layer
     (7)      log p_t = log_softmax(o_t)
     (8)      loss += - log p_t[target_t]         over the rows that have a word at t
     (9)      w_{t+1} = target_t                  teacher forcing; or what p_t is largest at
    (10)  loss /= divisor

(9) picks a number, and a number has no gradient. A row that has ended runs on, unheard: (8) leaves it
out, so its gradient is zero.

Sources: Cho et al. 2014, Sutskever et al. 2014; teacher forcing is Williams & Zipser 1989.

Axes (scratch_rnn/notation.py): T time, N batch, H hidden, V target words.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import embedding, linear, log_softmax, nll_loss

from scratch_rnn import seq2seq_common
from scratch_rnn.checks import expect_int, message
from scratch_rnn.seq2seq_common import WHO, Decoded, Sizes, truncates_at
from scratch_rnn.torch_autograd.models.decoder import CELLS, Decoder, detach, step
from scratch_rnn.torch_autograd.models.encoder import Encoder
from scratch_rnn.torch_autograd.models.tokens import read, read_pairs


class Seq2Seq(Module):
    """`cell` is "rnn", "lstm" or "gru"; the sizes are numbers of words, and `sos` and `eos` two of the
    target's. `engine` runs the encoder's recurrent layer.

    A batch is source (N, T), integers in a tensor or a NumPy array, and its N lengths; target likewise,
    with a T of its own, <EOS> included where the model shall learn to stop.
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
        device: Any = None,
        dtype: Any = None,
        engine: str = "steps",
    ) -> None:
        super().__init__()
        shape = source_size, target_size, embedding_size, hidden_size, num_layers
        self.sizes = seq2seq_common.check_sizes(Sizes(cell, *shape, bidirectional, sos, eos))
        self.encoder = Encoder(self.sizes, device, dtype, engine)
        self.decoder = Decoder(self.sizes, device, dtype)

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
        """The loss. Below 1, `teacher_forcing` is the chance that a step's word comes from the target: one
        generator.random() a step. `divide_by` is None (the sum), "tokens" (the mean) or a number.
        """
        cell, p = CELLS[self.sizes.cell], self.decoder.params()
        device = p.weight.device
        heard, wanted = read_pairs(source, source_lengths, target, target_lengths, self.sizes, device)
        taught = seq2seq_common.draw_teacher_forcing(teacher_forcing, generator, len(wanted.words))
        divisor = seq2seq_common.divisor(divide_by, sum(wanted.lengths))
        seq2seq_common.check_truncate(truncate)

        state = self.encoder(heard)  # (1)
        word = wanted.words.new_full((len(wanted.lengths),), self.sizes.sos)  # (2)
        loss = p.weight.new_zeros(())
        for t, (expected, real) in enumerate(zip(wanted.words, wanted.real, strict=True)):
            state = detach(state) if truncates_at(t, truncate) else state  # (3)
            x = embedding(word, p.embedding)  # (4)
            state = step(cell, x, state, p.layers)  # (5)
            logits = linear(state[-1].h, p.weight, p.bias)  # (6)
            log_p = log_softmax(logits, dim=1)  # (7)
            loss = loss + (real * nll_loss(log_p, expected, reduction="none")).sum()  # (8)
            word = expected if taught[t] else log_p.argmax(dim=1)  # (9)
        return loss / divisor  # (10)

    def loss(self, *batch: Any) -> tuple[Tensor, None]:
        """As trainer.py calls it: forward's arguments, and behind them the last batch's state: None."""
        *arguments, state = batch
        if state is not None:
            raise ValueError(message(WHO, "no state of the last batch", type(state).__name__))
        return self(*arguments), None

    @torch.no_grad()
    def greedy(self, source: Any, source_lengths: Any, max_length: int) -> list[Decoded]:
        """Each row's words, the likeliest at every step, up to <EOS> or for `cap` steps."""
        expect_int(WHO, "cap", max_length, 1)
        cell, p = CELLS[self.sizes.cell], self.decoder.params()
        said: list[Tensor] = []
        heard = read("source", source, source_lengths, self.sizes.source_size, p.weight.device)
        state = self.encoder(heard)  # (1)
        word = torch.full((len(state[0].h),), self.sizes.sos, device=p.weight.device)  # (2)
        ended = word.new_zeros(len(word), dtype=torch.bool)
        while len(said) < max_length and not ended.all():
            x = embedding(word, p.embedding)  # (4)
            state = step(cell, x, state, p.layers)  # (5)
            logits = linear(state[-1].h, p.weight, p.bias)  # (6)
            word = logits.argmax(dim=1)  # (9)
            said.append(word)
            ended = ended | (word == self.sizes.eos)
        return [seq2seq_common.until_eos(row, self.sizes.eos) for row in torch.stack(said, dim=1).tolist()]
