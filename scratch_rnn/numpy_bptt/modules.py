"""The layers that people call: RNN, LSTM and GRU, with torch.nn's parameters, shapes and options.

Their common part, with the shapes of inputs and outputs, is in rnn_base.py.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy import ndarray
from numpy.typing import DTypeLike

from scratch_rnn import checks
from scratch_rnn.numpy_bptt import gru, gru_reset_before, lstm, rnn
from scratch_rnn.numpy_bptt.base import AnyCell
from scratch_rnn.numpy_bptt.checks import Seed
from scratch_rnn.numpy_bptt.engines import AnyEngine
from scratch_rnn.numpy_bptt.fused import gru as fused_gru
from scratch_rnn.numpy_bptt.fused import gru_reset_before as fused_gru_reset_before
from scratch_rnn.numpy_bptt.fused import lstm as fused_lstm
from scratch_rnn.numpy_bptt.fused import rnn as fused_rnn
from scratch_rnn.numpy_bptt.rnn_base import RNNBase
from scratch_rnn.parameters import Sizes


class RNN(RNNBase[ndarray]):
    """Elman RNN with tanh or ReLU; arguments as torch.nn.RNN, plus dtype, rng and engine.

    rng (a Generator, an int seed or None) draws the first weights and the dropout masks; engine is "steps"
    (rnn.py step by step) or "fused". Raises ValueError or TypeError for a bad argument.
    """

    kind, cell, fused = "rnn", rnn, fused_rnn

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
        dtype: DTypeLike = np.float32,
        rng: Seed = None,
        engine: str = "fused",
    ) -> None:
        self.nonlinearity = checks.expect_one_of("RNN", "nonlinearity", nonlinearity, ["tanh", "relu"])
        sizes = Sizes("rnn", input_size, hidden_size, num_layers, bias, bidirectional)
        super().__init__(sizes, batch_first, dropout, dtype, rng, engine, nonlinearity=nonlinearity)

    @classmethod
    def from_state_dict(
        cls,
        named: Mapping[str, object],
        *,
        nonlinearity: str = "tanh",
        batch_first: bool = False,
        dropout: float = 0.0,
        dtype: DTypeLike | None = None,
        rng: Seed = None,
        engine: str = "fused",
    ) -> Self:
        """As RNNBase.from_state_dict, plus the nonlinearity."""
        options = {"batch_first": batch_first, "dropout": dropout, "rng": rng, "engine": engine}
        return cls._from_state_dict(named, dtype, nonlinearity=nonlinearity, **options)


class LSTM(RNNBase[tuple[ndarray, ndarray]]):
    """LSTM, with h projected to proj_size if that is not 0; arguments as torch.nn.LSTM, plus dtype, rng and
    engine.

    rng (a Generator, an int seed or None) draws the first weights and the dropout masks; engine is "steps"
    (lstm.py step by step) or "fused". Raises ValueError or TypeError for a bad argument.
    """

    kind, cell, fused = "lstm", lstm, fused_lstm

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
        dtype: DTypeLike = np.float32,
        rng: Seed = None,
        engine: str = "fused",
    ) -> None:
        sizes = Sizes("lstm", input_size, hidden_size, num_layers, bias, bidirectional, proj_size)
        super().__init__(sizes, batch_first, dropout, dtype, rng, engine)


class GRU(RNNBase[ndarray]):
    """GRU; arguments as torch.nn.GRU, plus reset_after, dtype, rng and engine.

    The reset gate acts after the matrix product (gru.py), or with reset_after=False before it
    (gru_reset_before.py). rng (a Generator, an int seed or None) draws the first weights and the dropout
    masks; engine is "steps" (the cell file step by step) or "fused". Raises ValueError or TypeError for a bad
    argument.
    """

    kind = "gru"
    cell: AnyCell = gru
    fused: AnyEngine = fused_gru

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
        reset_after: bool = True,
        dtype: DTypeLike = np.float32,
        rng: Seed = None,
        engine: str = "fused",
    ) -> None:
        self.reset_after = checks.expect_bool("GRU", "reset_after", reset_after)
        if not reset_after:
            self.cell, self.fused = gru_reset_before, fused_gru_reset_before
        sizes = Sizes("gru", input_size, hidden_size, num_layers, bias, bidirectional)
        super().__init__(sizes, batch_first, dropout, dtype, rng, engine)

    @classmethod
    def from_state_dict(
        cls,
        named: Mapping[str, object],
        *,
        reset_after: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        dtype: DTypeLike | None = None,
        rng: Seed = None,
        engine: str = "fused",
    ) -> Self:
        """As RNNBase.from_state_dict, plus reset_after: the same names and shapes fit both kinds of GRU."""
        options = {"batch_first": batch_first, "dropout": dropout, "rng": rng, "engine": engine}
        return cls._from_state_dict(named, dtype, reset_after=reset_after, **options)

    def _options(self) -> dict[str, object]:
        return super()._options() | ({} if self.reset_after else {"reset_after": False})
