"""Everything that the torch tree refuses, kept apart from the mathematics.

Where torch checks something on purpose, the type and the text are torch's, word for word, and the tests
compare them with the installed torch. What torch lets through, or trips over, gets our own error
(scratch_rnn/checks.py). The order of the checks is torch's too: it decides which error comes first.
"""

from collections.abc import Sequence
from numbers import Number
from typing import Any
from warnings import warn

import torch
from torch import Tensor

from scratch_rnn.checks import message

Shape = tuple[int, ...]


def constructor(
    input_size: Any,
    hidden_size: Any,
    num_layers: Any,
    bias: Any,
    batch_first: Any,
    dropout: Any,
    proj_size: Any,
) -> None:
    """What the constructors of RNN, LSTM and GRU refuse, and the warning about idle dropout."""
    if not isinstance(dropout, Number) or not 0 <= dropout <= 1 or isinstance(dropout, bool):  # type: ignore[operator]
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element "
            "being zeroed"
        )
    if dropout > 0 and num_layers == 1:  # type: ignore[operator]
        warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
            f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=4,
        )
    for name, value, kind in (
        ("bias", bias, bool),
        ("batch_first", batch_first, bool),
        ("input_size", input_size, int),
        ("hidden_size", hidden_size, int),
    ):
        if not isinstance(value, kind):
            raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")
        if kind is int and value <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if not hasattr(proj_size, "__index__"):
        raise TypeError(f"proj_size should be of type int, got: {type(proj_size).__name__}")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")


def no_projection(proj_size: Any) -> None:
    """RNN and GRU have no projection."""
    if proj_size != 0:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


def cell_constructor(who: str, **sizes: Any) -> None:
    """What the constructors of the cells refuse; 0 is a size to them."""
    for name, value in sizes.items():
        if not hasattr(value, "__index__"):
            raise TypeError(message(who, f"{name} to be an integer", repr(value)))
        if value < 0:
            raise RuntimeError(message(who, f"{name} to be at least 0", value))


def nonlinearity(name: Any) -> None:
    """The two that RNN has."""
    if name not in ("tanh", "relu"):
        raise ValueError(f"Unknown nonlinearity '{name}'. Select from 'tanh' or 'relu'.")


def cell_nonlinearity(name: Any) -> None:
    """The two that RNNCell has; torch asks only when the cell is called."""
    if name not in ("tanh", "relu"):
        raise RuntimeError(f"Unknown nonlinearity: {name}")


def is_tensor(who: str, what: str, x: Any, expected: str = "a Tensor") -> None:
    """Anything that is no tensor."""
    if not isinstance(x, Tensor):
        raise TypeError(message(who, f"{what} to be {expected}", type(x).__name__))


def layer_input_dim(who: str, x: Tensor) -> None:
    """A layer's padded input has two axes, or three."""
    if x.dim() not in (2, 3):
        tensor = " tensor" if who == "RNN" else ""
        raise ValueError(f"{who}: Expected input to be 2D or 3D, got {x.dim()}D{tensor} instead")


def layer_state_dim(states: Sequence[Tensor], batched: bool) -> None:
    """A layer's states have three axes for a batch, two for a single sequence."""
    dims = [s.dim() for s in states]
    if all(dim == (3 if batched else 2) for dim in dims):
        return
    which, axes = ("batched", 3) if batched else ("unbatched", 2)
    if len(dims) == 1:
        names, got = "hx", f"{dims[0]}-D tensor"
    else:
        names, got = "hx and cx", f"({dims[0]}-D, {dims[1]}-D) tensors"
    raise RuntimeError(f"For {which} {axes}-D input, {names} should also be {axes}-D but got {got}")


def layer_input(x: Tensor, weight: Tensor, input_size: int, packed: bool) -> None:
    """The dtype, the number of axes and the features of a layer's input."""
    if x.dtype != weight.dtype and not _autocast():
        raise ValueError(
            f"RNN input dtype ({x.dtype}) does not match weight dtype ({weight.dtype}). "
            f"Convert input: input.to({weight.dtype}), or convert model: model.to({x.dtype})"
        )
    if packed and x.dim() != 2:
        raise RuntimeError(f"input must have 2 dimensions, got {x.dim()}")
    if x.size(-1) != input_size:
        raise RuntimeError(
            f"input.size(-1) must be equal to input_size. Expected {input_size}, got {x.size(-1)}"
        )


def layer_state_size(states: Sequence[Tensor], shapes: Sequence[Shape], batched: bool) -> None:
    """The size of each state of a layer. An unbatched one is a batch of one to torch."""
    for number, (state, shape) in enumerate(zip(states, shapes, strict=False)):
        name = "hidden" if len(shapes) == 1 else f"hidden[{number}]"
        got = state if batched else state.unsqueeze(1)
        if tuple(got.shape) != shape:
            raise RuntimeError(f"Expected {name} size {shape}, got {list(got.shape)}")


def layer_alike(who: str, x: Tensor, states: Sequence[Tensor], params: Sequence[Tensor]) -> None:
    """One device for all; one dtype for the input and the states."""
    for name, tensors in (("hidden", states), ("parameter", params)):
        for tensor in tensors:
            if tensor.device != x.device:
                raise RuntimeError(
                    f"Input and {name} tensors are not at the same device, found input tensor at {x.device} "
                    f"and {name} tensor at {tensor.device}"
                )
    for number, state in enumerate(states):
        alike(who, "hidden" if len(states) == 1 else f"hidden[{number}]", state, x)


def alike(who: str, what: str, tensor: Tensor, like: Tensor) -> None:
    """One device, and, autocast aside, one dtype: where torch fails inside, or promotes in silence."""
    if tensor.device != like.device:
        raise RuntimeError(message(who, f"{what} on {like.device}", tensor.device))
    if tensor.dtype != like.dtype and not _autocast():
        raise RuntimeError(message(who, f"{what} of dtype {like.dtype}", tensor.dtype))


def at_least_one_step(steps: int) -> None:
    """A sequence of no step has no last state."""
    if steps == 0:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")


def pair_of_states(who: str, hx: Any, batched: bool) -> None:
    """An LSTM has two states. For a single sequence, or row, torch takes them stacked in a tensor too."""
    if not isinstance(hx, tuple | list) and (batched or not isinstance(hx, Tensor)):
        raise TypeError(message(who, "hx to be a pair of Tensors (h, c)", type(hx).__name__))
    for number, state in enumerate(hx):
        is_tensor(who, f"hx[{number}]", state)


def two_states(who: str, number: int) -> None:
    """Not one, not three."""
    if number != 2:
        raise RuntimeError(f"{'lstm' if who == 'LSTM' else 'lstm_cell'} expects two hidden states")


def cell_input_dim(who: str, what: str, x: Tensor) -> None:
    """A cell's input and states have one axis, or two."""
    if x.dim() not in (1, 2):
        raise ValueError(f"{who}: Expected {what} to be 1D or 2D, got {x.dim()}D instead")


def lstm_cell_state_dim(hx: Sequence[Tensor]) -> None:
    """LSTMCell names the state that has too many axes, or too few."""
    for number, state in enumerate(hx):
        cell_input_dim("LSTMCell", f"hx[{number}]", state)


def cell_sizes(who: str, x: Tensor, states: Sequence[Tensor], weight_ih: Tensor, hidden: int) -> None:
    """The features and the rows of a cell's (2-D) input and states, their dtypes and devices."""
    if x.size(1) != weight_ih.size(1):
        got, expected = x.size(1), weight_ih.size(1)
        raise RuntimeError(f"input has inconsistent input_size: got {got} expected {expected}")
    for number, h in enumerate(states):
        name = f"hidden{number}"
        if h.size(0) != x.size(0):
            text = f"Input batch size {x.size(0)} doesn't match {name} batch size {h.size(0)}"
            raise RuntimeError(text)
        if h.dim() > 1 and h.size(1) != hidden:
            text = f"{name} has inconsistent hidden_size: got {h.size(1)}, expected {hidden}"
            raise RuntimeError(text)
        if h.dim() != 2:
            raise RuntimeError(message(who, f"{name} batched as the input is", tuple(h.shape)))
    alike(who, "input", x, weight_ih)
    for number, h in enumerate(states):
        alike(who, f"hidden{number}", h, weight_ih)


def _autocast() -> bool:
    return torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")
