"""What a trace must hold, from torch autograd through the torch twin.

The twin's own layers run; only its `step` is called with copies of its arguments, so that autograd gives
each step's share of their gradients. The values inside are the local variables of `step` when it returns:
nothing here uses the code that is tested.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from inspect import unwrap
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy import ndarray

from scratch_rnn import numpy_bptt, torch_autograd
from scratch_rnn.numpy_bptt.packed import pad_packed_sequence_backward
from scratch_rnn.parity.cases import Case, make_data
from scratch_rnn.parity.contenders import arriving, as_state, by_letter, numpy_layer
from scratch_rnn.torch_autograd import layer as torch_layer
from scratch_rnn.torch_autograd import rnn_base
from scratch_rnn.trace import Trace, recording
from tests.parity import assert_close

SAME_AS = {"a_r": "u_r", "a_z": "u_z", "a_n": "u_n"}
"""The sums that the GRU's σ and tanh read have no name in `step`: their gradient is that of the summand u."""
NUMBERED_SHARES = {"d_h_4", "d_h_1"}
"""A share of a gradient through one equation, which autograd does not give."""

Direction = tuple[int, bool]


def traced(case: Case, **options: Any) -> Trace:
    """The case's forward and backward pass, recorded."""
    data, layer = make_data(case), numpy_layer(case, **options)
    cotangents = arriving(case, data)
    with recording(layer) as trace:
        output, _, tape = layer.forward(
            case.pack(data.xs[0], numpy_bptt), as_state(data.states) if case.state else None
        )
        d_output: Any = cotangents.get("output0")
        if d_output is not None and case.lengths is not None:
            d_output = pad_packed_sequence_backward(d_output, output, case.batch_first)
        layer.backward(tape, d_output, as_state({k: cotangents.get(f"{k}_n") for k in case.states}))
    return trace


def assert_is_twins(case: Case, trace: Trace) -> None:
    """Every name of every layer and direction, forward and backward, is the twin's."""
    for (number, reverse), expected in twin(case).items():
        ours = trace.at(number, reverse)
        forward = {name for name in ours.names if not name.startswith("d_")}
        assert forward == {name for name in expected if not name.startswith(("d_", "weight", "bias"))}
        compared = set(ours.names) - NUMBERED_SHARES
        arguments = {"x", *case.states, *(f"{letter}_next" for letter in case.states)}
        parameters = {name for name in expected if name.startswith(("weight", "bias"))}
        assert compared >= {f"d_{name}" for name in arguments | parameters}
        for name in compared:
            q = name.removeprefix("d_")
            oracle = expected[f"d_{SAME_AS.get(q, q)}" if name != q else q]
            assert_close(f"{name} of layer {number}, reverse={reverse}", ours[name], oracle)


def twin(case: Case) -> dict[Direction, dict[str, ndarray]]:
    """By layer and direction: (T, N, F) by name, rows in the caller's order, NaN where there is no step."""
    calls = _run(case)
    count = case.rows if case.rows is not None else 1
    lengths = [case.steps] * count if case.lengths is None else list(case.lengths)
    steps = max(lengths, default=case.steps)
    order = sorted(range(count), key=lambda n: -lengths[n])
    result: dict[Direction, dict[str, ndarray]] = {}
    for start, key in zip(range(0, len(calls), steps), _directions(case), strict=True):
        by_t = calls[start : start + steps][:: -1 if key[1] else 1]
        result[key] = {name: _whole(name, by_t, lengths, order) for name in by_t[0]}
    return result


def _directions(case: Case) -> list[Direction]:
    return [(k, d == 1) for k in range(case.layers) for d in range(1 + case.bidirectional)]


def _whole(name: str, by_t: list[dict[str, ndarray]], lengths: list[int], order: list[int]) -> ndarray:
    if name.removeprefix("d_").startswith(("weight", "bias")):
        return np.stack([values[name] for values in by_t])
    whole = np.full((len(by_t), len(lengths), by_t[0][name].shape[1]), np.nan)
    for t, values in enumerate(by_t):
        for row, n in zip(values[name], order, strict=False):
            whole[t, n] = row
    return whole


def _run(case: Case) -> list[dict[str, ndarray]]:
    """The values and gradients of each call of `step`, in the order of the calls."""
    data, calls = make_data(case), []
    layer = getattr(torch_autograd, case.name)(**case.arguments, dtype=torch.float64)
    layer.load_state_dict({name: torch.tensor(p) for name, p in data.params.items()})
    cell, options = layer.cell, {"nonlinearity": case.kind[4:]} if case.name == "RNN" else {}

    def step(x: Any, state: Any, p: Any) -> Any:
        own = [type(a)(*(None if v is None else _copy(v) for v in a)) for a in (state, p)]
        with local_variables(unwrap(cell.step).__code__) as found:
            state_next = cell.step(_copy(x), *own, **options)
        named = found | own[0]._asdict() | own[1]._asdict()
        calls.append({name: v for name, v in named.items() if isinstance(v, torch.Tensor)})
        return state_next

    states = {k: torch.tensor(s if case.state else np.zeros_like(s)) for k, s in data.states.items()}
    with patch.dict(rnn_base.ENGINES["steps"], {layer.mode: partial(torch_layer.forward, step)}):
        output, state_n = layer(case.pack(torch.tensor(data.xs[0]), torch_autograd), as_state(states))
    ends = {"output0": case.pad(output, torch_autograd)}
    ends |= {f"{k}_n": s for k, s in by_letter(case, state_n).items()}
    reached = [(ends[name], torch.tensor(d)) for name, d in arriving(case, data).items()]
    inside = [v for call in calls for v in call.values()]
    ys, d_ys = zip(*reached, strict=True)
    grads = iter(torch.autograd.grad(ys, inside, d_ys, materialize_grads=True))
    whole = [call | {f"d_{name}": next(grads) for name in call} for call in calls]
    return [{name: v.detach().numpy() for name, v in call.items()} for call in whole]


def _copy(value: Any) -> Any:
    """A tensor of its own: autograd gives what flows into it through one step alone."""
    return value.clone().requires_grad_()


@contextmanager
def local_variables(code: Any) -> Iterator[dict[str, Any]]:
    """The local variables of the call of this code inside the block, filled when it returns."""
    found: dict[str, Any] = {}

    def look(frame: Any, event: str, argument: Any) -> None:
        if event == "return" and frame.f_code is code:
            found.update(frame.f_locals)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(before)
