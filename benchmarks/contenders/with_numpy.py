"""The NumPy layers, by their public classes. torch is not imported here: a worker of these never loads it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy import ndarray

from benchmarks.cases import Case
from benchmarks.contenders.contender import Contender, Outcome, Prepared
from benchmarks.data import as_state, make_data, named_states
from scratch_rnn import numpy_bptt
from scratch_rnn.numpy_bptt import PackedSequence, pack_padded_sequence


class NumpyLayer(Contender):
    """One of the two engines."""

    def __init__(self, name: str, engine: str) -> None:
        super().__init__(name)
        self.engine = engine

    def prepare(self, case: Case) -> Prepared:
        """Inference is a call, training `forward` and `backward`."""
        data, layer = make_data(case), numpy_layer(case, self.engine)
        layer.load_state_dict(data.params)
        packed = case.layout == "packed"
        x: Any = pack_padded_sequence(data.x, np.array(case.lengths)) if packed else data.x
        state, d_state_n = as_state(data.states), as_state(data.d_states)
        d_output: Any = data.d_output
        d_output = x._replace(data=d_output) if packed else d_output.reshape(*data.x.shape[:2], -1)

        def infer() -> Any:
            return layer(x, state)

        def train() -> Any:
            output, state_n, tape = layer.forward(x, state)
            return output, state_n, *layer.backward(tape, d_output, d_state_n)

        def outcome(result: Any) -> Outcome:
            named = {"output": _rows(result[0])} | named_states(case, "", "_n", result[1])
            if not case.training:
                return named
            _, _, d_x, d_state, grads = result
            named |= {"d_x": _rows(d_x)} | named_states(case, "d_", "_0", d_state)
            return named | {f"d_{name}": grad for name, grad in grads.items()}

        if not case.training:
            return Prepared(infer, outcome)
        return Prepared(train, outcome, memory=lambda: tape_bytes(layer.forward(x, state)[2]))


def numpy_layer(case: Case, engine: str) -> Any:
    """A layer of the case's sizes."""
    options = {"proj_size": case.proj} if case.proj else {}
    kind = getattr(numpy_bptt, case.cell.upper())
    return kind(case.size.inputs, case.size.hidden, **options, dtype=np.dtype(case.dtype), engine=engine)


def tape_bytes(tape: Any) -> int:
    """What a tape keeps alive: every array once, however many views of it there are, and no parameters."""
    owners = {id(owner): owner.nbytes for owner in map(_owner, _arrays(tape))}
    return sum(owners.values())


def _arrays(node: Any) -> Iterator[ndarray]:
    """Depth first; a field named `params` holds what would be there without a tape too."""
    if isinstance(node, ndarray):
        yield node
    elif isinstance(node, tuple | list):
        fields = getattr(node, "_fields", ("",) * len(node))
        for field, child in zip(fields, node, strict=True):
            if field != "params":
                yield from _arrays(child)


def _owner(array: ndarray) -> ndarray:
    """The array that owns the memory of a view."""
    while isinstance(array.base, ndarray):
        array = array.base
    return array


def _rows(output: Any) -> ndarray:
    """Padded or packed, as rows (R, ·)."""
    if isinstance(output, PackedSequence):
        return output.data
    return output.reshape(-1, output.shape[-1])
