"""One oracle, one bound, one way to run a case: what the tests of cells and layers have in common.

The oracle is torch.nn in float64, never our own code. A result is every output and every gradient by name:
output0, h_n, c_n, d_x0, d_h0, d_c0, d_weight_ih_l0, …; packed sequences are padded before they are compared.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy import ndarray

from scratch_rnn import numpy_bptt, torch_autograd
from scratch_rnn.numpy_bptt import packed as numpy_packed
from tests.cases import Case, Data, make_data

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
    """`assert_close` for every name, and no name too few or too many."""
    assert ours.keys() == oracle.keys()
    for name in oracle:
        assert_close(name, ours[name], oracle[name], bound)


def oracle(case: Case) -> Result:
    """torch.nn in float64; a state that the case leaves out is zeros."""
    return run_torch(case, torch.nn, torch.nn.utils.rnn, omit_state=False, memory="contiguous")


def run(tree: str, engine: str, case: Case) -> Result:
    """One of CONTENDERS. Torch layers give no gradient of a state that was left out."""
    if tree == "numpy":
        return run_numpy(case, engine)
    omit = not case.state
    return run_torch(case, torch_autograd, torch_autograd, omit, case.memory, engine=engine)


def assert_parity(tree: str, engine: str, case: Case) -> None:
    """Every output and every gradient of a contender is the oracle's."""
    ours, expected = run(tree, engine, case), oracle(case)
    if tree == "torch" and not case.state:
        expected = {name: value for name, value in expected.items() if name not in ("d_h0", "d_c0")}
    assert_all_close(ours, expected)


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


def laid_out(array: ndarray, memory: str) -> ndarray:
    """The same numbers, read-only, in another memory layout."""
    if memory == "strided":
        array = np.stack([array, array], axis=-1)[..., 0]
    elif memory == "expanded":
        array = np.broadcast_to(array[:1], array.shape)
    array.setflags(write=False)
    return array


def arriving(case: Case, data: Data) -> tuple[list[ndarray] | None, dict[str, ndarray | None]]:
    """The cotangents of each call's output, and of the last state; None where nothing arrives."""
    d_states = {k: d if f"{k}_n" in case.arrives else None for k, d in data.d_states.items()}
    return (data.d_outputs if "output" in case.arrives else None), d_states


def run_numpy(case: Case, engine: str, **options: Any) -> Result:
    """A NumPy layer; `options` go to its constructor."""
    data, layer = make_data(case), numpy_layer(case, engine, **options)
    state = as_state({k: laid_out(s, case.memory) if case.state else None for k, s in data.states.items()})
    tapes, outputs, result = [], [], {}
    for number, x in enumerate(data.xs):
        output, state, tape = layer.forward(case.pack(laid_out(x, case.memory), numpy_bptt), state)
        result[f"output{number}"] = case.pad(output, numpy_bptt)
        tapes.append(tape)
        outputs.append(output)
    result |= {f"{k}_n": s for k, s in by_letter(case, state).items()}
    d_outputs, d_states = arriving(case, data)
    d_state, total = as_state(d_states), dict.fromkeys(data.params, 0.0)
    for number in reversed(range(case.calls)):
        d_output: Any = None if d_outputs is None else laid_out(d_outputs[number], "strided")
        if d_output is not None and case.lengths is not None:
            d_output = numpy_packed.pad_packed_sequence_backward(d_output, outputs[number], case.batch_first)
        d_x, d_state, grads = layer.backward(tapes[number], d_output, d_state)
        if case.lengths is not None:
            d_x = numpy_packed.pack_padded_sequence_backward(d_x, case.steps, case.batch_first)
        result[f"d_x{number}"] = d_x
        total = {name: total[name] + grads[name] for name in total}
    result |= {f"d_{k}0": d for k, d in by_letter(case, d_state).items()}
    return result | {f"d_{name}": d for name, d in total.items()}


def _leaf(array: ndarray, memory: str = "contiguous") -> Any:
    tensor = torch.tensor(array, dtype=torch.float64)
    if memory == "strided":
        tensor = torch.stack([tensor, tensor], dim=-1)[..., 0]
    elif memory == "expanded":
        tensor = tensor[:1].expand(tensor.shape)
    return tensor.requires_grad_()


def run_torch(case: Case, layers: Any, packing: Any, omit_state: bool, memory: str, **options: Any) -> Result:
    """A layer of the library `layers`; `options` go to its constructor."""
    data = make_data(case)
    layer = getattr(layers, case.name)(**case.arguments, dtype=torch.float64, **options)
    layer.load_state_dict({name: torch.tensor(value) for name, value in data.params.items()})
    xs = [_leaf(x, memory) for x in data.xs]
    zero_or_given = {k: s if case.state else np.zeros_like(s) for k, s in data.states.items()}
    states = {k: _leaf(s, memory) for k, s in zero_or_given.items()}
    state, outputs = None if omit_state else as_state(states), []
    for x in xs:
        output, state = layer(case.pack(x, packing), state)
        outputs.append(case.pad(output, packing))
    d_outputs, d_states = arriving(case, data)
    ends = dict.fromkeys(outputs) if d_outputs is None else dict(zip(outputs, d_outputs, strict=True))
    ends |= {s: d_states[k] for k, s in by_letter(case, state).items()}
    reached = {y: torch.tensor(d, dtype=torch.float64) for y, d in ends.items() if d is not None}
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
    """The step function of a cell file, on the numbers of a case of one step and one layer."""
    data = make_data(case)
    cell = import_module(f"scratch_rnn.{'numpy_bptt' if tree == 'numpy' else 'torch_autograd'}")
    cell = getattr(cell, case.name.lower())
    options = {"nonlinearity": case.kind[4:]} if case.name == "RNN" else {}
    convert = np.asarray if tree == "numpy" else _leaf
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


def assert_cell_parity(tree: str, case: Case) -> None:
    """One step, forward and backward, is a layer of torch.nn over one step."""
    expected = oracle(case)
    del expected["output0"]
    whole = {name: v for name, v in expected.items() if "weight" in name or "bias" in name}
    assert_all_close(run_cell(tree, case), {k: v[0] for k, v in expected.items()} | whole)
