"""Run a case on a contender (a tree and an engine) or on torch.nn: every output and gradient by name.

The names are output0, h_n, c_n, d_x0, d_h0, d_c0, d_weight_ih_l0, …; the number after output and d_x is that
of the call. Packed sequences are padded before they are compared. Gradients arrive as random cotangents
wherever the case says. Layers and cells run in the same way; a cell has no output beside its state.
"""

import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy import ndarray

from scratch_rnn import numpy_bptt, torch_autograd
from scratch_rnn.checks import fail
from scratch_rnn.numpy_bptt import packed as numpy_packed
from scratch_rnn.parity import complex_step
from scratch_rnn.parity.cases import Case, Data, make_data

Result = dict[str, ndarray]
ENGINES = ("steps", "fused")
CONTENDERS = [(tree, engine) for tree in ("numpy", "torch") for engine in ENGINES]


def contenders(case: Case) -> list[tuple[str, str]]:
    """Those of CONTENDERS that can run a case: NumPy's cells have no engine "fused"."""
    return [each for each in CONTENDERS if each != ("numpy", "fused") or not case.cell]


def run(tree: str, engine: str, case: Case) -> Result:
    """One of `contenders`, in the dtype of the case. Torch gives no gradient of an omitted state."""
    if tree == "numpy":
        return run_numpy(case, engine)
    return run_torch(case, torch_autograd, not case.state, case.memory, case.dtype, engine=engine)


def reference(name: str) -> Any:
    """A module of reference/, the only way to torch.nn; UsageError where the clone's folder is missing."""
    if find_spec("reference") is None:
        fail("parity", "the folder reference/ of the project's clone beside scratch_rnn", "none")
    return import_module(f"reference.{name}")


def oracle(case: Case, dtype: str = "float64") -> Result:
    """torch.nn in float64, or in `dtype`; a state that the case leaves out is zeros."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN", UserWarning)
        return run_torch(case, reference("layers"), False, "contiguous", dtype)


def given(tree: str, case: Case, expected: Result) -> Result:
    """The oracle's result without what the contender does not give."""
    whole = tree == "numpy" or case.state
    return {name: value for name, value in expected.items() if whole or name not in ("d_h0", "d_c0")}


def complex_error(case: Case, result: Result) -> float:
    """The largest error of a NumPy result's gradients against complex steps of the engine "steps"."""
    data = make_data(case)
    cotangents = arriving(case, data)
    arguments = {f"d_x{number}": x for number, x in enumerate(data.xs)}
    arguments |= {f"d_{k}0": s for k, s in data.states.items()} if case.state else {}
    arguments |= {f"d_{name}": array for name, array in data.params.items()}

    def outputs(values: Mapping[str, ndarray]) -> list[ndarray]:
        values = {name: array.astype(complex) for name, array in values.items()}
        module = numpy_layer(case)
        module.dtype, make = np.dtype(complex), module.cell.Params
        module._params = [make(*(values.get(f"d_{n}{s}") for n in make._fields)) for s in module._suffixes]
        xs = [values[f"d_x{number}"] for number in range(case.calls)]
        named, _ = forward_numpy(case, module, xs, {k: values.get(f"d_{k}0") for k in case.states})
        return [named[name] for name in cotangents]

    found = complex_step.errors(outputs, arguments, list(cotangents.values()), result, case.seed)
    return float(np.nanmax([error for _, error in found]))


def numpy_layer(case: Case, engine: str = "steps", **options: Any) -> Any:
    """The NumPy layer or cell of a case, with the case's parameters and torch's dropout masks."""
    engines = {} if case.cell else {"engine": engine}
    made = getattr(numpy_bptt, case.name)(**case.arguments | engines | {"dtype": case.dtype} | options)
    made.load_state_dict(make_data(case).params)
    if case.dropout:
        # Instead of random numbers, which the layer compares with p: 0 where torch drops, 1 elsewhere.
        kept, drawn = 1 - case.dropout, torch.Generator().manual_seed(case.seed)
        made._rng = SimpleNamespace(
            random=lambda shape: torch.ones(shape).double().bernoulli_(kept, generator=drawn).numpy()
        )
    return made


def as_state(parts: Mapping[str, Any]) -> Any:
    """One array alone, or a tuple, as layers take it; None where there is none at all."""
    arrays = tuple(parts.values())
    return None if all(a is None for a in arrays) else arrays if len(arrays) > 1 else arrays[0]


def by_letter(case: Case, state: Any) -> dict[str, Any]:
    """The reverse of `as_state`."""
    return dict(zip(case.states, state if len(case.states) > 1 else [state], strict=True))


def in_memory(array: Any, memory: str, library: Any = np) -> Any:
    """The same numbers in another memory layout, as an array or tensor; an array is read-only."""
    if memory == "strided":
        array = library.stack([array, array], -1)[..., 0]
    elif memory == "expanded":
        array = library.broadcast_to(array[:1], array.shape)
    if library is np:
        array.setflags(write=False)
    return array


def arriving(case: Case, data: Data) -> Result:
    """The cotangents that arrive, by the names of the outputs and states they belong to."""
    outputs = {} if case.cell else {f"output{number}": d for number, d in enumerate(data.d_outputs)}
    states = {f"{letter}_n": d for letter, d in data.d_states.items()}
    return {name: d for name, d in (outputs | states).items() if name.rstrip("0123456789") in case.arrives}


def forward_numpy(
    case: Case, module: Any, xs: Sequence[ndarray], states: Mapping[str, ndarray | None]
) -> tuple[Result, list[Any]]:
    """(outputs and last state by name, the tapes) of all calls."""
    named: Result = {}
    state, tapes = as_state({k: s if case.state else None for k, s in states.items()}), []
    for number, x in enumerate(xs):
        *output, state, tape = module.forward(case.pack(x, numpy_bptt), state)
        named |= {f"output{number}": case.pad(y, numpy_bptt) for y in output}
        tapes.append(tape)
    return named | {f"{k}_n": s for k, s in by_letter(case, state).items()}, tapes


def run_numpy(case: Case, engine: str, **options: Any) -> Result:
    """A NumPy layer or cell; `options` go to its constructor."""
    data, module, packed = make_data(case), numpy_layer(case, engine, **options), case.lengths is not None
    states = {k: in_memory(s, case.memory) for k, s in data.states.items()}
    result, tapes = forward_numpy(case, module, [in_memory(x, case.memory) for x in data.xs], states)
    cotangents = {name: in_memory(d, "strided") for name, d in arriving(case, data).items()}
    d_state, total = as_state({k: cotangents.get(f"{k}_n") for k in case.states}), Result()
    for number in reversed(range(case.calls)):
        d_output: Any = cotangents.get(f"output{number}")
        if packed and d_output is not None:
            like = case.pack(np.zeros(d_output.shape), numpy_bptt)
            d_output = numpy_packed.pad_packed_sequence_backward(d_output, like, case.batch_first)
        d_x, d_state, grads = module.backward(tapes[number], *([] if case.cell else [d_output]), d_state)
        if packed:
            d_x = numpy_packed.pack_padded_sequence_backward(d_x, case.steps, case.batch_first)
        result[f"d_x{number}"] = d_x
        total = {name: d + total[name] if total else d for name, d in grads.items()}
    result |= {f"d_{k}0": d for k, d in by_letter(case, d_state).items()}
    return result | {f"d_{name}": d for name, d in total.items()}


def _leaf(array: ndarray, memory: str, dtype: torch.dtype) -> Any:
    return in_memory(torch.tensor(array, dtype=dtype), memory, torch).requires_grad_()


def run_torch(case: Case, package: Any, omit_state: bool, memory: str, dtype: str, **options: Any) -> Result:
    """The class of a case's name in `package`, with the packing functions there; `options` go to it."""
    data, kind = make_data(case), getattr(torch, dtype)
    module = getattr(package, case.name)(**case.arguments, dtype=kind, **options)
    module.load_state_dict({name: torch.tensor(value) for name, value in data.params.items()})
    xs = [_leaf(x, memory, kind) for x in data.xs]
    states = {k: _leaf(s if case.state else 0 * s, memory, kind) for k, s in data.states.items()}
    state, result = None if omit_state else as_state(states), {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.seed)
        for number, x in enumerate(xs):
            if case.cell:
                state = module(x, state)
            else:
                output, state = module(case.pack(x, package), state)
                result[f"output{number}"] = case.pad(output, package)
    result |= {f"{k}_n": s for k, s in by_letter(case, state).items()}
    cotangents = {name: torch.tensor(d, dtype=kind) for name, d in arriving(case, data).items()}
    leaves = {f"d_x{number}": x for number, x in enumerate(xs)}
    leaves |= {} if omit_state else {f"d_{k}0": s for k, s in states.items()}
    leaves |= {f"d_{name}": p for name, p in module.named_parameters()}
    ends, given_grads = [result[name] for name in cotangents], list(cotangents.values())
    grads = torch.autograd.grad(ends, list(leaves.values()), given_grads, materialize_grads=True)
    result |= dict(zip(leaves, grads, strict=True))
    return {name: value.detach().numpy() for name, value in result.items()}
