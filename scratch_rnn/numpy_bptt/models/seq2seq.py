"""Sequence to sequence: an encoder reads a sentence, a decoder writes one. Its backward pass is by hand.

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

Axes (scratch_rnn/notation.py): T time, N batch, R = T·N rows, H hidden, V target vocabulary.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.typing import DTypeLike

from scratch_rnn import seq2seq_common
from scratch_rnn.checks import expect_int, message
from scratch_rnn.numpy_bptt import checks
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
from scratch_rnn.numpy_bptt.models.tokens import Lengths, TokenBatch, make_batch, make_pair_batch
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
from scratch_rnn.numpy_bptt.protocols import Arrays, State
from scratch_rnn.seq2seq_common import Decoded, Generator, Sizes, truncates_at


class Step(NamedTuple):
    """What one step of the loop saves for `backward`."""

    token: Int[ndarray, "N"]
    caches: Sequence[object]
    h: Float[ndarray, "N H"]
    log_p: Float[ndarray, "N V"]


class Tape(NamedTuple):
    """What `forward` saves for `backward`; `state` is the last one."""

    sizes: Sizes
    encoder: encoder.Tape
    params: Params
    target: TokenBatch
    steps: list[Step]
    state: Sequence[State]
    truncate: int | None
    divisor: float


class Seq2Seq(Module):
    """`cell` is "rnn", "lstm" or "gru"; `sos` and `eos` are indices in the target vocabulary. `rng` draws
    the first weights; `engine` computes the encoder's recurrent layer.

    A batch is source (N, T), an array of integers, with N lengths; and target (N, T), with another T and
    lengths of its own. To let the model learn where to stop, targets include <EOS>.

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
        dtype: DTypeLike = np.float32,
        rng: checks.Seed = None,
        engine: str = "fused",
    ) -> None:
        shape = source_size, target_size, embedding_size, hidden_size, num_layers
        self.sizes = seq2seq_common.check_sizes(Sizes(cell, *shape, bidirectional, sos, eos))
        rng, dtype = checks.generator("Seq2Seq", rng), checks.expect_float_type("Seq2Seq", dtype)
        self.encoder = Encoder(self.sizes, dtype, rng, engine)
        self.decoder = Decoder(self.sizes, dtype, rng)
        self.carried_sizes = ()  # every batch starts from its sources
        super().__init__({"encoder": self.encoder, "decoder": self.decoder})

    def __call__(self, *batch: Any, **options: Any) -> float:
        """The loss; arguments as for `forward`."""
        return self.forward(*batch, **options)[0]

    def forward(
        self,
        source: ndarray,
        source_lengths: Lengths,
        target: ndarray,
        target_lengths: Lengths,
        teacher_forcing: float = 1.0,
        generator: Generator | None = None,
        divide_by: float | str | None = None,
        truncate: int | None = None,
    ) -> tuple[float, Tape]:
        """(loss, tape). `teacher_forcing` is the probability that a step reads the target token, drawn with
        one generator.random() per step below 1. `divide_by` is None (the sum of -log p over all tokens),
        "tokens" (the mean) or a number. Raises TypeError or ValueError for a bad argument.
        """
        sources, targets = make_pair_batch(source, source_lengths, target, target_lengths, self.sizes)
        length = len(targets.tokens)
        teacher_forced = seq2seq_common.draw_teacher_forcing(teacher_forcing, generator, length)
        divisor = seq2seq_common.divisor(divide_by, sum(targets.lengths))
        seq2seq_common.check_truncate(truncate)

        cell, p, steps = CELLS[self.sizes.cell], self.decoder.params(), []
        state, encoder_tape = self.encoder.forward(sources)  # (1)
        token = np.full(len(targets.lengths), self.sizes.sos)  # (2)
        loss = np.zeros((), p.weight.dtype)
        for target_t, mask_t, forced in zip(targets.tokens, targets.mask, teacher_forced, strict=True):
            # (3)  is the identity here; `backward` stops the gradient.
            x = embedding(token, p.embedding)  # (4)
            state, caches = step(cell, x, state, p.layers)  # (5)
            h = state[-1].h
            logits = linear(h, p.weight, p.bias)  # (6)
            log_p = log_softmax(logits)  # (7)
            loss = loss + (mask_t * nll(log_p, target_t)).sum()  # (8)
            steps.append(Step(token, caches, h, log_p))
            token = target_t if forced else log_p.argmax(axis=1)  # (9)
        loss = loss / divisor  # (10)
        saved = p, targets, steps, state, truncate, divisor
        return float(loss), Tape(self.sizes, encoder_tape, *saved)

    def backward(self, tape: Tape, d_loss: float = 1.0) -> dict[str, ndarray]:
        """The gradient with respect to every parameter as it was in `forward`, by name.

        ValueError for a tape of a model with other sizes.
        """
        if tape.sizes != self.sizes:
            raise ValueError(message("Seq2Seq", f"a tape of {self.sizes}", tape.sizes))
        cell, p, steps, times = CELLS[self.sizes.cell], tape.params, tape.steps, len(tape.steps)
        log_p = np.concatenate([s.log_p for s in steps])
        # (10), (8)  Every real token adds -log p / divisor to the loss. All steps at once, as R rows.
        d_nll = (tape.target.mask.reshape(-1) * (d_loss / tape.divisor)).astype(log_p.dtype)
        d_log_p = nll_backward(d_nll, log_p, tape.target.tokens.reshape(-1))
        # (7)  log p = log_softmax(o)
        d_logits = log_softmax_backward(d_log_p, log_p)
        # (6)  o = h Wᵀ + b
        h = np.concatenate([s.h for s in steps])
        d_h, d_weight, d_bias = linear_backward(d_logits, h, p.weight, p.bias)
        d_h_at, d_xs = np.split(d_h, times), list[ndarray]()
        d_layers: list[Arrays] | None = None
        d_state = zeros(tape.state)  # the loss does not depend on the last state
        for t in reversed(range(times)):
            # (5)  All steps share the parameters: their gradients add up.
            d_x, d_state, d_p = step_backward(cell, d_h_at[t], d_state, steps[t].caches, p.layers)
            d_xs.append(d_x)
            d_layers = d_p if d_layers is None else add(d_layers, d_p)
            # (3)  s_t = detach(s_t): the gradient stops.
            if truncates_at(t, tape.truncate):
                d_state = zeros(d_state)
        # (4)  x = E[w].  All steps at once; a row of E accumulates the gradient of every lookup.
        tokens = np.concatenate([s.token for s in steps])
        d_embedding = embedding_backward(np.concatenate(d_xs[::-1]), tokens, p.embedding)
        assert d_layers is not None, "a target has at least one token"
        d_decoder = by_name(Params(d_embedding, d_layers, d_weight, np.asarray(d_bias)))
        # (1)  s_0 = encoder(source)
        d_encoder = self.encoder.backward(tape.encoder, d_state)
        return under("encoder", d_encoder) | under("decoder", d_decoder)

    def loss(self, *batch: Any) -> tuple[float, None, Tape]:
        """(loss, None, tape): what the trainer calls, with the arguments of `forward` and then None.

        No state is carried from batch to batch: ValueError for a last argument other than None.
        """
        *arguments, state = batch
        seq2seq_common.check_no_state("Seq2Seq", state)
        loss, tape = self.forward(*arguments)
        return loss, None, tape

    def greedy(self, source: ndarray, source_lengths: Lengths, max_length: int) -> list[Decoded]:
        """The most probable token of every step, row by row, up to <EOS> or for `max_length` steps."""
        expect_int("Seq2Seq", "max_length", max_length, 1)
        cell, p = CELLS[self.sizes.cell], self.decoder.params()
        predicted: list[ndarray] = []
        batch = make_batch("source", source, source_lengths, self.sizes.source_size)
        state, _ = self.encoder.forward(batch)  # (1)
        token = np.full(len(batch.lengths), self.sizes.sos)  # (2)
        ended = np.zeros(len(token), bool)
        while len(predicted) < max_length and not ended.all():
            x = embedding(token, p.embedding)  # (4)
            state, _ = step(cell, x, state, p.layers)  # (5)
            logits = linear(state[-1].h, p.weight, p.bias)  # (6)
            token = logits.argmax(axis=1)  # (9)
            predicted.append(token)
            ended = ended | (token == self.sizes.eos)
        rows = np.stack(predicted, axis=1).tolist()
        return [seq2seq_common.until_eos(row, self.sizes.eos) for row in rows]
