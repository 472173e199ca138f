"""The checks of RNNCell, LSTMCell and GRUCell: of a constructor's sizes, and of a call (`cell_call`).

Error types, texts and the order of the checks are torch's, as in checks.py.

Axes (scratch_rnn/notation.py): N batch, I input, H hidden.
"""

from collections.abc import Sequence

from torch import Tensor

from scratch_rnn.checks import message
from scratch_rnn.torch_autograd.checks import pair_of_states, same_dtype
from scratch_rnn.torch_autograd.packed_checks import expect_tensor


def cell_constructor(who: str, **sizes: int) -> None:
    """TypeError or RuntimeError unless the sizes are integers of at least 0; 0 is allowed, as in torch."""
    for name, value in sizes.items():
        if not hasattr(value, "__index__"):
            raise TypeError(message(who, f"{name} to be an integer", repr(value)))
        if value < 0:
            raise RuntimeError(message(who, f"{name} to be at least 0", value))


def cell_call(
    who: str, input: object, hx: object, weight_ih: Tensor, hidden_size: int, nonlinearity: str = "tanh"
) -> tuple[Tensor, list[Tensor] | None]:
    """All checks of one call, in torch's order.

    Returns (x (N, I); the states, each (N, H), or None where hx is None); a single row is a batch of one.
    Raises ValueError or RuntimeError with torch's texts, and TypeError where input or hx is no tensor.
    """
    x = expect_tensor(who, "input", input)
    _dims(who, "input", x)
    batched = x.dim() == 2
    states = None if hx is None else _states(who, hx, batched)
    if nonlinearity not in ("tanh", "relu"):
        raise RuntimeError(f"Unknown nonlinearity: {nonlinearity}")
    x = x if batched else x.unsqueeze(0)
    if states is not None and not batched:
        states = [state.unsqueeze(0) for state in states]
    _sizes(who, x, states or [], weight_ih, hidden_size)
    for name, tensor in [("input", x), *((f"hidden{k}", h) for k, h in enumerate(states or []))]:
        if tensor.device != weight_ih.device:
            raise RuntimeError(message(who, f"{name} on {weight_ih.device}", tensor.device))
        same_dtype(who, name, tensor, weight_ih)
    return x, states


def _dims(who: str, what: str, x: Tensor) -> None:
    """ValueError unless x, a cell's input or state, has one axis or two."""
    if x.dim() not in (1, 2):
        raise ValueError(f"{who}: Expected {what} to be 1D or 2D, got {x.dim()}D instead")


def _states(who: str, hx: object, batched: bool) -> list[Tensor]:
    """The caller's states as a list of tensors."""
    if who != "LSTMCell":
        h = expect_tensor(who, "hidden", hx)
        _dims(who, "hidden", h)
        return [h]
    states = pair_of_states(who, hx, batched)
    for number, state in enumerate(states):
        _dims(who, f"hx[{number}]", state)
    if len(states) != 2:
        raise RuntimeError("lstm_cell expects two hidden states")
    return states


def _sizes(who: str, x: Tensor, states: Sequence[Tensor], weight_ih: Tensor, hidden_size: int) -> None:
    """RuntimeError unless the features and the rows of the input and the states fit."""
    if x.size(1) != weight_ih.size(1):
        got, expected = x.size(1), weight_ih.size(1)
        raise RuntimeError(f"input has inconsistent input_size: got {got} expected {expected}")
    for number, h in enumerate(states):
        name = f"hidden{number}"
        if h.size(0) != x.size(0):
            text = f"Input batch size {x.size(0)} doesn't match {name} batch size {h.size(0)}"
            raise RuntimeError(text)
        if h.dim() > 1 and h.size(1) != hidden_size:
            text = f"{name} has inconsistent hidden_size: got {h.size(1)}, expected {hidden_size}"
            raise RuntimeError(text)
        if h.dim() != 2:
            raise RuntimeError(message(who, f"{name} batched as the input is", tuple(h.shape)))
