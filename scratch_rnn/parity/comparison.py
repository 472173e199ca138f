"""Run one case on one contender, and compare every output and every gradient with torch.nn by name.

A contender is a tree and an engine. A result has every value by name: output0, h_n, c_n, d_x0, d_h0, d_c0,
d_weight_ih_l0, …; packed sequences are padded before they are compared. Gradients arrive as random
cotangents at every output that the case names.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy import ndarray

from scratch_rnn import numpy_bptt, torch_autograd
from scratch_rnn.numpy_bptt import packed as numpy_packed
from scratch_rnn.parity import oracle as reference
from scratch_rnn.parity.cases import Case, Data, make_data

ENGINES = ("steps", "fused")
CONTENDERS = [(tree, engine) for tree in ("numpy", "torch") for engine in ENGINES]
BOUND = 1e-10

Result = dict[str, ndarray]


def assert_close(name: str, ours: Any, oracle: Any, bound: float = BOUND) -> None:
    """max|ours - oracle| ≤ bound · max(1, max|oracle|), and the same shape, dtype and NaNs."""
    a, b = np.asarray(ours), np.asarray(oracle)
    assert (a.shape, a.dtype) == (b.shape, b.dtype), f"{name}: {a.shape} {a.dtype}, not {b.shape} {b.dtype}"
    differs = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    error = np.abs(a[differs] - b[differs]).max(initial=0.0)
    scale = np.abs(b[np.isfinite(b)]).max(initial=1.0)
    assert error <= bound * scale, f"{name}: off by {error:.3g}, where {bound * scale:.3g} is allowed"


def assert_all_close(ours: Mapping[str, Any], oracle: Mapping[str, Any], bound: float = BOUND) -> None:
    """`assert_close` for every name; a missing or additional name is an error too."""
    assert ours.keys() == oracle.keys()
    for name in oracle:
        assert_close(name, ours[name], oracle[name], bound)


def relative_error(ours: ndarray, oracle: ndarray) -> float:
    """max|ours - oracle| / max|oracle|; infinite where shapes or NaNs differ.

    Entries that are below the normal range of the dtype in both arrays count as equal: there a float has
    fewer digits.
    """
    if ours.shape != oracle.shape or not (np.isfinite(ours).all() and np.isfinite(oracle).all()):
        return float("inf")
    tiny = np.finfo(ours.dtype).tiny
    visible = (np.abs(ours) >= tiny) | (np.abs(oracle) >= tiny)
    error = float(np.abs(ours.astype(np.float64) - oracle)[visible].max(initial=0.0))
    largest = float(np.abs(oracle).max(initial=0.0))
    if error == 0 or largest == 0:
        return 0.0 if error == 0 else float("inf")
    return error / largest


def oracle(case: Case, dtype: str = "float64") -> Result:
    """torch.nn in float64, or in `dtype`; a state that the case leaves out is zeros."""
    library = reference.library()
    return _run_torch(case, library, omit_state=False, memory="contiguous", dtype=dtype)


def run(tree: str, engine: str, case: Case) -> Result:
    """One of CONTENDERS, in the dtype of the case. Torch layers give no gradient of an omitted state."""
    if tree == "numpy":
        return _run_numpy(case, engine)
    return _run_torch(case, torch_autograd, not case.state, case.memory, case.dtype, engine=engine)


def expected_of(tree: str, case: Case, expected: Result) -> Result:
    """The oracle's result without what the contender does not give."""
    if tree == "numpy" or case.state:
        return expected
    return {name: value for name, value in expected.items() if name not in ("d_h0", "d_c0")}


def assert_parity(tree: str, engine: str, case: Case) -> None:
    """Every output and every gradient of a contender is the oracle's."""
    assert_all_close(run(tree, engine, case), expected_of(tree, case, oracle(case)))


def numpy_layer(case: Case, engine: str = "steps", **options: Any) -> Any:
    """The NumPy layer of a case, with the case's parameters."""
    made = getattr(numpy_bptt, case.name)(**case.arguments, dtype=case.dtype, engine=engine, **options)
    made.load_state_dict(make_data(case).params)
    return made


def as_state(parts: Mapping[str, Any]) -> Any:
    """One array alone, or a tuple, as layers take it; None where there is none at all."""
    if all(part is None for part in parts.values()):
        return None
    return tuple(parts.values()) if len(parts) > 1 else next(iter(parts.values()))


def by_letter(case: Case, state: Any) -> dict[str, Any]:
    """The reverse of `as_state`."""
    return dict(zip(case.states, state if len(case.states) > 1 else [state], strict=True))


def in_memory(array: ndarray, memory: str) -> ndarray:
    """The same numbers, read-only, in another memory layout."""
    if memory == "strided":
        array = np.stack([array, array], axis=-1)[..., 0]
    elif memory == "expanded":
        array = np.broadcast_to(array[:1], array.shape)
    array.setflags(write=False)
    return array


def arriving(case: Case, data: Data) -> tuple[list[ndarray] | None, dict[str, ndarray | None]]:
    """The cotangents of each call's output, and of the last state; None where no gradient arrives."""
    d_states = {k: d if f"{k}_n" in case.arrives else None for k, d in data.d_states.items()}
    return (data.d_outputs if "output" in case.arrives else None), d_states


class _TorchMasks:
    """Gives a NumPy layer the dropout masks that torch draws: it stands in for the layer's generator."""

    def __init__(self, case: Case) -> None:
        self.p, self.generator = case.dropout, torch.Generator().manual_seed(case.seed)

    def random(self, shape: tuple[int, ...]) -> ndarray:
        """0 where torch drops, 1 where it does not: the layer compares with its probability."""
        ones = torch.ones(shape, dtype=torch.float64)
        return ones.bernoulli_(1 - self.p, generator=self.generator).numpy()


def _run_numpy(case: Case, engine: str) -> Result:
    data, layer = make_data(case), numpy_layer(case, engine)
    layer._rng = _TorchMasks(case)
    state = as_state({k: in_memory(s, case.memory) if case.state else None for k, s in data.states.items()})
    tapes, outputs, result = [], [], {}
    for number, x in enumerate(data.xs):
        output, state, tape = layer.forward(case.pack(in_memory(x, case.memory), numpy_bptt), state)
        result[f"output{number}"] = case.pad(output, numpy_bptt)
        tapes.append(tape)
        outputs.append(output)
    result |= {f"{k}_n": s for k, s in by_letter(case, state).items()}
    d_outputs, d_states = arriving(case, data)
    d_state, total = as_state(d_states), {f"d_{name}": np.zeros((), case.dtype) for name in data.params}
    for number in reversed(range(case.calls)):
        d_output: Any = None if d_outputs is None else in_memory(d_outputs[number], "strided")
        if d_output is not None and case.lengths is not None:
            d_output = numpy_packed.pad_packed_sequence_backward(d_output, outputs[number], case.batch_first)
        d_x, d_state, grads = layer.backward(tapes[number], d_output, d_state)
        assert list(grads) == list(layer.state_dict())
        if case.lengths is not None:
            d_x = numpy_packed.pack_padded_sequence_backward(d_x, case.steps, case.batch_first)
        result[f"d_x{number}"] = d_x
        total = {name: total[name] + grads[name[2:]] for name in total}
    return result | {f"d_{k}0": d for k, d in by_letter(case, d_state).items()} | total


def _leaf(array: ndarray, memory: str, dtype: torch.dtype) -> Any:
    tensor = torch.tensor(array, dtype=dtype)
    if memory == "strided":
        tensor = torch.stack([tensor, tensor], dim=-1)[..., 0]
    elif memory == "expanded":
        tensor = tensor[:1].expand(tensor.shape)
    return tensor.requires_grad_()


def _run_torch(case: Case, library: Any, omit_state: bool, memory: str, dtype: str, **options: Any) -> Result:
    data, kind = make_data(case), getattr(torch, dtype)
    layer = getattr(library, case.name)(**case.arguments, dtype=kind, **options)
    layer.load_state_dict({name: torch.tensor(value) for name, value in data.params.items()})
    xs = [_leaf(x, memory, kind) for x in data.xs]
    values = {k: s if case.state else np.zeros_like(s) for k, s in data.states.items()}
    states = {k: _leaf(s, memory, kind) for k, s in values.items()}
    state, outputs = None if omit_state else as_state(states), []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.seed)
        for x in xs:
            output, state = layer(case.pack(x, library), state)
            outputs.append(case.pad(output, library))
    d_outputs, d_states = arriving(case, data)
    ends = dict.fromkeys(outputs) if d_outputs is None else dict(zip(outputs, d_outputs, strict=True))
    ends |= {s: d_states[k] for k, s in by_letter(case, state).items()}
    reached = {y: torch.tensor(d, dtype=kind) for y, d in ends.items() if d is not None}
    leaves = {f"d_x{number}": x for number, x in enumerate(xs)}
    leaves |= {} if omit_state else {f"d_{k}0": s for k, s in states.items()}
    leaves |= {f"d_{name}": p for name, p in layer.named_parameters()}
    grads = torch.autograd.grad(
        list(reached), list(leaves.values()), list(reached.values()), materialize_grads=True
    )
    result = {f"output{number}": y for number, y in enumerate(outputs)}
    result |= {f"{k}_n": s for k, s in by_letter(case, state).items()}
    result |= dict(zip(leaves, grads, strict=True))
    return {name: value.detach().numpy() for name, value in result.items()}


def run_cell(tree: str, case: Case) -> Result:
    """The `step` of a cell file on the numbers of a case of one step and one layer, in float64."""
    data = make_data(case)
    cell = getattr(numpy_bptt if tree == "numpy" else torch_autograd, case.name.lower())
    options = {"nonlinearity": case.kind[4:]} if case.name == "RNN" else {}

    def convert(array: ndarray) -> Any:
        return array if tree == "numpy" else _leaf(array, "contiguous", torch.float64)

    x = convert(data.xs[0][0])
    state = cell.State(*(convert(s[0]) for s in data.states.values()))
    params = cell.Params(**{name.removesuffix("_l0"): convert(p) for name, p in data.params.items()})
    named: dict[str, Any] = {"d_x0": x} | {f"d_{k}0": s for k, s in state._asdict().items()}
    named |= {f"d_{name}_l0": p for name, p in params._asdict().items() if p is not None}
    d_next = [d[0] for d in data.d_states.values()]
    if tree == "numpy":
        state_next, cache = cell.step(x, state, params, **options)
        d_x, d_state, d_params = cell.step_backward(cell.State(*d_next), cache, params)
        grads = [d_x, *d_state, *(d for d in d_params if d is not None)]
    else:
        state_next = cell.step(x, state, params, **options)
        cotangents = [torch.tensor(d) for d in d_next]
        grads = list(torch.autograd.grad(list(state_next), list(named.values()), cotangents))
        state_next = [s.detach() for s in state_next]
    result = {f"{k}_n": np.asarray(s) for k, s in zip(case.states, state_next, strict=True)}
    return result | {name: np.asarray(grad) for name, grad in zip(named, grads, strict=True)}


def oracle_of_cell(case: Case) -> Result:
    """What torch.nn's layer gives over the one step of a case, in the shapes of a cell."""
    expected = oracle(case)
    del expected["output0"]
    whole = {name: value for name, value in expected.items() if "weight" in name or "bias" in name}
    return {name: value[0] for name, value in expected.items()} | whole


def assert_cell_parity(tree: str, case: Case) -> None:
    """One step, forward and backward, is a layer of torch.nn over one step."""
    assert_all_close(run_cell(tree, case), oracle_of_cell(case))
