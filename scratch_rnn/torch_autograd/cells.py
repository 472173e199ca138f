"""The cells that people call: RNNCell, LSTMCell and GRUCell, drop-in for torch.nn's of the same name.

One time step each, with torch's attributes, parameters, repr, shapes and errors (cell_checks.py); the
equations are in rnn.py, lstm.py, gru.py and gru_reset_before.py.

Axes (scratch_rnn/notation.py): N batch, I input, H hidden, G gate rows. Input (N, I) or (I,); h and c (N, H)
or (H,).
"""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import Module, Parameter, init

from scratch_rnn.checks import expect_bool, expect_one_of
from scratch_rnn.parameters import cell_shapes
from scratch_rnn.torch_autograd import cell_checks, fx, gru, gru_reset_before, lstm, rnn
from scratch_rnn.torch_autograd.fused import gru as fused_gru
from scratch_rnn.torch_autograd.fused import gru_reset_before as fused_gru_reset_before
from scratch_rnn.torch_autograd.fused import lstm as fused_lstm
from scratch_rnn.torch_autograd.fused import rnn as fused_rnn
from scratch_rnn.torch_autograd.protocols import AnyCell, FusedCell
from scratch_rnn.torch_autograd.rnn_base import Device


class RNNCellBase(Module):
    """What the three cells have in common; the weights have G = num_chunks · H rows.

    As in torch, a subclass with an equation of its own says num_chunks and has its own forward.
    """

    __constants__: ClassVar = ["input_size", "hidden_size", "bias"]

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Device = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = "steps",
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        self.engine = expect_one_of(type(self).__name__, "engine", engine, ["steps", "fused"])
        cell_checks.cell_constructor(type(self).__name__, input_size=input_size, hidden_size=hidden_size)
        for name, (rows, *columns) in cell_shapes("rnn", input_size, hidden_size, bias=True).items():
            parameter = None
            if bias or not name.startswith("bias"):
                shape = (num_chunks * rows, *columns)
                parameter = Parameter(torch.empty(shape, device=device, dtype=dtype))
            self.register_parameter(name, parameter)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """U(-1/√H, 1/√H) for every parameter, one draw each, in torch's order."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    __prepare_scriptable__ = fx.refuse_script

    def extra_repr(self) -> str:
        """The arguments that differ from the defaults, as torch.nn prints them."""
        changed = [] if self.bias is True else [f"bias={self.bias}"]
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        if nonlinearity != "tanh":
            changed.append(f"nonlinearity={nonlinearity}")
        return ", ".join([str(self.input_size), str(self.hidden_size), *changed])

    def _next(
        self, name: str, cell: AnyCell, fused: FusedCell, input: Tensor, hx: object, **options: str
    ) -> list[Tensor]:
        """(x, s) -> s' of the cell called `name`, after its checks. A single row is a batch of one."""
        params = cell.Params(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        x, states = cell_checks.cell_call(name, input, hx, self.weight_ih, self.hidden_size, **options)
        if states is None:
            number = 2 if name == "LSTMCell" else 1
            states = [x.new_zeros(x.shape[0], self.hidden_size) for _ in range(number)]
        state = cell.State(*states)
        if self.engine == "fused":
            _, state_next = fused.forward(x, (x.shape[0],), state, params, reverse=False, **options)
        else:
            state_next = cell.step(x, state, params, **options)
        return [part if input.dim() == 2 else part.squeeze(0) for part in state_next]


class RNNCell(RNNCellBase):
    """h' = tanh(…) or max(0, …); rnn.py has the equations."""

    __constants__: ClassVar = [*RNNCellBase.__constants__, "nonlinearity"]

    cell = rnn

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Device = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = "steps",
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype, engine=engine)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state h', (N, H), or (H,) for a single row."""
        if fx.is_proxy(input):
            recorded: Tensor = fx.record(self, input, hx)
            return recorded
        return self._next("RNNCell", rnn, fused_rnn, input, hx, nonlinearity=self.nonlinearity)[0]


class LSTMCell(RNNCellBase):
    """(h', c'); lstm.py has the equations."""

    cell = lstm

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Device = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = "steps",
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype, engine=engine)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """(h', c'), each (N, H), or (H,) for a single row."""
        if fx.is_proxy(input):
            recorded: tuple[Tensor, Tensor] = fx.record(self, input, hx)
            return recorded
        h_next, c_next = self._next("LSTMCell", lstm, fused_lstm, input, hx)
        return h_next, c_next


class GRUCell(RNNCellBase):
    """h'; gru.py has the equations, or with reset_after=False, not in torch.nn, gru_reset_before.py."""

    reset_after = True

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Device = None,
        dtype: torch.dtype | None = None,
        *,
        reset_after: bool = True,
        engine: str = "steps",
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype, engine=engine)
        self.reset_after = expect_bool("GRUCell", "reset_after", reset_after)

    @property
    def cell(self) -> AnyCell:
        """The cell file."""
        return gru if self.reset_after else gru_reset_before

    def extra_repr(self) -> str:
        """As torch.nn prints it, and reset_after where it is False."""
        return super().extra_repr() + ("" if self.reset_after else ", reset_after=False")

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state h', (N, H), or (H,) for a single row."""
        if fx.is_proxy(input):
            recorded: Tensor = fx.record(self, input, hx)
            return recorded
        fused = fused_gru if self.reset_after else fused_gru_reset_before
        return self._next("GRUCell", self.cell, fused, input, hx)[0]
