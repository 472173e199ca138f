"""The checks of a call of RNN, LSTM or GRU: `layer_call`. constructor_checks.py has those of a constructor.

Where torch checks something on purpose, the type and the text of the error are torch's, word for word, and
the tests compare them with the installed torch. Where torch accepts a mistake, or fails later in other code,
the error is ours (scratch_rnn/checks.py). The order of the checks is torch's too: where two arguments are
wrong, it decides which error is raised.

Axes (scratch_rnn/notation.py): T time, N batch, I input, H hidden, P width of h, S states.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from scratch_rnn.checks import message
from scratch_rnn.parameters import Sizes
from scratch_rnn.torch_autograd import packed_checks
from scratch_rnn.torch_autograd.layout import Layout, Shape, layout_of, state_shapes
from scratch_rnn.torch_autograd.packed import is_packed
from scratch_rnn.torch_autograd.packed_checks import expect_tensor


def layer_call(
    sizes: Sizes, batch_first: bool, input: object, hx: object, weights: Sequence[Tensor]
) -> tuple[Layout, tuple[Tensor, ...] | None]:
    """All checks of one call, in torch's order.

    Returns (the layout of input; the states in that layout, or None where hx is None). `weights` holds all
    parameters, weight_ih_l0 first. Raises ValueError or RuntimeError with torch's texts, and TypeError where
    input or hx is no tensor.
    """
    who, packed = sizes.kind.upper(), is_packed(input)
    data, batch_sizes = (input.data, input.batch_sizes) if is_packed(input) else (input, None)
    x = expect_tensor(who, "input", data, "a Tensor or a PackedSequence")
    if not packed and x.dim() not in (2, 3):
        tensor = " tensor" if who == "RNN" else ""
        raise ValueError(f"{who}: Expected input to be 2D or 3D, got {x.dim()}D{tensor} instead")
    batched = packed or x.dim() == 3
    states = None if hx is None else _states(who, hx, batched)
    if states is not None and not packed:
        _state_dims(states, batched)
    layer_input(x if batched else x.unsqueeze(1), batch_sizes, weights[0].dtype, sizes.input_size)
    if packed:
        packed_checks.batch_sizes(batch_sizes, x)
    layout = layout_of(input, batch_first)
    if states is not None:
        layer_state_sizes(
            [s if batched else s.unsqueeze(1) for s in states], state_shapes(sizes, layout.rows)
        )
        if len(states) > 2:
            raise RuntimeError("lstm expects two hidden states")
    _same_device_and_dtype(who, x, states or (), weights)
    if len(layout.batch_sizes) == 0:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    return layout, states


def layer_input(x: Tensor, batch_sizes: Tensor | None, dtype: torch.dtype, input_size: int) -> None:
    """Check the dtype, the axes (3, or 2 for the data of a packed batch) and the features of an input.

    ValueError for the dtype, RuntimeError for the shape.
    """
    if x.dtype != dtype and not autocast():
        raise ValueError(
            f"RNN input dtype ({x.dtype}) does not match weight dtype ({dtype}). "
            f"Convert input: input.to({dtype}), or convert model: model.to({x.dtype})"
        )
    axes = 3 if batch_sizes is None else 2
    if x.dim() != axes:
        raise RuntimeError(f"input must have {axes} dimensions, got {x.dim()}")
    if x.size(-1) != input_size:
        raise RuntimeError(
            f"input.size(-1) must be equal to input_size. Expected {input_size}, got {x.size(-1)}"
        )


def layer_state_sizes(states: Sequence[Tensor], shapes: Sequence[Shape]) -> None:
    """RuntimeError unless the states have these shapes: (S, N, P) of h, (S, N, H) of c."""
    for number, (state, shape) in enumerate(zip(states, shapes, strict=False)):
        layer_state_size(state, shape, f"Expected {_state_name(number, len(shapes))} size {{}}, got {{}}")


def layer_state_size(state: Tensor, shape: Shape, text: str) -> None:
    """RuntimeError unless a state has this shape; `text` is a format of the expected and the actual one."""
    if tuple(state.shape) != tuple(shape):
        raise RuntimeError(text.format(shape, list(state.shape)))


def _state_name(number: int, of: int) -> str:
    return "hidden" if of == 1 else f"hidden[{number}]"


def _states(who: str, hx: object, batched: bool) -> tuple[Tensor, ...]:
    """The caller's states as a tuple of tensors."""
    if who != "LSTM":
        return (expect_tensor(who, "hx", hx),)
    states = pair_of_states(who, hx, batched)
    if len(states) < 2:
        raise RuntimeError("lstm expects two hidden states")
    return tuple(states)


def pair_of_states(who: str, hx: object, batched: bool) -> list[Tensor]:
    """The states of an LSTM, which has two; the caller checks their number.

    Without a batch axis torch accepts them as one stacked tensor too.
    """
    if not isinstance(hx, tuple | list) and (batched or not isinstance(hx, Tensor)):
        raise TypeError(message(who, "hx to be a pair of Tensors (h, c)", type(hx).__name__))
    return [expect_tensor(who, f"hx[{number}]", state) for number, state in enumerate(hx)]


def _state_dims(states: Sequence[Tensor], batched: bool) -> None:
    """RuntimeError unless the states have three axes for a batch, two for a single sequence."""
    dims = [s.dim() for s in states]
    if all(dim == (3 if batched else 2) for dim in dims):
        return
    which, axes = ("batched", 3) if batched else ("unbatched", 2)
    if len(dims) == 1:
        names, got = "hx", f"{dims[0]}-D tensor"
    else:
        names, got = "hx and cx", f"({dims[0]}-D, {dims[1]}-D) tensors"
    raise RuntimeError(f"For {which} {axes}-D input, {names} should also be {axes}-D but got {got}")


def _same_device_and_dtype(who: str, x: Tensor, states: Sequence[Tensor], weights: Sequence[Tensor]) -> None:
    """RuntimeError unless all are on one device, and the input and the states have one dtype."""
    for name, tensors in (("hidden", states), ("parameter", weights)):
        for tensor in tensors:
            if tensor.device != x.device:
                raise RuntimeError(
                    f"Input and {name} tensors are not at the same device, found input tensor at {x.device} "
                    f"and {name} tensor at {tensor.device}"
                )
    for number, state in enumerate(states):
        same_dtype(who, _state_name(number, len(states)), state, x)


def same_dtype(who: str, what: str, tensor: Tensor, like: Tensor) -> None:
    """RuntimeError for another dtype than that of `like`, except under autocast.

    torch fails later in other code, or promotes without an error.
    """
    if tensor.dtype != like.dtype and not autocast():
        raise RuntimeError(message(who, f"{what} of dtype {like.dtype}", tensor.dtype))


def autocast() -> bool:
    """Whether autocast is on."""
    return torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")
