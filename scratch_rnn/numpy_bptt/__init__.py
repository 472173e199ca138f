"""Recurrent networks in NumPy, every backward pass derived and written by hand. Never imports torch.

Read: ops → rnn → lstm → gru → layer → stack, then what surrounds them: packed (sequences of different
lengths), edges (callers' layouts), recurrent and modules (the classes that people call), optim. What is
made of them: encoder, decoder and seq2seq (translation), model and caption (what the labs train), trainer.
"""

from scratch_rnn.numpy_bptt import gru, lstm, rnn
from scratch_rnn.numpy_bptt.modules import GRU, LSTM, RNN
from scratch_rnn.numpy_bptt.packed import (
    PackedSequence,
    invert_permutation,
    last_step,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "PackedSequence",
    "gru",
    "invert_permutation",
    "last_step",
    "lstm",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "rnn",
    "unpack_sequence",
    "unpad_sequence",
]
