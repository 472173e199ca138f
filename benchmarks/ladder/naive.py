"""Rungs 1 to 4: the forward pass as one would write it, then less so; tape.py finds the way back.

What a step does in each cell is naive_cells.py; here is what stands around it. The equations are those of
scratch_rnn/numpy_bptt.

Axes (scratch_rnn/notation.py): T steps, N rows, I inputs, H hidden, G gate rows.
"""

from typing import Any

import numpy as np

from benchmarks.ladder import naive_cells
from benchmarks.ladder.problem import Gradients, Problem, Solution, Weights
from benchmarks.ladder.tape import Tape, Var
from scratch_rnn.notation import GATES

Leaves = Any
OfVars: Any = Weights
"""The same names, of Var instead of arrays."""


def separate_gates(problem: Problem) -> Solution:
    """Rung 1: every gate has weights of its own, and two products a step."""
    t, leaves = Tape(problem.training), _leaves(problem)
    gates = len(GATES[problem.cell])
    by_gate = [OfVars(*parts) for parts in zip(*(t.split(leaf, gates, 0) for leaf in leaves), strict=True)]
    xs = [Var(x) for x in problem.x]
    return _run(problem, t, leaves, xs, xs, naive_cells.SEPARATE[problem.cell], by_gate)


def one_gemm(problem: Problem) -> Solution:
    """Rung 2: the gates' weights stand in one matrix, as torch keeps them: two products a step in all."""
    t, leaves = Tape(problem.training), _leaves(problem)
    joint = naive_cells.JOINT[problem.cell]

    def step(t: Tape, x: Var, state: naive_cells.State, w: Leaves) -> naive_cells.State:
        return joint(t, t.linear(x, w.weight_ih, w.bias_ih), state, w)

    xs = [Var(x) for x in problem.x]
    return _run(problem, t, leaves, xs, xs, step, leaves)


def hoisted_input(problem: Problem) -> Solution:
    """Rung 3: x W_ihᵀ needs no state, so one product makes it for all steps; one product a step is left."""
    t, leaves = Tape(problem.training), _leaves(problem)
    xs, us = _hoist(problem, t, leaves)
    return _run(problem, t, leaves, xs, us, naive_cells.JOINT[problem.cell], leaves)


def in_place(problem: Problem) -> Solution:
    """Rung 4: sums and activations overwrite the product that they start from, and all gates are one tanh:
    σ(a) = (1 + tanh(a/2)) / 2, the inner half folded into the weights once.
    """
    t, leaves = Tape(problem.training), _leaves(problem)
    halves = np.repeat(np.array(naive_cells.HALVES[problem.cell], problem.x.dtype), problem.hidden)
    folded = OfVars(*(t.scale_rows(leaf, halves) for leaf in leaves))
    xs, us = _hoist(problem, t, folded)
    return _run(problem, t, leaves, xs, us, naive_cells.IN_PLACE[problem.cell], folded)


def _leaves(problem: Problem) -> Leaves:
    return OfVars(*(Var(weight) for weight in problem.weights))


def _hoist(problem: Problem, t: Tape, w: Leaves) -> tuple[list[Var], list[Var]]:
    """All of x as rows, and its share of every step."""
    x = Var(problem.x.reshape(-1, problem.x.shape[2]))
    return [x], t.split(t.linear(x, w.weight_ih, w.bias_ih), len(problem.x), 0)


def _run(
    problem: Problem, t: Tape, leaves: Leaves, xs: list[Var], inputs: list[Var], step: Any, weights: Any
) -> Solution:
    """The loop over time, and the way back; `xs` are the leaves that x stands in."""
    first = state = tuple(Var(part) for part in problem.state)
    outputs = []
    for given in inputs:
        state = step(t, given, state, weights)
        outputs.append(state[0])
    output, state_n = np.stack([y.value for y in outputs]), tuple(part.value for part in state)
    if problem.d_output is None:
        return Solution(output, state_n, None)
    for y, d_y in zip((*outputs, *state), (*problem.d_output, *problem.d_state_n), strict=True):
        y.receive(d_y)
    t.backward()
    d_x = np.concatenate([x.grad for x in xs]).reshape(problem.x.shape)
    d_state = tuple(part.grad for part in first)
    return Solution(output, state_n, Gradients(d_x, d_state, Weights(*(leaf.grad for leaf in leaves))))
