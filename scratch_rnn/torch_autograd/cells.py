"""The cells that people call: RNNCell, LSTMCell and GRUCell, drop-in for those of torch.nn.

One time step each, with torch's attributes, parameters, repr, checks and shapes; the equations are in
rnn.py, lstm.py and gru.py.

Axes (scratch_rnn/notation.py): N batch, I input, H hidden. Input (N, I) or (I,); h and c (N, H) or (H,).
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module, Parameter, init

from scratch_rnn.checks import expect_one_of
from scratch_rnn.parameters import cell_shapes
from scratch_rnn.torch_autograd import checks, gru, lstm, rnn
from scratch_rnn.torch_autograd.fused import gru as fused_gru
from scratch_rnn.torch_autograd.fused import lstm as fused_lstm
from scratch_rnn.torch_autograd.fused import rnn as fused_rnn


class RNNCellBase(Module):
    """What the three cells have in common."""

    cell: Any
    _fused: Any
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def __init__(
        self,
        kind: str,
        input_size: int,
        hidden_size: int,
        bias: bool,
        device: Any,
        dtype: Any,
        engine: str,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        self.engine = expect_one_of(type(self).__name__, "engine", engine, ["steps", "fused"])
        checks.cell_constructor(type(self).__name__, input_size=input_size, hidden_size=hidden_size)
        shapes = cell_shapes(kind, input_size, hidden_size, bias)
        for name in self.cell.Params._fields[:4]:
            shape = shapes.get(name)
            empty = None if shape is None else Parameter(torch.empty(shape, device=device, dtype=dtype))
            self.register_parameter(name, empty)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """U(-1/√H, 1/√H) for every parameter, one draw each, in torch's order."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        """What differs from the defaults, as torch.nn prints it."""
        bias = [] if self.bias is True else [f"bias={self.bias}"]
        return ", ".join([str(self.input_size), str(self.hidden_size), *bias])

    def _next(self, input: Tensor, states: Sequence[Tensor] | None, **options: Any) -> Sequence[Tensor]:
        """One step; a single row is a batch of one."""
        who, batched = type(self).__name__, input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        if states is None:
            states = [x.new_zeros(len(x), self.hidden_size) for _ in self.cell.State._fields]
        elif not batched:
            states = [state.unsqueeze(0) for state in states]
        params = self.cell.Params(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        checks.cell_sizes(who, x, states, params.weight_ih, self.hidden_size)
        state = self.cell.State(*states)
        state_next: Sequence[Tensor]
        if self.engine == "fused":
            _, state_next = self._fused.forward(x, (len(x),), state, params, reverse=False, **options)
        else:
            state_next = self.cell.step(x, state, params, **options)
        return state_next if batched else [state.squeeze(0) for state in state_next]

    def _check(self, input: Any, hx: Any) -> None:
        """RNNCell's and GRUCell's checks on the number of axes."""
        who = type(self).__name__
        checks.is_tensor(who, "input", input)
        checks.cell_input_dim(who, "input", input)
        if hx is not None:
            checks.is_tensor(who, "hidden", hx)
            checks.cell_input_dim(who, "hidden", hx)


class RNNCell(RNNCellBase):
    """h' = tanh(…) or max(0, …); rnn.py has the equations."""

    cell, _fused = rnn, fused_rnn

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
        *,
        engine: str = "steps",
    ) -> None:
        super().__init__("rnn", input_size, hidden_size, bias, device, dtype, engine)
        self.nonlinearity = nonlinearity

    def extra_repr(self) -> str:
        """As the others, and the nonlinearity where it is not tanh."""
        if self.nonlinearity == "tanh":
            return super().extra_repr()
        return f"{super().extra_repr()}, nonlinearity={self.nonlinearity}"

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """H' (N, H), or (H,) for a single row."""
        self._check(input, hx)
        checks.cell_nonlinearity(self.nonlinearity)
        states = None if hx is None else [hx]
        return self._next(input, states, nonlinearity=self.nonlinearity)[0]


class LSTMCell(RNNCellBase):
    """(h', c'); lstm.py has the equations."""

    cell, _fused = lstm, fused_lstm

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        engine: str = "steps",
    ) -> None:
        super().__init__("lstm", input_size, hidden_size, bias, device, dtype, engine)

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, Tensor]:
        """(h', c'), each (N, H), or (H,) for a single row."""
        checks.is_tensor("LSTMCell", "input", input)
        checks.cell_input_dim("LSTMCell", "input", input)
        if hx is not None:
            checks.pair_of_states("LSTMCell", hx, input.dim() == 2)
            checks.lstm_cell_state_dim(hx)
            checks.two_states("LSTMCell", len(hx))
        h_next, c_next = self._next(input, hx)
        return h_next, c_next


class GRUCell(RNNCellBase):
    """h'; gru.py has the equations."""

    cell, _fused = gru, fused_gru

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        engine: str = "steps",
    ) -> None:
        super().__init__("gru", input_size, hidden_size, bias, device, dtype, engine)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """H' (N, H), or (H,) for a single row."""
        self._check(input, hx)
        return self._next(input, None if hx is None else [hx])[0]
