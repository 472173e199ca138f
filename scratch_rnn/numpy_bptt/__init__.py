"""Recurrent networks in NumPy, every backward pass derived and written by hand. Never imports torch.

Read in this order: ops, rnn, lstm, gru, layer, stack. Then what is around them:

    gru_reset_before   the other GRU: the reset gate acts before the matrix product
    packed             sequences of different lengths without padding
    layout             converts the callers' layouts (batch_first, unbatched, packed) to rows, and back
    base, rnn_base     parameters by name, checks, forward and backward
    engines            step by step, or fused
    modules, cells     the public classes: RNN, LSTM, GRU and their cells
    optim              SGD, Adam, gradient clipping
    protocols, checks  the types of a cell and an engine; checks of arguments
    fused/             the same equations arranged for speed
    models/            what the labs train
"""

from scratch_rnn.numpy_bptt import gru, lstm, rnn
from scratch_rnn.numpy_bptt.cells import GRUCell, LSTMCell, RNNCell
from scratch_rnn.numpy_bptt.modules import GRU, LSTM, RNN
from scratch_rnn.numpy_bptt.optim import SGD, Adam, clip_grad_norm
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
    "SGD",
    "Adam",
    "GRUCell",
    "LSTMCell",
    "PackedSequence",
    "RNNCell",
    "clip_grad_norm",
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
