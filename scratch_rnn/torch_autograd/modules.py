"""The layers that people call: RNN, LSTM and GRU, drop-in for the torch.nn classes of the same name.

What they have in common, and what goes in and comes out, is in recurrent.py.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from scratch_rnn.torch_autograd import checks, gru, lstm, rnn, stack
from scratch_rnn.torch_autograd.fused import gru as fused_gru
from scratch_rnn.torch_autograd.fused import lstm as fused_lstm
from scratch_rnn.torch_autograd.fused import rnn as fused_rnn
from scratch_rnn.torch_autograd.rnn_base import RNNBase


class RNN(RNNBase):
    """Elman RNN with tanh or ReLU. Arguments, in order: input_size, hidden_size, num_layers=1,
    nonlinearity="tanh", bias=True, batch_first=False, dropout=0.0, bidirectional=False, device=None,
    dtype=None, and by name engine="steps".
    """

    cell, _fused = rnn, fused_rnn

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            checks.no_projection(None)
        if len(args) > 3:
            args, nonlinearity = args[:3] + args[4:], args[3]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        checks.nonlinearity(nonlinearity)
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity

    def _engine(self, **options: str) -> stack.Engine:
        return super()._engine(nonlinearity=self.nonlinearity, **options)


class LSTM(RNNBase):
    """LSTM. Arguments, in order: input_size, hidden_size, num_layers=1, bias=True, batch_first=False,
    dropout=0.0, bidirectional=False, proj_size=0, device=None, dtype=None, and by name engine="steps".
    """

    cell, _fused = lstm, fused_lstm

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def _split_state(self, hx: Any, batched: bool) -> Sequence[Tensor]:
        checks.pair_of_states("LSTM", hx, batched)
        if len(hx) < 2:
            checks.two_states("LSTM", len(hx))
        return tuple(hx)


class GRU(RNNBase):
    """GRU, reset after the matrix product. Arguments, in order: input_size, hidden_size, num_layers=1,
    bias=True, batch_first=False, dropout=0.0, bidirectional=False, device=None, dtype=None, and by name
    engine="steps". As in torch.nn, device stands behind an eighth argument that must be 0.
    """

    cell, _fused = gru, fused_gru

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            checks.no_projection(None)
        super().__init__("GRU", *args, **kwargs)
