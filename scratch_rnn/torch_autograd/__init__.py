"""Recurrent networks in torch tensors, the forward pass alone: autograd computes the backward pass.

Read in this order, each with its NumPy twin of the same name: rnn, lstm, gru, layer, stack. Then:

    gru_reset_before   the other GRU: the reset gate acts before the matrix product
    packed, layout     sequences without padding; the callers' layouts to rows, and back
    rnn_base, modules  the public layers: RNN, LSTM, GRU
    cells              the public cells: RNNCell, LSTMCell, GRUCell
    replace            puts these layers and cells into an existing model
    protocols          the types of a cell and an engine
    *checks            torch's errors: of constructors, layers, cells and packing
    torch_names, fx    what other code expects of torch.nn's modules
    differences        where this tree differs from torch.nn on purpose
    fused/             the same equations arranged for speed, their backward pass by hand
    models/            what the labs train
"""

from scratch_rnn.torch_autograd import gru, lstm, rnn
from scratch_rnn.torch_autograd.cells import GRUCell, LSTMCell, RNNCell, RNNCellBase
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
from scratch_rnn.torch_autograd.replace import replace
from scratch_rnn.torch_autograd.rnn_base import RNNBase

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "GRUCell",
    "LSTMCell",
    "PackedSequence",
    "RNNBase",
    "RNNCell",
    "RNNCellBase",
    "gru",
    "invert_permutation",
    "last_step",
    "lstm",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "replace",
    "rnn",
    "unpack_sequence",
    "unpad_sequence",
]
