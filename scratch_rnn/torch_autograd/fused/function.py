"""What the three autograd.Functions have in common: how they walk in time, and what they refuse.

The way back is written by hand, in place, for the first derivative in reverse mode; other transforms are
refused by name instead of answered wrongly.

Arrays are feature-major and walked in spans, as in fused/spans.py.

Axes (scratch_rnn/notation.py): N batch, R rows, G gate rows, I input, P width of h, T time.
F features. M rows of some steps.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, NoReturn

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from scratch_rnn.checks import message
from scratch_rnn.spans import Chunk, Span, spans

MAX_NUMBERS_PER_SPAN = 2**19
"""As in scratch_rnn/spans.py. A call costs more in torch, and longer spans need fewer calls."""


class OnceDifferentiable(torch.autograd.Function):
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


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Guards a backward. Grad mode is on in it only where a graph of the backward itself is asked for."""

    def guarded(ctx: Any, *d_outputs: Tensor | None) -> Any:
        if torch.is_grad_enabled():
            refuse("a second derivative (create_graph=True, or torch.func)")
        with without_autocast(ctx.device):  # not asked of what is saved: checkpoints unpack that only once
            return backward(ctx, *d_outputs)

    return guarded


def apply(function: type[OnceDifferentiable], x: Tensor, state: Any, params: Any, *options: Any) -> Any:
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


def spans_of(batch_sizes: Sequence[int], width: int, reverse: bool, device: torch.device) -> list[Span]:
    """The spans of a batch in the order of the walk; a row needs `width` numbers. Only a CPU's cache
    bounds how many steps a span has.
    """
    return spans(batch_sizes, width if device.type == "cpu" else 0, reverse, MAX_NUMBERS_PER_SPAN)


def by_step(rows: Float[Tensor, "R F"], span: Span) -> Float[Tensor, "T N F"]:
    """A span's part of a batch's rows, step by step."""
    return rows_of(rows, span).view(span.steps, span.n, rows.shape[1])


def feature_major(rows: Float[Tensor, "R F"], span: Span) -> Float[Tensor, "T F N"]:
    """The same, each step's features first: a copy."""
    return by_step(rows, span).transpose(1, 2).clone(memory_format=torch.contiguous_format)


def rows_of(rows: Float[Tensor, "R F"], span: Span | Chunk) -> Float[Tensor, "M F"]:
    """The rows of a span or chunk."""
    return rows.narrow(0, span.rows.start, span.size)


def transposed(rows: Float[Tensor, "N F"]) -> Float[Tensor, "F N"]:
    """The transpose, copied: a walk moves its own memory."""
    return rows.t().clone(memory_format=torch.contiguous_format)


def grad_or_zeros(d: Float[Tensor, "N F"] | None, like: Float[Tensor, "N F"]) -> Float[Tensor, "N F"]:
    """A gradient, or zeros where nothing reads what it belongs to."""
    return torch.zeros_like(like) if d is None else d


def columns_of(chunk: Chunk, span: Span, columns: Float[Tensor, "F M"]) -> Float[Tensor, "T F N"]:
    """A span's part of its chunk's columns, step by step."""
    own = columns.narrow(1, chunk.slice_of(span).start, span.size)
    return own.view(len(columns), span.steps, span.n).transpose(0, 1)


def in_order(span: Span, steps: Shaped[Tensor, "T *F"]) -> Sequence[Tensor]:
    """One view a step, in the order of the walk."""
    views = steps.unbind(0)
    return views[::-1] if span.reverse else views


def input_projection(
    x: Float[Tensor, "R I"],
    span: Span,
    weight_ih: Float[Tensor, "G I"],
    bias: Float[Tensor, "G"] | None,
) -> Float[Tensor, "T G N"]:
    """W_ih xᵀ + b for all steps of a span, one product: it needs no state."""
    x_t = rows_of(x, span).t()
    u = weight_ih @ x_t if bias is None else torch.addmm(bias.unsqueeze(1), weight_ih, x_t)
    return u.view(len(u), span.steps, span.n).transpose(0, 1)


class Gradients(NamedTuple):
    """What (1) asks for, chunk by chunk: d_x row by row, if anyone wants it; the others add up."""

    d_x: Float[Tensor, "R I"] | None
    d_weight_ih: Float[Tensor, "G I"]
    d_weight_hh: Float[Tensor, "G P"]
    d_b: Float[Tensor, "F"]

    def add(
        self,
        chunk: Chunk,
        x: Float[Tensor, "R I"],
        h: Float[Tensor, "R P"],
        weight_ih: Float[Tensor, "G I"],
        d_a: Float[Tensor, "F M"],
    ) -> None:
        """d_u stands at the head of d_a and d_v at its tail; where u and v are only added, both are d_a."""
        d_u, d_v = d_a.narrow(0, 0, len(weight_ih)), d_a.narrow(0, len(d_a) - len(weight_ih), len(weight_ih))
        if self.d_x is not None:
            torch.mm(d_u.t(), weight_ih, out=rows_of(self.d_x, chunk))
        self.d_weight_ih.addmm_(d_u, rows_of(x, chunk))
        self.d_weight_hh.addmm_(d_v, rows_of(h, chunk))
        self.d_b.add_(d_a.sum(1))


def gradients(
    ctx: Any,
    x: Float[Tensor, "R I"],
    weight_ih: Float[Tensor, "G I"],
    weight_hh: Float[Tensor, "G P"],
    rows: int,
) -> Gradients:
    """All that is zero before the first chunk; d_a has `rows` rows."""
    d_x = torch.empty_like(x) if ctx.needs_input_grad[0] else None
    return Gradients(d_x, torch.zeros_like(weight_ih), torch.zeros_like(weight_hh), x.new_zeros(rows))


def previous_h(
    y: Float[Tensor, "R P"], h_0: Float[Tensor, "N P"], forward_spans: Sequence[Span]
) -> Float[Tensor, "R P"]:
    """The h that each row's step read: the y of the step before, or what came from before the span."""
    h, h_prev = h_0.clone(), torch.empty_like(y)
    for span in forward_spans:
        own, h_t = by_step(y, span), h.narrow(0, 0, span.n)
        first, last = (-1, 0) if span.reverse else (0, -1)
        of_span, inner = by_step(h_prev, span), span.steps - 1
        of_span.select(0, first).copy_(h_t)
        of_span.narrow(0, int(not span.reverse), inner).copy_(own.narrow(0, int(span.reverse), inner))
        h_t.copy_(own.select(0, last))
    return h_prev
