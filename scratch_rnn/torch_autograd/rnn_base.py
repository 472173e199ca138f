"""What RNN, LSTM and GRU have in common: torch's attributes, checked input, and the way in and out.

This is the public edge: it keeps torch's attributes, parameters, repr, checks and shapes, translates what
comes in to rows and lists (edges.py), and hands it to the pure function of stack.py. No equation stands
here.

Axes (scratch_rnn/notation.py): T time, N batch, I input, H hidden, P width of h, D directions,
S = D·L states.

    input    (T, N, I), or (N, T, I) with batch_first, or (T, I) unbatched, or a PackedSequence
    output   the same, with D·P for I
    hx       h (S, N, P) for RNN and GRU, (h, c) with c (S, N, H) for LSTM; without N unbatched;
             None is zeros

Under autocast the linear maps run in the narrow dtype, and what meets a float32 state comes out wide, as
in torch.nn: on the CPU, RNN and RNNCell give bfloat16; GRU, GRUCell, LSTM and LSTMCell float32; a projected
h is the output of a linear map, so bfloat16, beside a float32 c. (torch.nn's LSTM gives bfloat16 where its
input is padded, and float32 where it is packed.) engine="fused" computes all in the weights' dtype instead.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module, Parameter, init

from scratch_rnn.checks import expect_one_of
from scratch_rnn.parameters import Sizes, pick, stack_shapes, suffixes
from scratch_rnn.torch_autograd import checks, layer, packed_checks, stack
from scratch_rnn.torch_autograd.layout import Layout, layout_of
from scratch_rnn.torch_autograd.packed import is_packed


class RNNBase(Module):
    """What RNN, LSTM and GRU have in common. A subclass says which cell it runs."""

    cell: Any
    _fused: Any

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
        device: Any = None,
        dtype: Any = None,
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
        checks.constructor(input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size)
        if mode != "LSTM":
            checks.no_projection(proj_size)
        self.engine = expect_one_of(type(self).__name__, "engine", engine, ["steps", "fused"])
        for name, shape in stack_shapes(self._sizes).items():
            self.register_parameter(name, Parameter(torch.empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    @property
    def _sizes(self) -> Sizes:
        """All that fixes the parameters."""
        kind = self.mode.split("_")[0].lower()
        shape = self.input_size, self.hidden_size, self.num_layers
        return Sizes(kind, *shape, self.bias, bool(self.bidirectional), self.proj_size)

    def reset_parameters(self) -> None:
        """U(-1/√H, 1/√H) for every parameter, one draw each, in torch's order."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[p for p in params if p is not None] for params in self._params()]

    def flatten_parameters(self) -> None:
        """Nothing to do: torch.nn arranges memory for cuDNN here, and this class doesn't use cuDNN."""

    def extra_repr(self) -> str:
        """What differs from the defaults, as torch.nn prints it."""
        changed = {
            "proj_size": self.proj_size != 0,
            "num_layers": self.num_layers != 1,
            "bias": self.bias is not True,
            "batch_first": self.batch_first is not False,
            "dropout": self.dropout != 0,
            "bidirectional": self.bidirectional is not False,
        }
        options = [f"{name}={getattr(self, name)}" for name, differs in changed.items() if differs]
        return ", ".join([str(self.input_size), str(self.hidden_size), *options])

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """(output, state after each sequence's last step)."""
        params = self._params()
        layout, states = self._check(input, hx, params)
        rows = layout.to_rows(input)
        dropout = self.dropout if self.training else 0.0
        output, states_n = stack.forward(
            self._engine(),
            rows,
            layout.batch_sizes,
            self._to_states(states, layout, rows),
            params,
            self.num_layers,
            dropout,
        )
        return layout.from_rows(output), self._from_states(states_n, layout)

    def _engine(self, **options: str) -> stack.Engine:
        """How one direction of one layer is run; `options` go to the cell."""
        if self.engine == "fused":
            return partial(self._fused.forward, **options)
        return partial(layer.forward, partial(self.cell.step, **options))

    def _params(self) -> list[Any]:
        """One Params a layer and direction. Read anew at each call: a parameter may be replaced."""
        sizes, fields = self._sizes, self.cell.Params._fields
        named = {name: getattr(self, name) for name in stack_shapes(sizes)}
        return [self.cell.Params(*pick(named, fields, suffix)) for _, suffix in suffixes(sizes)]

    def _check(self, input: Any, hx: Any, params: Sequence[Any]) -> tuple[Layout, Sequence[Tensor] | None]:
        """Refuse what does not fit, in torch's order: (the layout of input, the states or None)."""
        who, packed = type(self).__name__, is_packed(input)
        x = input.data if packed else input
        checks.is_tensor(who, "input", x, "a Tensor or a PackedSequence")
        if not packed:
            checks.layer_input_dim(who, x)
        batched = packed or x.dim() == 3
        states = None if hx is None else self._split_state(hx, batched)
        if states is not None and not packed:
            checks.layer_state_dim(states, batched)
        checks.layer_input(x, params[0].weight_ih, self.input_size, packed)
        if packed:
            packed_checks.batch_sizes(input.batch_sizes, x)
        layout = layout_of(input, self.batch_first)
        if states is not None:
            shapes = self._state_shapes(layout)
            checks.layer_state_size(states, shapes, batched)
            if len(shapes) == 2:
                checks.two_states("LSTM", len(states))
        checks.layer_alike(who, x, states or (), [w for p in params for w in p if w is not None])
        checks.at_least_one_step(len(layout.batch_sizes))
        return layout, states

    def _state_shapes(self, layout: Layout) -> list[tuple[int, int, int]]:
        """(S, N, P) of h, and (S, N, H) of c."""
        sizes = self._sizes
        widths = (sizes.output_size, sizes.hidden_size)[: len(self.cell.State._fields)]
        return [(sizes.num_layers * sizes.directions, layout.rows, width) for width in widths]

    def _split_state(self, hx: Any, batched: bool) -> Sequence[Tensor]:
        """The caller's state as a sequence of tensors."""
        checks.is_tensor(type(self).__name__, "hx", hx)
        return (hx,)

    def _to_states(self, states: Sequence[Tensor] | None, layout: Layout, rows: Tensor) -> list[Any]:
        """One State a layer and direction; zeros where the caller gave none."""
        if states is None:
            stacked = [rows.new_zeros(shape) for shape in self._state_shapes(layout)]
        else:
            stacked = [layout.to_state(state) for state in states]
        return [self.cell.State(*parts) for parts in zip(*(s.unbind(0) for s in stacked), strict=True)]

    def _from_states(self, states_n: Sequence[Any], layout: Layout) -> Any:
        """The reverse of `_state_in`."""
        stacked = tuple(layout.from_state(torch.stack(part)) for part in zip(*states_n, strict=True))
        return stacked[0] if len(stacked) == 1 else stacked
