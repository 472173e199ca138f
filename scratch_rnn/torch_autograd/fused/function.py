"""What the fused cells have in common: spans, sums of gradients, refused transforms.

The backward pass is written by hand, in place, and gives the first derivative in reverse mode. Other
transforms raise an error.

In the LSTM and the GRUs arrays are feature-major, so that the rows of one gate are contiguous; the RNN has
one gate and computes in rows. All are computed span by span (scratch_rnn/spans.py).

Axes (scratch_rnn/notation.py): N batch, R rows, G gate rows, I input, P width of h, T time.
F features, M rows of one span or chunk, O outputs of a linear map.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, NoReturn

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from scratch_rnn.checks import message
from scratch_rnn.spans import Chunk, Span, spans

MAX_NUMBERS_PER_SPAN = 2**19
"""Larger than the limit of scratch_rnn/spans.py: a call costs more in torch, and longer spans need fewer."""
NO_GRAPH = (
    'engine="fused": expected no export, trace or fullgraph=True (engine="steps" supports all), got one'
)
"""The error where a graph without breaks is recorded."""


class OnceDifferentiable(torch.autograd.Function):
    """A Function that has a first derivative in reverse mode, and no other derivative."""

    def __init_subclass__(cls) -> None:
        """Each call of apply asks for the signature of `forward`: inspect computes it here, once."""
        cls.forward.__signature__ = inspect.signature(cls.forward)  # type: ignore[attr-defined]

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> NoReturn:
        """Forward mode is refused."""
        refuse("forward-mode differentiation")

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> NoReturn:
        """Vmap is refused."""
        refuse("vmap")


def refuse(what: str) -> NoReturn:
    """RuntimeError that names the engine which supports all transforms."""
    raise RuntimeError(
        message('engine="fused"', 'a first derivative in reverse mode (engine="steps" supports all)', what)
    )


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse a second derivative: in a backward, grad mode is on only where its own graph is recorded."""

    def guarded(ctx: Any, *d_outputs: Tensor | None) -> Any:
        if torch.is_grad_enabled():
            refuse("a second derivative (create_graph=True, or torch.func)")
        with without_autocast(ctx.device):  # saved tensors have a device too, but can be unpacked only once
            return backward(ctx, *d_outputs)

    return guarded


def apply(function: type[OnceDifferentiable], x: Tensor, state: Any, params: Any, *options: Any) -> Any:
    """Run a Function in the dtype of the weights, without autocast.

    Tracing and export are refused. Under torch.compile this function is a break between two graphs.
    """
    if torch.compiler.is_dynamo_compiling():
        torch._dynamo.graph_break(msg=NO_GRAPH)
    if torch._C._get_tracing_state() is not None or torch.compiler.is_exporting():
        raise RuntimeError(NO_GRAPH)
    run: Callable[..., Any] = function.apply
    dtype = params.weight_ih.dtype
    with without_autocast(x.device):
        return run(x.to(dtype), *(s.to(dtype) for s in state), *params, *options)


@contextmanager
def without_autocast(device: torch.device) -> Iterator[None]:
    """Turn autocast off."""
    if device.type in ("cpu", "cuda") and torch.is_autocast_enabled(device.type):
        with torch.autocast(device.type, enabled=False):
            yield
    else:
        yield


def spans_of(batch_sizes: Sequence[int], width: int, reverse: bool, device: torch.device) -> list[Span]:
    """The spans of a batch in the order in which they are computed; a row needs `width` numbers. On a device
    other than the CPU, no limit on the size of a span is set.
    """
    return spans(batch_sizes, width if device.type == "cpu" else 0, reverse, MAX_NUMBERS_PER_SPAN)


def by_step(rows: Float[Tensor, "R F"], span: Span) -> Float[Tensor, "T N F"]:
    """The rows of a span, with an axis for its steps."""
    return rows_of(rows, span).view(span.steps, span.n, rows.shape[1])


def feature_major(rows: Float[Tensor, "R F"], span: Span) -> Float[Tensor, "T F N"]:
    """`by_step`, copied to feature-major."""
    return by_step(rows, span).transpose(1, 2).clone(memory_format=torch.contiguous_format)


def rows_of(rows: Float[Tensor, "R F"], span: Span | Chunk) -> Float[Tensor, "M F"]:
    """The rows of a span or chunk."""
    return rows.narrow(0, span.rows.start, span.size)


def transposed(rows: Float[Tensor, "N F"]) -> Float[Tensor, "F N"]:
    """A copy of the transpose, which a span may update in place."""
    return rows.t().clone(memory_format=torch.contiguous_format)


def grad_or_zeros(d: Float[Tensor, "N F"] | None, like: Float[Tensor, "N F"]) -> Float[Tensor, "N F"]:
    """A gradient, or zeros where the loss does not use the value."""
    return torch.zeros_like(like) if d is None else d


def columns_of(chunk: Chunk, span: Span, columns: Float[Tensor, "F M"]) -> Float[Tensor, "T F N"]:
    """The columns of a span within its chunk, with an axis for its steps."""
    own = columns.narrow(1, chunk.slice_of(span).start, span.size)
    return own.view(columns.shape[0], span.steps, span.n).transpose(0, 1)


def in_order(span: Span, steps: Shaped[Tensor, "T *F"]) -> Sequence[Tensor]:
    """One view per step, in the order in which the steps are computed."""
    views = steps.unbind(0)
    return views[::-1] if span.reverse else views


def input_projection(
    x: Float[Tensor, "R I"],
    span: Span,
    weight_ih: Float[Tensor, "G I"],
    bias: Float[Tensor, "G"] | None,
) -> Float[Tensor, "T G N"]:
    """W_ih xᵀ + b for all steps of a span in one GEMM: it needs no state."""
    x_t = rows_of(x, span).t()
    u = weight_ih @ x_t if bias is None else torch.addmm(bias.unsqueeze(1), weight_ih, x_t)
    return u.view(u.shape[0], span.steps, span.n).transpose(0, 1)


def sum_of_biases(
    bias_ih: Float[Tensor, "G"] | None, bias_hh: Float[Tensor, "G"] | None
) -> Float[Tensor, "G"] | None:
    """b_ih + b_hh; None without biases."""
    return None if bias_ih is None or bias_hh is None else bias_ih + bias_hh


class Gradients(NamedTuple):
    """The gradients through (1), filled chunk by chunk. d_x is None where x needs no gradient."""

    d_x: Float[Tensor, "R I"] | None
    d_weight_ih: Float[Tensor, "G I"]
    d_weight_hh: Float[Tensor, "O P"]
    d_b: Float[Tensor, "F"]

    def add(
        self,
        chunk: Chunk,
        x: Float[Tensor, "R I"],
        h: Float[Tensor, "R P"],
        weight_ih: Float[Tensor, "G I"],
        d_a: Float[Tensor, "F M"],
        d_v: Float[Tensor, "O M"] | None = None,
    ) -> None:
        """Add a chunk. d_u is the last G rows of d_a, and d_v, if not given, the first G: where a = u + v,
        both are d_a.
        """
        gates = weight_ih.shape[0]
        d_u = d_a.narrow(0, d_a.shape[0] - gates, gates)
        d_v = d_a.narrow(0, 0, gates) if d_v is None else d_v
        if self.d_x is not None:
            torch.mm(d_u.t(), weight_ih, out=rows_of(self.d_x, chunk))
        self.d_weight_ih.addmm_(d_u, rows_of(x, chunk))
        self.d_weight_hh.addmm_(d_v, rows_of(h, chunk))
        self.d_b.add_(d_a.sum(1))


def gradients(
    ctx: Any,
    x: Float[Tensor, "R I"],
    weight_ih: Float[Tensor, "G I"],
    weight_hh: Float[Tensor, "O P"],
    rows: int,
) -> Gradients:
    """The sums before the first chunk; d_a has `rows` rows."""
    d_x = torch.empty_like(x) if ctx.needs_input_grad[0] else None
    return Gradients(d_x, torch.zeros_like(weight_ih), torch.zeros_like(weight_hh), x.new_zeros(rows))


def previous_h(
    y: Float[Tensor, "R P"], h_0: Float[Tensor, "N P"], forward_spans: Sequence[Span]
) -> Float[Tensor, "R P"]:
    """The h that each row's step starts from: y of the previous step; h_0 at a sequence's first step."""
    reverse = forward_spans[0].reverse
    found, h = list[tuple[Tensor, ...]](), h_0[:0] if reverse else h_0
    for span in forward_spans:
        own, n = rows_of(y, span), span.n
        if reverse:
            found.append((own[n:], h, h_0[len(h) : n]))  # some sequences start in this span
            h = own[:n]
        else:
            found.append((h[:n], own[: span.size - n]))  # some sequences have ended before it
            h = own[span.size - n :]
    return torch.cat([rows for of_span in (found[::-1] if reverse else found) for rows in of_span])
