"""The layers that people call: RNN, LSTM and GRU, drop-in for the torch.nn classes of the same name.

This is the public edge: it keeps torch's attributes, parameters, repr, checks and shapes, translates what
comes in to rows and lists (edges.py), and hands it to the pure function of stack.py. No equation stands
here.

Axes (scratch_rnn/notation.py): T time, N batch, I input, H hidden, P width of h, D directions,
S = D·L states.

    input    (T, N, I), or (N, T, I) with batch_first, or (T, I) unbatched, or a PackedSequence
    output   the same, with D·P for I
    hx       h (S, N, P) for RNN and GRU, (h, c) with c (S, N, H) for LSTM; without N unbatched;
             None is zeros
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
from scratch_rnn.torch_autograd import checks, gru, layer, lstm, packed_checks, rnn, stack
from scratch_rnn.torch_autograd.edges import Edge, find_edge
from scratch_rnn.torch_autograd.packed import is_packed


class RNNBase(Module):
    """What RNN, LSTM and GRU have in common. A subclass says which cell it runs."""

    cell: Any

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
        if mode != "LSTM":
            checks.no_projection(proj_size)
        checks.constructor(input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size)
        self.engine = expect_one_of(type(self).__name__, "engine", engine, ["steps"])
        for name, shape in stack_shapes(self.sizes).items():
            self.register_parameter(name, Parameter(torch.empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    @property
    def sizes(self) -> Sizes:
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
        edge, states = self._check(input, hx, params[0].weight_ih)
        rows = edge.rows_in(input)
        dropout = self.dropout if self.training else 0.0
        output, states_n = stack.forward(
            partial(layer.forward, self._step()),
            rows,
            edge.batch_sizes,
            self._state_in(states, edge, rows),
            params,
            self.num_layers,
            dropout,
        )
        return edge.rows_out(output), self._state_out(states_n, edge)

    def _step(self) -> Any:
        """The cell's step function."""
        return self.cell.step

    def _params(self) -> list[Any]:
        """One Params a layer and direction. Read anew at each call: a parameter may be replaced."""
        sizes, fields = self.sizes, self.cell.Params._fields
        named = {name: getattr(self, name) for name in stack_shapes(sizes)}
        return [self.cell.Params(*pick(named, fields, suffix)) for _, suffix in suffixes(sizes)]

    def _check(self, input: Any, hx: Any, weight: Tensor) -> tuple[Edge, Sequence[Tensor] | None]:
        """Refuse what does not fit, in torch's order: (the layout of input, the states or None)."""
        who, packed = type(self).__name__, is_packed(input)
        x = input.data if packed else input
        checks.is_tensor(who, "input", x, "a Tensor or a PackedSequence")
        if not packed:
            checks.layer_input_dim(who, x)
        states = None if hx is None else self._split_state(hx)
        if states is not None and not packed:
            checks.layer_state_dim(states, x.dim() == 3)
        checks.layer_input(x, weight, self.input_size, packed)
        if packed:
            packed_checks.batch_sizes(input.batch_sizes, len(x))
        edge = find_edge(input, self.batch_first)
        if states is not None:
            checks.layer_state(who, states, self._state_shapes(edge), edge.batched, x)
        checks.at_least_one_step(len(edge.batch_sizes))
        return edge, states

    def _state_shapes(self, edge: Edge) -> list[tuple[int, int, int]]:
        """(S, N, P) of h, and (S, N, H) of c."""
        sizes = self.sizes
        widths = (sizes.output_size, sizes.hidden_size)[: len(self.cell.State._fields)]
        return [(sizes.num_layers * sizes.directions, edge.rows, width) for width in widths]

    def _split_state(self, hx: Any) -> Sequence[Tensor]:
        """The caller's state as a sequence of tensors."""
        checks.is_tensor(type(self).__name__, "hx", hx)
        return (hx,)

    def _state_in(self, states: Sequence[Tensor] | None, edge: Edge, rows: Tensor) -> list[Any]:
        """One State a layer and direction; zeros where the caller gave none."""
        if states is None:
            stacked = [rows.new_zeros(shape) for shape in self._state_shapes(edge)]
        else:
            stacked = [edge.state_in(state) for state in states]
        return [self.cell.State(*parts) for parts in zip(*(s.unbind(0) for s in stacked), strict=True)]

    def _state_out(self, states_n: Sequence[Any], edge: Edge) -> Any:
        """The reverse of `_state_in`."""
        stacked = tuple(edge.state_out(torch.stack(part)) for part in zip(*states_n, strict=True))
        return stacked[0] if len(stacked) == 1 else stacked


class RNN(RNNBase):
    """Elman RNN with tanh or ReLU. Arguments, in order: input_size, hidden_size, num_layers=1,
    nonlinearity="tanh", bias=True, batch_first=False, dropout=0.0, bidirectional=False, device=None,
    dtype=None, and by name engine="steps".
    """

    cell = rnn

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

    def _step(self) -> Any:
        return partial(rnn.step, nonlinearity=self.nonlinearity)


class LSTM(RNNBase):
    """LSTM. Arguments, in order: input_size, hidden_size, num_layers=1, bias=True, batch_first=False,
    dropout=0.0, bidirectional=False, proj_size=0, device=None, dtype=None, and by name engine="steps".
    """

    cell = lstm

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def _split_state(self, hx: Any) -> Sequence[Tensor]:
        checks.pair_of_states("LSTM", hx)
        return tuple(hx)


class GRU(RNNBase):
    """GRU, reset after the matrix product. Arguments, in order: input_size, hidden_size, num_layers=1,
    bias=True, batch_first=False, dropout=0.0, bidirectional=False, device=None, dtype=None, and by name
    engine="steps". As in torch.nn, device stands behind an eighth argument that must be 0.
    """

    cell = gru

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            checks.no_projection(None)
        super().__init__("GRU", *args, **kwargs)
