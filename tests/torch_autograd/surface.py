"""torch.nn and torch_autograd side by side: the same expressions, the same weights, the same inputs."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

import scratch_rnn.torch_autograd as here

LAYERS = ("RNN", "LSTM", "GRU")
CELLS = ("RNNCell", "LSTMCell", "GRUCell")
PACKING = tuple(
    name for name in here.__all__ if "pack" in name.lower() or "pad_" in name or name == "invert_permutation"
)

WORDS = {name: getattr(torch, name) for name in ("arange", "float64", "int32", "ones", "tensor", "zeros")}
WORDS |= {"nan": math.nan, "np": np, "torch": torch}
THEIRS = WORDS | {name: getattr(torch.nn, name) for name in LAYERS + CELLS}
THEIRS |= {name: getattr(torch.nn.utils.rnn, name) for name in PACKING}
OURS = WORDS | {name: getattr(here, name) for name in LAYERS + CELLS + PACKING}
"""The names that an expression may use, with torch's meaning and with ours."""

SETTINGS: list[dict[str, Any]] = [
    {},
    {"num_layers": 2},
    {"bias": False},
    {"batch_first": True},
    {"bidirectional": True},
    {"num_layers": 3, "dropout": 0.5},
    {"num_layers": 2, "dropout": 1},
    {"num_layers": True, "bidirectional": "x"},
    {"bidirectional": None},
    {"dtype": torch.float64, "device": "cpu"},
    {"num_layers": 2, "bias": False, "batch_first": True, "dropout": 0.1, "bidirectional": True},
]
"""Options of every layer's constructor."""
OWN: dict[str, list[dict[str, Any]]] = {
    "RNN": [{"nonlinearity": "relu"}, {"nonlinearity": "tanh", "num_layers": 2}],
    "LSTM": [{"proj_size": 2}, {"proj_size": 2, "num_layers": 2, "bidirectional": True, "bias": False}],
    "GRU": [],
}
CONSTRUCTED = [(name, options) for name in LAYERS for options in SETTINGS + OWN[name]]


def outcome(code: str, names: Mapping[str, Any]) -> tuple[type | None, str]:
    """(type, text) of the error that an expression raises, or (None, text of its value). An expression that
    cannot be read, or has an unknown name, says nothing: its error is raised.
    """
    try:
        value = eval(code, dict(names))
    except (SyntaxError, NameError):
        raise
    except Exception as error:
        return type(error), str(error)
    return None, str(value)


def pair(name: str, *args: Any, **options: Any) -> tuple[Any, Any]:
    """torch.nn's module and ours with the same weights, float64 by default. Seeds torch with 0."""
    torch.manual_seed(0)
    theirs = getattr(torch.nn, name)(*args, **{"dtype": torch.float64} | options)
    ours = getattr(here, name)(*args, **{"dtype": torch.float64} | options)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """The same random numbers each time."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def state_of(name: str, *shape: int, **options: Any) -> Any:
    """A first state of this shape: a pair for the LSTM."""
    h = normal(*shape, seed=1, **options)
    return (h, normal(*shape, seed=2, **options)) if "LSTM" in name else h


def tensors(result: Any) -> Iterator[Tensor]:
    """All tensors of an output or a state; of a packed sequence its data."""
    if isinstance(result, Tensor):
        yield result
    elif hasattr(result, "batch_sizes"):
        yield result.data
    else:
        for part in result:
            yield from tensors(part)


def assert_close(ours: Any, theirs: Any, atol: float = 1e-12) -> None:
    """All tensors equal in shape, dtype, device, and, to `atol`, value."""
    for a, b in zip(tensors(ours), tensors(theirs), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=atol)


def assert_rounded_alike(ours: Any, theirs: Any, bound: float) -> None:
    """`assert_same`, with a bound relative to the largest entry of each tensor, or to 1 if that is larger."""
    for a, b in zip(tensors(ours), tensors(theirs), strict=True):
        assert_same(a, b, bound * max(1.0, float(b.detach().abs().max())))


def assert_same(ours: Any, theirs: Any, atol: float = 1e-12) -> None:
    """`assert_close`, and the same layout in memory."""
    assert_close(ours, theirs, atol)
    for a, b in zip(tensors(ours), tensors(theirs), strict=True):
        assert a.is_contiguous() == b.is_contiguous() or a.numel() < 2


def gradients(module: Any, result: Any) -> list[Tensor]:
    """The gradients of all parameters, with a random cotangent on every output."""
    outputs = list(tensors(result))
    cotangents = [normal(*y.shape, seed=3 + k, dtype=y.dtype) for k, y in enumerate(outputs)]
    return list(torch.autograd.grad(outputs, list(module.parameters()), cotangents))


ATTRIBUTES = ["mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout"]
ATTRIBUTES += ["bidirectional", "proj_size", "nonlinearity", "training", "all_weights"]


def described(module: Any) -> tuple[Any, ...]:
    """The public attributes, parameters and repr of a module."""
    attributes = {name: repr(getattr(module, name, "none")) for name in ATTRIBUTES}
    shapes = [(n, p.shape, p.dtype, p.device, p.requires_grad) for n, p in module.named_parameters()]
    names = {id(p): n for n, p in module.named_parameters()}
    weights = [[names[id(p)] for p in params] for params in module.all_weights]
    return attributes, repr(module), shapes, weights, list(module.state_dict())
