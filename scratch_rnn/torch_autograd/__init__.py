"""Recurrent networks in torch tensors, the forward pass alone: autograd writes the backward pass.

Read: rnn → lstm → gru → layer → stack, each beside its NumPy twin of the same name, then what surrounds
them: packed, edges, modules, cells; checks is what they refuse. What is made of them: encoder, decoder and
seq2seq, model and caption, trainer.
"""

from scratch_rnn.torch_autograd import gru, lstm, rnn
from scratch_rnn.torch_autograd.cells import GRUCell, LSTMCell, RNNCell
from scratch_rnn.torch_autograd.modules import GRU, LSTM, RNN
from scratch_rnn.torch_autograd.packed import (
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
    "GRUCell",
    "LSTMCell",
    "PackedSequence",
    "RNNCell",
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
