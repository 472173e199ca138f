"""The layers that people call: RNN, LSTM and GRU, with torch.nn's parameters, shapes and options.

What they have in common, and what goes in and comes out, is in recurrent.py.
"""

from typing import Any

import numpy as np

from scratch_rnn import checks
from scratch_rnn.numpy_bptt import gru, lstm, rnn
from scratch_rnn.numpy_bptt.fused import gru as fused_gru
from scratch_rnn.numpy_bptt.fused import lstm as fused_lstm
from scratch_rnn.numpy_bptt.fused import rnn as fused_rnn
from scratch_rnn.numpy_bptt.rnn_base import RNNBase
from scratch_rnn.parameters import Sizes


class RNN(RNNBase):
    """Elman RNN with tanh or ReLU; arguments as torch.nn.RNN, plus dtype, rng and engine.

    rng draws the first weights and the dropout masks (None: numpy.random.default_rng()).
    """

    cell, fused = rnn, fused_rnn

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
        engine: str = "fused",
    ) -> None:
        checks.expect_one_of("RNN", "nonlinearity", nonlinearity, ["tanh", "relu"])
        sizes = Sizes("rnn", input_size, hidden_size, num_layers, bias, bidirectional)
        self.nonlinearity = nonlinearity
        super().__init__(sizes, batch_first, dropout, dtype, rng, engine, nonlinearity=nonlinearity)


class LSTM(RNNBase):
    """LSTM, its h projected to proj_size where that is not 0; arguments as torch.nn.LSTM, plus dtype,
    rng and engine.

    rng draws the first weights and the dropout masks (None: numpy.random.default_rng()).
    """

    cell, fused = lstm, fused_lstm

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
        engine: str = "fused",
    ) -> None:
        sizes = Sizes("lstm", input_size, hidden_size, num_layers, bias, bidirectional, proj_size)
        super().__init__(sizes, batch_first, dropout, dtype, rng, engine)


class GRU(RNNBase):
    """GRU, reset after the matrix product; arguments as torch.nn.GRU, plus dtype, rng and engine.

    rng draws the first weights and the dropout masks (None: numpy.random.default_rng()).
    """

    cell, fused = gru, fused_gru

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
        engine: str = "fused",
    ) -> None:
        sizes = Sizes("gru", input_size, hidden_size, num_layers, bias, bidirectional)
        super().__init__(sizes, batch_first, dropout, dtype, rng, engine)
