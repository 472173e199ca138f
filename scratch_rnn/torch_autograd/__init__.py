"""Recurrent networks in torch tensors, the forward pass alone: autograd computes the backward pass.

Read rnn → lstm → gru → layer → stack, each with its NumPy twin of the same name (gru_reset_before: the
reset gate of the GRU before the matrix product, not after it); then the public classes:
packed, layout, rnn_base, modules, cells. checks, cell_checks and packed_checks hold the errors, protocols the
types at the seams, torch_names and fx what other code expects of torch.nn. fused/ is the fast engine, whose
backward pass is by hand. models/ has the models of the labs. replace puts the layers into an existing model.
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
