"""Names of torch.nn.RNNBase that torch does not document and that other people's code uses.

Subclasses call the checks, and programs read and write the lists of weights. Nothing here computes an output,
and `forward` of rnn_base.py calls none of it: overriding one of these names does not change forward.

Axes (scratch_rnn/notation.py): T time, N batch, R rows, I input, H hidden, P width of h, S states.
"""

from collections.abc import Iterable
from typing import Any, ClassVar
from weakref import ReferenceType, ref

from torch import Tensor
from torch.nn import Module

from scratch_rnn.parameters import Sizes, cell_shapes, suffixes
from scratch_rnn.torch_autograd import checks
from scratch_rnn.torch_autograd.layout import Shape, permuted, state_shapes


class TorchNames(Module):
    """Weights are parameters of the module and are read at each call, so that these lists are never stale."""

    batch_first: bool

    __constants__: ClassVar = [
        *("mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout"),
        *("bidirectional", "proj_size"),
    ]
    __jit_unused_properties__: ClassVar = ["all_weights"]

    @property
    def _sizes(self) -> Sizes:
        """All numbers that determine the parameters."""
        raise NotImplementedError

    @property
    def _all_weights(self) -> list[list[str]]:
        """The names of the parameters of each layer and direction."""
        kind, inputs, hidden, _, bias, _, proj_size = sizes = self._sizes
        fields = cell_shapes(kind, inputs, hidden, bias, proj_size)
        return [[field + suffix for field in fields] for _, suffix in suffixes(sizes)]

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self) -> list[str]:
        """The names of all parameters."""
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Tensor | None]:
        """All parameters, in a new list. Assigning a list assigns each parameter."""
        return [getattr(self, name, None) for name in self._flat_weights_names]

    @_flat_weights.setter
    def _flat_weights(self, weights: Iterable[Tensor | None]) -> None:
        for name, weight in zip(self._flat_weights_names, weights, strict=True):
            if weight is not None and weight is not getattr(self, name, None):
                setattr(self, name, weight)

    @property
    def _flat_weight_refs(self) -> list[ReferenceType[Tensor] | None]:
        """Weak references to all parameters."""
        return [None if weight is None else ref(weight) for weight in self._flat_weights]

    def _weights_have_changed(self) -> bool:
        """Never: nothing is cached."""
        return False

    def _init_flat_weights(self) -> None:
        """Nothing to do: nothing is cached."""

    def _update_flat_weights(self) -> None:
        """Nothing to do: nothing is cached."""

    def flatten_parameters(self) -> None:
        """Nothing to do: torch.nn arranges memory for cuDNN here, and this class does not use cuDNN."""

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """The dtype, axes and features of input, (T, N, I), (N, T, I), or (R, I) with batch_sizes."""
        first: Any = self._flat_weights[0]
        checks.layer_input(input, batch_sizes, first.dtype, self._sizes.input_size)

    def _expected_states(self, input: Tensor, batch_sizes: Tensor | None) -> list[Shape]:
        if batch_sizes is not None:
            return state_shapes(self._sizes, int(batch_sizes[0]))
        return state_shapes(self._sizes, input.size(0) if self.batch_first else input.size(1))

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Tensor | None) -> Shape:
        """(S, N, P)."""
        return self._expected_states(input, batch_sizes)[0]

    def check_hidden_size(
        self,
        hx: Tensor,
        expected_hidden_size: Shape,
        msg: str = "Expected hidden size {}, got {}",
    ) -> None:
        """RuntimeError where the shape of hx is another one."""
        checks.layer_state_size(hx, expected_hidden_size, msg)

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """`check_input`, and the shape of hidden: a tensor, or (h, c) for an LSTM."""
        self.check_input(input, batch_sizes)
        states = [hidden] if isinstance(hidden, Tensor) else hidden
        checks.layer_state_sizes(states, self._expected_states(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """The state hx, a tensor or (h, c), with its sequences in another order; None keeps the order."""
        if permutation is None:
            return hx
        if isinstance(hx, Tensor):
            return permuted(hx, permutation)
        return permuted(hx[0], permutation), permuted(hx[1], permutation)
