"""The layers that people call: RNN, LSTM and GRU, drop-in for the torch.nn classes of the same name.

What they have in common is in rnn_base.py; shapes and states are described there too.
"""

import torch

from scratch_rnn.checks import expect_bool
from scratch_rnn.torch_autograd import constructor_checks
from scratch_rnn.torch_autograd.rnn_base import Device, RNNBase


class RNN(RNNBase):
    """Elman RNN with tanh or ReLU (rnn.py), over all steps, in layers and directions.

    `proj_size` must be 0: torch has it at this position, and only the LSTM has a projection. `engine` is
    "steps" (rnn.py step by step, differentiated by autograd) or "fused" (fused/rnn.py). Raises what torch.nn
    raises.
    """

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
        proj_size: int = 0,
        device: Device = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = "steps",
    ) -> None:
        constructor_checks.no_projection(proj_size)
        constructor_checks.nonlinearity(nonlinearity)
        super().__init__(
            f"RNN_{nonlinearity.upper()}",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
            engine=engine,
        )
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """LSTM (lstm.py), over all steps, in layers and directions; `proj_size` > 0 projects h to that width.

    `engine` is "steps" (lstm.py step by step, differentiated by autograd) or "fused" (fused/lstm.py). Raises
    what torch.nn raises.
    """

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
        device: Device = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = "steps",
    ) -> None:
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
            engine=engine,
        )

    def get_expected_cell_size(
        self, input: torch.Tensor, batch_sizes: torch.Tensor | None
    ) -> tuple[int, ...]:
        """(S, N, H), the shape of c. torch.nn.LSTM has this name too."""
        return self._expected_states(input, batch_sizes)[1]


class GRU(RNNBase):
    """GRU (gru.py), over all steps, in layers and directions.

    With reset_after=False the reset gate acts before the matrix product (gru_reset_before.py), and `mode` is
    "GRU_RESET_BEFORE"; torch.nn has no such argument.

    `proj_size` must be 0: torch has it at this position, and only the LSTM has a projection. `engine` is
    "steps" (the cell file step by step, differentiated by autograd) or "fused" (the file of the same name in
    fused/). Raises what torch.nn raises.
    """

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
        device: Device = None,
        dtype: torch.dtype | None = None,
        *,
        reset_after: bool = True,
        engine: str = "steps",
    ) -> None:
        constructor_checks.no_projection(proj_size)
        super().__init__(
            "GRU" if expect_bool("GRU", "reset_after", reset_after) else "GRU_RESET_BEFORE",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
            engine=engine,
        )

    @property
    def reset_after(self) -> bool:
        """Whether the reset gate acts after the matrix product."""
        return self.mode == "GRU"
