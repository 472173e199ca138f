"""What RNN, LSTM and GRU have in common: torch's attributes, parameters, repr and shapes. No equations.

`forward` checks the arguments (checks.py), converts the input to rows (layout.py), and calls the pure
function of stack.py.

Axes (scratch_rnn/notation.py): T time, N batch, I input, H hidden, P width of h, D directions,
S = D·L states.

    input    (T, N, I), or (N, T, I) with batch_first, or (T, I) unbatched, or a PackedSequence
    output   the same, with D·P for I
    hx       h (S, N, P) for RNN and GRU, (h, c) with c (S, N, H) for LSTM; without N unbatched;
             None is zeros

Under autocast the linear maps run in the lower precision, and the result of adding or multiplying it with a
float32 state is float32, as in torch.nn: on the CPU, RNN and RNNCell give bfloat16; GRU, GRUCell, LSTM and
LSTMCell float32. A projected h is the output of a linear map, so it is bfloat16, and its c float32.
(torch.nn's LSTM gives bfloat16 where its input is padded, and float32 where it is packed.) engine="fused"
computes in the weights' dtype instead.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter, init

from scratch_rnn.checks import expect_one_of
from scratch_rnn.parameters import Sizes, cell_shapes, stack_shapes, suffixes
from scratch_rnn.torch_autograd import (
    checks,
    constructor_checks,
    fx,
    gru,
    gru_reset_before,
    layer,
    lstm,
    rnn,
    stack,
)
from scratch_rnn.torch_autograd.fused import gru as fused_gru
from scratch_rnn.torch_autograd.fused import gru_reset_before as fused_gru_reset_before
from scratch_rnn.torch_autograd.fused import lstm as fused_lstm
from scratch_rnn.torch_autograd.fused import rnn as fused_rnn
from scratch_rnn.torch_autograd.layout import Layout, state_shapes
from scratch_rnn.torch_autograd.protocols import AnyCell, Engine, Params, State
from scratch_rnn.torch_autograd.torch_names import TorchNames

Device = torch.device | str | int | None

CELLS: dict[str, AnyCell] = {
    "RNN_TANH": rnn,
    "RNN_RELU": rnn,
    "LSTM": lstm,
    "GRU": gru,
    "GRU_RESET_BEFORE": gru_reset_before,
}
"""Mode -> cell file. torch.nn has all modes but the last."""
ENGINES: dict[str, dict[str, Engine]] = {
    "steps": {
        "RNN_TANH": partial(layer.forward, partial(rnn.step, nonlinearity="tanh")),
        "RNN_RELU": partial(layer.forward, partial(rnn.step, nonlinearity="relu")),
        "LSTM": partial(layer.forward, lstm.step),
        "GRU": partial(layer.forward, gru.step),
        "GRU_RESET_BEFORE": partial(layer.forward, gru_reset_before.step),
    },
    "fused": {
        "RNN_TANH": partial(fused_rnn.forward, nonlinearity="tanh"),
        "RNN_RELU": partial(fused_rnn.forward, nonlinearity="relu"),
        "LSTM": fused_lstm.forward,
        "GRU": fused_gru.forward,
        "GRU_RESET_BEFORE": fused_gru_reset_before.forward,
    },
}
"""Engine -> mode -> how one direction of one layer is run."""


class RNNBase(TorchNames):
    """What RNN, LSTM and GRU have in common. `mode` is a key of CELLS."""

    def __init__(
        self,
        mode: str,
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
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        constructor_checks.arguments(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size
        )
        constructor_checks.mode(mode, list(CELLS))
        if mode != "LSTM":
            constructor_checks.no_projection(proj_size)
        self.engine = expect_one_of(type(self).__name__, "engine", engine, list(ENGINES))
        for name, shape in stack_shapes(self._sizes).items():
            self.register_parameter(name, Parameter(torch.empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    @property
    def cell(self) -> AnyCell:
        """The cell file: Params, State and step."""
        return CELLS[self.mode]

    @property
    def _sizes(self) -> Sizes:
        kind = self.mode.split("_")[0].lower()
        shape = self.input_size, self.hidden_size, self.num_layers
        return Sizes(kind, *shape, self.bias, bool(self.bidirectional), self.proj_size)

    def reset_parameters(self) -> None:
        """U(-1/√H, 1/√H) for every parameter, one draw each, in torch's order."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    __prepare_scriptable__ = fx.refuse_script

    def extra_repr(self) -> str:
        """The arguments that differ from the defaults, as torch.nn prints them."""
        changed = {
            "proj_size": self.proj_size != 0,
            "num_layers": self.num_layers != 1,
            "bias": self.bias is not True,
            "batch_first": self.batch_first is not False,
            "dropout": self.dropout != 0,
            "bidirectional": self.bidirectional is not False,
        }
        options = [f"{name}={getattr(self, name)}" for name, differs in changed.items() if differs]
        options += ["reset_after=False"] if self.mode == "GRU_RESET_BEFORE" else []
        return ", ".join([str(self.input_size), str(self.hidden_size), *options])

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """(output, the state after each sequence's last step), in the shapes above.

        Raises ValueError, RuntimeError or TypeError, with torch's texts where torch checks (checks.py).
        """
        if fx.is_proxy(input):
            recorded: tuple[Any, Any] = fx.record(self, input, hx)
            return recorded
        params = self._params()
        weights = [weight for p in params for weight in p if weight is not None]
        layout, states = checks.layer_call(self._sizes, self.batch_first, input, hx, weights)
        rows = layout.to_rows(input)
        output, states_n = stack.forward(
            ENGINES[self.engine][self.mode],
            rows,
            layout.batch_sizes,
            self._to_states(states, layout, rows),
            params,
            self.num_layers,
            self.dropout if self.training else 0.0,
        )
        return layout.from_rows(output), self._from_states(states_n, layout)

    def _params(self) -> list[Params]:
        """The Params of each layer and direction, read at each call: a parameter may be replaced."""
        kind, inputs, hidden, _, bias, _, proj_size = sizes = self._sizes
        fields = cell_shapes(kind, inputs, hidden, bias, proj_size)
        return [
            self.cell.Params(**{field: getattr(self, field + suffix) for field in fields})
            for _, suffix in suffixes(sizes)
        ]

    def _to_states(self, states: Sequence[Tensor] | None, layout: Layout, rows: Tensor) -> list[State]:
        """The State of each layer and direction; zeros where states is None."""
        if states is None:
            stacked = [rows.new_zeros(shape) for shape in state_shapes(self._sizes, layout.rows)]
        else:
            stacked = [layout.to_state(state) for state in states]
        return [self.cell.State(*parts) for parts in zip(*(s.unbind(0) for s in stacked), strict=True)]

    def _from_states(self, states_n: Sequence[State], layout: Layout) -> Any:
        """The last states in the caller's layout, as one tensor or as (h_n, c_n)."""
        stacked = tuple(layout.from_state(torch.stack(part)) for part in zip(*states_n, strict=True))
        return stacked[0] if len(stacked) == 1 else stacked
