"""torch.nn's recurrent layers, cells and packing functions: the oracle that the parity code compares with.

The parity code asks a library for a class or a function by name. This module is that library for torch.nn,
as scratch_rnn.numpy_bptt and scratch_rnn.torch_autograd are for the two trees.
"""

from torch.nn import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from torch.nn.utils.rnn import (
    PackedSequence,
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
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]
