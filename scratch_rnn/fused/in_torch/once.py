"""What the three autograd.Functions have in common: how they walk in time, and what they refuse.

The way back is written by hand, in place, for the first derivative in reverse mode; other transforms are
refused by name instead of answered wrongly.

Axes (scratch_rnn/notation.py): N batch, R rows, G gate rows, H hidden.
I input.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import torch
from jaxtyping import Float
from torch import Tensor

from scratch_rnn.checks import message


class Once(torch.autograd.Function):
    """A Function with a first derivative in reverse mode, and no other."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> NoReturn:
        """No forward mode."""
        refuse("forward-mode differentiation")

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> NoReturn:
        """No batching rule."""
        refuse("vmap")


def refuse(what: str) -> NoReturn:
    """RuntimeError that names the engine which can."""
    raise RuntimeError(message('engine="fused"', 'reverse mode, once (engine="steps" can do all)', what))


def first_derivative(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Guards a backward. Grad mode is on in it only where a graph of the backward itself is asked for."""

    def guarded(ctx: Any, *d_outputs: Tensor) -> Any:
        if torch.is_grad_enabled():
            refuse("a second derivative (create_graph=True, or torch.func)")
        with without_autocast(d_outputs[0].device):
            return backward(ctx, *d_outputs)

    return guarded


def apply(function: type[Once], x: Tensor, state: Any, params: Any, *options: Any) -> Any:
    """Run a Function in the dtype of the weights: autocast, which narrows single products, stays outside."""
    run: Callable[..., Any] = function.apply
    dtype = params.weight_ih.dtype
    with without_autocast(x.device):
        return run(x.to(dtype), *(s.to(dtype) for s in state), *params, *options)


@contextmanager
def without_autocast(device: torch.device) -> Iterator[None]:
    """Autocast off where it is on."""
    if device.type in ("cpu", "cuda") and torch.is_autocast_enabled(device.type):
        with torch.autocast(device.type, enabled=False):
            yield
    else:
        yield


def times(batch_sizes: Sequence[int], reverse: bool) -> Iterator[tuple[int, int]]:
    """(t, N_t), in the order in which a direction visits the steps."""
    steps = list(enumerate(batch_sizes))
    return iter(steps[::-1] if reverse else steps)


def hoist(
    x: Float[Tensor, "R I"],
    weight_ih: Float[Tensor, "G I"],
    *biases: Float[Tensor, "G"] | None,
) -> Float[Tensor, "R G"]:
    """One product for all steps, x W_ihᵀ + b: it needs no state."""
    given = [bias for bias in biases if bias is not None]
    return torch.addmm(sum(given[1:], start=given[0]), x, weight_ih.t()) if given else x @ weight_ih.t()


def before(
    y: Float[Tensor, "R H"], h: Float[Tensor, "N H"], batch_sizes: Sequence[int], reverse: bool
) -> Float[Tensor, "R H"]:
    """The h that each row's step began with: the y of the step before, or the first state."""
    parts: list[Tensor] = []
    y_at = torch.split(y, list(batch_sizes))
    for t, n in enumerate(batch_sizes):
        near = t + 1 if reverse else t - 1
        known = y_at[near][:n] if 0 <= near < len(y_at) else h[:0]
        parts += [known, h.narrow(0, len(known), n - len(known))]
    return torch.cat(parts)
