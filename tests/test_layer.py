"""Unrolling, tested with a cell whose state lists the digits of its inputs: h' = 10 h + x."""

from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from scratch_rnn.numpy_bptt import layer


class State(NamedTuple):
    h: Any


class Params(NamedTuple):
    ten: Any


def step(x: Any, state: State, p: Params) -> State:
    return State(p.ten * state.h + x)


def numpy_step(x: Any, state: State, p: Params) -> tuple[State, State]:
    return step(x, state, p), state


def step_backward(d_next: State, cache: State, p: Params) -> tuple[Any, State, Params]:
    return d_next.h, State(p.ten * d_next.h), Params((d_next.h * cache.h).sum(axis=0))


# Three sequences, 1 2 3 and 4 5 and 6, laid out as in the head of layer.py. The first states are 7, 8 and 9.
ROWS = np.array([[1.0], [4], [6], [2], [5], [3]])
BATCH_SIZES = (3, 2, 1)
FIRST = np.array([[7.0], [8], [9]])
SPELLED = {
    False: ([71, 84, 96, 712, 845, 7123], [7123, 845, 96]),
    True: ([7321, 854, 96, 732, 85, 73], [7321, 854, 96]),
}
TEN = np.array([10.0])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("tree", ["numpy_bptt", "torch_autograd"])
def test_each_row_is_read_from_its_own_end(tree: str, reverse: bool) -> None:
    forward = import_module(f"scratch_rnn.{tree}.layer").forward
    if tree == "numpy_bptt":
        y, state_n, _ = forward(numpy_step, ROWS, BATCH_SIZES, State(FIRST), Params(TEN), reverse, keep=False)
    else:
        rows, first, ten = map(torch.tensor, (ROWS, FIRST, TEN))
        y, state_n = forward(step, rows, BATCH_SIZES, State(first), Params(ten), reverse)
    outputs, ends = SPELLED[reverse]
    assert y.flatten().tolist() == outputs
    assert state_n.h.flatten().tolist() == ends


@pytest.mark.parametrize("reverse", [False, True])
def test_backward_is_the_adjoint_of_forward_to_the_last_digit(reverse: bool) -> None:
    y, state_n, tape = layer.forward(numpy_step, ROWS, BATCH_SIZES, State(FIRST), Params(TEN), reverse, True)
    d_y, d_n = np.array([[3.0], [1], [4], [1], [5], [9]]), np.array([[2.0], [6], [5]])
    d_x, d_state, _ = layer.backward(step_backward, d_y, State(d_n), tape)
    assert (d_y * y).sum() + (d_n * state_n.h).sum() == (d_x * ROWS).sum() + (d_state.h * FIRST).sum()


@pytest.mark.parametrize("reverse", [False, True])
def test_a_gradient_reaches_only_what_was_read_before(reverse: bool) -> None:
    _, _, tape = layer.forward(numpy_step, ROWS, BATCH_SIZES, State(FIRST), Params(TEN), reverse, True)
    d_y = np.zeros((6, 1))
    d_y[3] = 1  # the second step of sequence 0
    d_x, d_state, d_params = layer.backward(step_backward, d_y, State(np.zeros((3, 1))), tape)
    assert d_x.flatten().tolist() == ([0, 0, 0, 1, 0, 10] if reverse else [10, 0, 0, 1, 0, 0])
    assert d_state.h.flatten().tolist() == [100, 0, 0]
    # ∂(10 (10·7 + x) + x')/∂10 = (10·7 + x) + 10·7, x the step that is read first
    assert d_params.ten.tolist() == [73 + 70 if reverse else 71 + 70]


def test_with_keep_false_nothing_is_cached() -> None:
    arguments = numpy_step, ROWS, BATCH_SIZES, State(FIRST), Params(TEN), False
    assert layer.forward(*arguments, keep=False)[2].caches == []
    caches = layer.forward(*arguments, keep=True)[2].caches
    assert [cache.h.flatten().tolist() for cache in caches] == [[7, 8, 9], [71, 84], [712]]
