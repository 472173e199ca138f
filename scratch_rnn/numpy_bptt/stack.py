"""A stack of layers in one direction or two, with dropout between them; and its backward pass.

Pure functions. One direction of one layer is computed by an engine: layer.py, or a fused engine with the same
two functions. The callers' layouts are in layout.py, the public classes in modules.py.

    (1)  x^k = m^k ⊙ y^{k-1}                 from layer 1 on, in training: m is 0, or 1/(1-p)
    (2)  y^k_d, s^k_d = layer(x^k, s_0^k_d)  for each direction d
    (3)  y^k = [ y^k_forward | y^k_reverse ]

Axes (scratch_rnn/notation.py): R rows, I input, O = D·P output. States and parameters are lists of S;
direction d of layer k is number k·D + d.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from scratch_rnn.numpy_bptt.protocols import Engine, ParamsT, StateT, TapeT


@dataclass(frozen=True)
class Tape(Generic[TapeT]):
    """All that `backward` needs: the engine's tape of each direction of each layer, and the dropout masks."""

    layers: Sequence[TapeT]
    masks: Sequence[Float[ndarray, "R O"] | None]


def forward(
    engine: Engine[StateT, ParamsT, TapeT],
    x: Float[ndarray, "R I"],
    batch_sizes: Sequence[int],
    states: Sequence[StateT],
    params: Sequence[ParamsT],
    masks: Sequence[Float[ndarray, "R O"] | None],
    keep: bool,
) -> tuple[Float[ndarray, "R O"], list[StateT], Tape[TapeT]]:
    """(output, final states, tape). `masks` has one mask per layer, None where nothing is dropped."""
    directions = len(params) // len(masks)
    states_n, tapes = [], []
    for k, mask in enumerate(masks):
        if mask is not None:
            x = mask * x  # (1)
        outputs = []
        for d in range(directions):
            s = k * directions + d
            y, state_n, tape = engine.forward(x, batch_sizes, states[s], params[s], d == 1, keep)  # (2)
            outputs.append(y)
            states_n.append(state_n)
            tapes.append(tape)
        x = np.concatenate(outputs, axis=1)  # (3)
    return x, states_n, Tape(tapes, masks)


def backward(
    engine: Engine[StateT, ParamsT, TapeT],
    d_output: Float[ndarray, "R O"],
    d_states_n: Sequence[StateT],
    tape: Tape[TapeT],
) -> tuple[Float[ndarray, "R I"], list[StateT], list[ParamsT]]:
    """The gradients of x, of every first state, and of every layer's parameters."""
    directions = len(tape.layers) // len(tape.masks)
    d_states, d_params = list(d_states_n), dict[int, ParamsT]()
    d_x = d_output
    for k in reversed(range(len(tape.masks))):
        d_inputs = []
        # (3)  y = [ y_forward | y_reverse ]
        for d, d_y in enumerate(np.split(d_x, directions, axis=1)):
            s = k * directions + d
            # (2)  both directions use the same x: its gradient is the sum of their shares
            d_input, d_states[s], d_params[s] = engine.backward(d_y, d_states_n[s], tape.layers[s])
            d_inputs.append(d_input)
        d_x = sum(d_inputs[1:], start=d_inputs[0])
        # (1)  x^k = m ⊙ y^{k-1}
        mask = tape.masks[k]
        if mask is not None:
            d_x = mask * d_x
    return d_x, d_states, [d_params[s] for s in range(len(d_params))]
