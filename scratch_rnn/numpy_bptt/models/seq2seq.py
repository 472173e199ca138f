"""Sequence to sequence, differentiated by hand: one network reads a sentence, another writes one.

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

(9) picks a number, and a number has no gradient. (3) changes nothing on the way there; on the way back no
gradient passes. A row that has ended runs on, unheard: (8) leaves it out, so its gradient is zero.

Sources: Cho et al. 2014, Sutskever et al. 2014; teacher forcing is Williams & Zipser 1989.

Axes (scratch_rnn/notation.py): T time, N batch, R = T·N rows, H hidden, V target words.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from scratch_rnn import seq2seq_common
from scratch_rnn.checks import expect_int, message
from scratch_rnn.numpy_bptt.models import encoder
from scratch_rnn.numpy_bptt.models.decoder import (
    CELLS,
    Decoder,
    Params,
    add,
    by_name,
    step,
    step_backward,
    zeros,
)
from scratch_rnn.numpy_bptt.models.encoder import Encoder
from scratch_rnn.numpy_bptt.models.module import Module, under
from scratch_rnn.numpy_bptt.models.tokens import Sentences, read, read_pairs
from scratch_rnn.numpy_bptt.ops import (
    embedding,
    embedding_backward,
    linear,
    linear_backward,
    log_softmax,
    log_softmax_backward,
    nll,
    nll_backward,
)
from scratch_rnn.seq2seq_common import WHO, Decoded, Sizes, truncates_at


class Step(NamedTuple):
    """What one step of the loop leaves for the way back."""

    word: Int[ndarray, "N"]
    caches: list[Any]
    h: Float[ndarray, "N H"]
    log_p: Float[ndarray, "N V"]


class Tape(NamedTuple):
    """What `forward` writes down for `backward`."""

    sizes: Sizes
    encoder: encoder.Tape
    params: Params
    target: Sentences
    steps: list[Step]
    state: list[Any]
    truncate: int | None
    divisor: float


class Seq2Seq(Module):
    """`cell` is "rnn", "lstm" or "gru"; the sizes are numbers of words, and `sos` and `eos` two of the
    target's. `rng` draws the first weights, `engine` runs the encoder's recurrent layer.

    A batch is source (N, T), an array of integers, and its N lengths; target likewise, with a T of its
    own, <EOS> included where the model shall learn to stop.
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
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
        engine: str = "fused",
    ) -> None:
        shape = source_size, target_size, embedding_size, hidden_size, num_layers
        self.sizes = seq2seq_common.check_sizes(Sizes(cell, *shape, bidirectional, sos, eos))
        rng = np.random.default_rng() if rng is None else rng
        self.encoder = Encoder(self.sizes, dtype, rng, engine)
        self.decoder = Decoder(self.sizes, dtype, rng)
        super().__init__({"encoder": self.encoder, "decoder": self.decoder})

    def __call__(self, *batch: Any, **options: Any) -> float:
        """The loss; arguments as `forward`."""
        return self.forward(*batch, **options)[0]

    def forward(
        self,
        source: ndarray,
        source_lengths: Any,
        target: ndarray,
        target_lengths: Any,
        teacher_forcing: float = 1.0,
        generator: Any = None,
        divide_by: float | str | None = None,
        truncate: int | None = None,
    ) -> tuple[float, Tape]:
        """(loss, tape). Below 1, `teacher_forcing` is the chance that a step's word comes from the target:
        one generator.random() a step. `divide_by` is None (the sum), "tokens" (the mean) or a number.
        """
        heard, wanted = read_pairs(source, source_lengths, target, target_lengths, self.sizes)
        taught = seq2seq_common.draw_teacher_forcing(teacher_forcing, generator, len(wanted.words))
        divisor = seq2seq_common.divisor(divide_by, sum(wanted.lengths))
        seq2seq_common.check_truncate(truncate)

        cell, p, steps = CELLS[self.sizes.cell], self.decoder.params(), []
        state, encoder_tape = self.encoder.forward(heard)  # (1)
        word = np.full(len(wanted.lengths), self.sizes.sos)  # (2)
        loss = np.zeros((), p.weight.dtype)
        for expected, real, teach in zip(wanted.words, wanted.real, taught, strict=True):
            # (3)  only `backward` can tell
            x = embedding(word, p.embedding)  # (4)
            state, caches = step(cell, x, state, p.layers)  # (5)
            h = state[-1].h
            logits = linear(h, p.weight, p.bias)  # (6)
            log_p = log_softmax(logits)  # (7)
            loss = loss + (real * nll(log_p, expected)).sum()  # (8)
            steps.append(Step(word, caches, h, log_p))
            word = expected if teach else log_p.argmax(axis=1)  # (9)
        loss = loss / divisor  # (10)
        kept = p, wanted, steps, state, truncate, divisor
        return float(loss), Tape(self.sizes, encoder_tape, *kept)

    def backward(self, tape: Tape, d_loss: float = 1.0) -> dict[str, ndarray]:
        """The gradient of every parameter, by name; those of the time of `forward`."""
        if tape.sizes != self.sizes:
            raise ValueError(message(WHO, f"a tape of {self.sizes}", tape.sizes))
        cell, p, steps, times = CELLS[self.sizes.cell], tape.params, tape.steps, len(tape.steps)
        log_p = np.concatenate([s.log_p for s in steps])
        # (10), (8)  Every real word costs its -log p, over the divisor. Of all steps at once, as rows.
        d_nll = (tape.target.real.reshape(-1) * (d_loss / tape.divisor)).astype(log_p.dtype)
        d_log_p = nll_backward(d_nll, log_p, tape.target.words.reshape(-1))
        # (7)  log p = log_softmax(o)
        d_logits = log_softmax_backward(d_log_p, log_p)
        # (6)  o = h Wᵀ + b
        h = np.concatenate([s.h for s in steps])
        d_h, d_weight, d_bias = linear_backward(d_logits, h, p.weight, p.bias)
        d_h_at, d_x_at, d_layers = np.split(d_h, times), [h] * times, None
        d_state = zeros(tape.state)  # nobody reads the last state
        for t in reversed(range(times)):
            # (5)  Every step reads the same cells: their shares add up.
            d_x_at[t], d_state, d_p = step_backward(cell, d_h_at[t], d_state, steps[t].caches, p.layers)
            d_layers = d_p if d_layers is None else add(d_layers, d_p)
            # (3)  A constant: no gradient passes.
            if truncates_at(t, tape.truncate):
                d_state = zeros(d_state)
        # (4)  x = E[w].  Of all steps at once; a word gathers all that comes back from where it was read.
        words = np.concatenate([s.word for s in steps])
        d_embedding = embedding_backward(np.concatenate(d_x_at), words, p.embedding)
        d_decoder = by_name(Params(d_embedding, d_layers or [], d_weight, np.asarray(d_bias)))
        # (1)  s_0 = encoder(source)
        d_encoder = self.encoder.backward(tape.encoder, d_state)
        return under("encoder", d_encoder) | under("decoder", d_decoder)

    def loss(self, *batch: Any) -> tuple[float, None, Tape]:
        """As trainer.py calls it: forward's arguments, and behind them the last batch's state: None."""
        *arguments, state = batch
        if state is not None:
            raise ValueError(message(WHO, "no state of the last batch", type(state).__name__))
        loss, tape = self.forward(*arguments)
        return loss, None, tape

    def greedy(self, source: ndarray, source_lengths: Any, max_length: int) -> list[Decoded]:
        """Each row's words, the likeliest at every step, up to <EOS> or for `cap` steps."""
        expect_int(WHO, "cap", max_length, 1)
        cell, p = CELLS[self.sizes.cell], self.decoder.params()
        said: list[ndarray] = []
        heard = read("source", source, source_lengths, self.sizes.source_size)
        state, _ = self.encoder.forward(heard)  # (1)
        word = np.full(len(state[0].h), self.sizes.sos)  # (2)
        ended = np.zeros(len(word), bool)
        while len(said) < max_length and not ended.all():
            x = embedding(word, p.embedding)  # (4)
            state, _ = step(cell, x, state, p.layers)  # (5)
            logits = linear(state[-1].h, p.weight, p.bias)  # (6)
            word = logits.argmax(axis=1)  # (9)
            said.append(word)
            ended = ended | (word == self.sizes.eos)
        return [seq2seq_common.until_eos(row, self.sizes.eos) for row in np.stack(said, axis=1).tolist()]
