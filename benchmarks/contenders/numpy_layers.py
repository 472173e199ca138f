"""The NumPy layers, by their public classes. torch is not imported here, so a worker process of these never
loads it.
"""

from typing import Any

import numpy as np
from numpy import ndarray

from benchmarks.cases import Case
from benchmarks.contenders.contender import Contender, Outcome, Prepared
from benchmarks.contenders.data import as_state, make_data, named_states
from scratch_rnn import numpy_bptt
from scratch_rnn.numpy_bptt import PackedSequence, pack_padded_sequence


class NumpyLayer(Contender):
    """One of the two engines."""

    def __init__(self, name: str, engine: str) -> None:
        super().__init__(name)
        self.engine = engine

    def prepare(self, case: Case) -> Prepared:
        """Inference is a call, training `forward` and `backward`."""
        data, layer = make_data(case), self.layer(case)
        layer.load_state_dict(data.params)
        packed = case.layout == "packed"
        x: Any = pack_padded_sequence(data.x, np.array(case.lengths)) if packed else data.x
        state, d_state_n = as_state(data.states), as_state(data.d_states)
        d_output: Any = data.d_output
        d_output = x._replace(data=d_output) if packed else d_output.reshape(*data.x.shape[:2], -1)

        def forward() -> Any:
            return layer.forward(x, state)

        def train() -> Any:
            output, state_n, tape = layer.forward(x, state)
            return output, state_n, *layer.backward(tape, d_output, d_state_n)

        def outcome(result: Any) -> Outcome:
            named = {"output": _rows(result[0])} | named_states(case, "", "_n", result[1])
            if not case.has_grads:
                return named
            _, _, d_x, d_state, grads = result
            named |= {"d_x": _rows(d_x)} | named_states(case, "d_", "_0", d_state)
            return named | {f"d_{name}": grad for name, grad in grads.items()}

        if case.mode == "backward":
            output, state_n, tape = forward()
            return Prepared(lambda: (output, state_n, *layer.backward(tape, d_output, d_state_n)), outcome)
        step = {"training": train, "forward": forward, "inference": lambda: layer(x, state)}[case.mode]
        return Prepared(step, outcome)

    def layer(self, case: Case) -> Any:
        """A layer of the case's sizes."""
        kind, dtype = self.layer_class(case), np.dtype(case.dtype)
        return kind(case.size.inputs, case.size.hidden, **case.layer_options, dtype=dtype, engine=self.engine)

    def layer_class(self, case: Case) -> Any:
        """RNN, LSTM or GRU."""
        return getattr(numpy_bptt, case.cell.upper())


def _rows(output: Any) -> ndarray:
    """Padded or packed, as rows (R, ·)."""
    if isinstance(output, PackedSequence):
        return output.data
    return output.reshape(-1, output.shape[-1])
