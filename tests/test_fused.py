"""What only the fused engines could get wrong: reused memory, and gradients that were not given.

That they compute the same as the steps is tested for every engine in test_parity.py.
"""

import importlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from numpy import ndarray
from torch.utils.checkpoint import checkpoint

from scratch_rnn import numpy_bptt, spans, torch_autograd
from scratch_rnn.numpy_bptt import stack
from scratch_rnn.numpy_bptt.fused import arrays
from scratch_rnn.parity.cases import KINDS, Case
from scratch_rnn.parity.contenders import ENGINES, reference
from scratch_rnn.torch_autograd.fused import function
from scratch_rnn.torch_autograd.fused.gru import FusedGRU
from scratch_rnn.torch_autograd.fused.gru_reset_before import FusedGRUResetBefore
from scratch_rnn.torch_autograd.fused.lstm import FusedLSTM
from tests.parity import assert_parity
from tests.torch_autograd.surface import tensors

CELLS = ("RNN", "LSTM", "GRU")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", CELLS)
def test_a_residual_connection(cell: str, engine: str) -> None:
    """A sum gives both of its terms the same gradient array: no backward pass may write into it."""
    torch.manual_seed(0)
    x, d_z = torch.randn(2, 6, 3, 5, dtype=torch.float64)
    found = []
    for package, options in ((reference("layers"), {}), (torch_autograd, {"engine": engine})):
        torch.manual_seed(1)
        below, above = (getattr(package, cell)(5, 5, dtype=torch.float64, **options) for _ in range(2))
        leaves, given = [x.clone().requires_grad_(), *below.parameters(), *above.parameters()], d_z.clone()
        y, _ = below(leaves[0])
        found.append(torch.autograd.grad(above(y)[0] + y, leaves, given))
        assert torch.equal(given, d_z)
        assert torch.equal(leaves[0], x)
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", [*CELLS, "RNNCell", "LSTMCell", "GRUCell"])
def test_no_two_results_of_torch_share_memory(cell: str, engine: str) -> None:
    module = getattr(torch_autograd, cell)(5, 7, engine=engine)
    x = torch.randn(*([3] if "Cell" in cell else [6, 3]), 5, requires_grad=True)
    results = list(tensors(module(x)))
    cotangents = [torch.randn_like(y) for y in results]
    grads = torch.autograd.grad(results, [x, *module.parameters()], cotangents)
    arrays = [y.detach().numpy() for y in (*results, *cotangents, *grads, x, *module.parameters())]
    assert not any(np.shares_memory(a, b) for a, b in combinations(arrays, 2))


REFUSED: dict[str, Callable[[Any, Any], Any]] = {
    "forward-mode differentiation": lambda run, x: torch.func.jvp(run, (x,), (x,)),
    "vmap": lambda run, x: torch.func.vmap(run)(torch.stack([x, x])),
    "a second derivative (create_graph=True, or torch.func)": lambda run, x: torch.autograd.grad(
        run(x).sum(), x, create_graph=True
    ),
}


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("cell", CELLS)
def test_what_the_fused_engine_refuses(cell: str, what: str) -> None:
    layer, x = getattr(torch_autograd, cell)(5, 7, engine="fused"), torch.randn(6, 3, 5, requires_grad=True)
    with pytest.raises(RuntimeError) as caught:
        REFUSED[what](lambda x: layer(x)[0], x)
    expected = 'engine="fused": expected a first derivative in reverse mode (engine="steps" supports all)'
    assert str(caught.value) == f"{expected}, got {what}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths", [None, (2, 5, 1)])
def test_large_arrays_are_not_kept(
    kind: str, lengths: tuple[int, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory of HUGE_PAGE_BYTES is new in every call; the results are the same."""
    kept = threading.local()
    monkeypatch.setattr(arrays, "HUGE_PAGE_BYTES", 1)
    monkeypatch.setattr(arrays, "_workspace", kept)
    assert_parity("numpy", "fused", Case(kind, layers=2, bidirectional=True, lengths=lengths, calls=2))
    assert vars(kept) == {}


def all_arrays(node: Any) -> list[ndarray]:
    """Every array in nested results, copied."""
    if isinstance(node, ndarray):
        return [node.copy()]
    children = node.values() if isinstance(node, dict) else node
    return [array for child in children for array in all_arrays(child)]


def train(layer: Any, x: ndarray) -> tuple[Any, ...]:
    """Outputs and gradients of a call, and the output of a call without a tape."""
    output, state_n, tape = layer.forward(x)
    return output, state_n, *layer.backward(tape, output, state_n), layer(x)[0]


@pytest.mark.parametrize("cell", CELLS)
def test_what_was_returned_outlives_the_next_call(cell: str) -> None:
    layer = getattr(numpy_bptt, cell)(5, 7, dtype=np.float64, engine="fused", rng=np.random.default_rng(0))
    first, second = np.random.default_rng(1).normal(size=(2, 6, 3, 5))
    returned, (output, state_n, tape) = train(layer, first), layer.forward(first)
    before = all_arrays(returned)
    train(layer, second)
    for was, now in zip(before, all_arrays(returned), strict=True):
        np.testing.assert_array_equal(was, now)
    again = output, state_n, *layer.backward(tape, output, state_n), returned[-1]
    for was, later in zip(before, all_arrays(again), strict=True):
        np.testing.assert_array_equal(was, later)


@pytest.mark.parametrize("cell", CELLS)
def test_threads_do_not_share_memory(cell: str) -> None:
    layer = getattr(numpy_bptt, cell)(64, 64, dtype=np.float64, engine="fused", rng=np.random.default_rng(0))
    inputs = np.random.default_rng(1).normal(size=(4, 30, 32, 64))
    alone = [all_arrays(train(layer, x)) for x in inputs]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(3):
            for expected, found in zip(alone, threads.map(lambda x: train(layer, x), inputs), strict=True):
                for was, now in zip(expected, all_arrays(found), strict=True):
                    np.testing.assert_allclose(now, was, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("read", ["output", "state"])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_where_only_one_result_is_read(cell: str, read: str) -> None:
    found = []
    for engine in ("steps", "fused"):
        torch.manual_seed(0)
        layer = getattr(torch_autograd, cell)(5, 7, dtype=torch.float64, engine=engine)
        output, state = layer(torch.randn(6, 3, 5, dtype=torch.float64))
        result = output if read == "output" else (state[-1] if isinstance(state, tuple) else state)
        found.append(torch.autograd.grad(result, list(layer.parameters()), torch.randn_like(result)))
    for steps, fused in zip(*found, strict=True):
        torch.testing.assert_close(fused, steps, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kept_by", [FusedLSTM, FusedGRU, FusedGRUResetBefore])
def test_values_are_saved_only_for_a_backward_pass(kept_by: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    forward, saved = kept_by.forward, []

    def watched(*arguments: Any) -> Any:
        results = forward(*arguments)
        saved.append(results[-1].numel())
        return results

    monkeypatch.setattr(kept_by, "forward", staticmethod(watched))
    options: dict[str, Any] = {"reset_after": False} if kept_by is FusedGRUResetBefore else {}
    kind: Any = torch_autograd.LSTM if kept_by is FusedLSTM else torch_autograd.GRU
    layer, x = kind(5, 7, engine="fused", **options), torch.randn(6, 3, 5)
    with torch.no_grad():
        without, _ = layer(x)
    output, _ = layer(x)
    assert saved[0] == 0 < saved[1]
    torch.testing.assert_close(without, output)


@pytest.mark.parametrize("cell", CELLS)
def test_without_a_tape_the_same_in_small_parts(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = getattr(numpy_bptt, cell)(5, 7, dtype=np.float64, engine="fused", rng=np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(6, 3, 5))
    whole = all_arrays(layer(x))
    monkeypatch.setattr(spans, "MAX_NUMBERS_PER_SPAN", 1)
    for found in (layer(x), layer.forward(x)[:2]):
        for expected, part in zip(whole, all_arrays(found), strict=True):
            np.testing.assert_allclose(part, expected, rtol=1e-12, atol=1e-12)


BLOCKS = {"rnn": 1, "lstm": 6, "gru": 5, "gru_reset_before": 5}
"""The blocks of H numbers that a backward pass computes for each row of a span."""


@pytest.mark.parametrize("tree", ["numpy", "torch"])
@pytest.mark.parametrize("file", BLOCKS)
def test_a_span_has_as_many_steps_as_fit(file: str, tree: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package: Any = {"numpy": numpy_bptt, "torch": torch_autograd}[tree]
    options: dict[str, Any] = {"reset_after": False} if "before" in file else {}
    layer = getattr(package, file.split("_")[0].upper())(5, 7, engine="fused", **options)
    engine = importlib.import_module(f"{package.__name__}.fused.{file}")
    name = "spans" if tree == "numpy" else "spans_of"
    divide, found = vars(engine)[name], list[spans.Span]()

    def watched(*arguments: Any) -> Any:
        found.extend(divide(*arguments))
        return divide(*arguments)

    monkeypatch.setattr(engine, name, watched)
    limit = 2 * 3 * BLOCKS[file] * 7  # two steps of three rows
    monkeypatch.setattr(spans if tree == "numpy" else function, "MAX_NUMBERS_PER_SPAN", limit)
    if tree == "numpy":
        layer.forward(np.ones((6, 3, 5), np.float32))
    else:
        layer(torch.ones(6, 3, 5))[0].sum().backward()
    assert [span.steps for span in found] == [2] * (3 if tree == "numpy" else 6)


def test_only_the_cpu_limits_the_size_of_a_span() -> None:
    steps = 2 * [function.MAX_NUMBERS_PER_SPAN + 1]
    for device, count in (("cpu", 2), ("meta", 1)):
        assert len(function.spans_of(steps, 1, False, torch.device(device))) == count


@pytest.mark.parametrize("cell", [*CELLS, "GRU reset before"])
def test_inference_makes_no_tape(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, _, before = cell.partition(" ")
    layer = getattr(numpy_bptt, kind)(5, 7, **({"reset_after": False} if before else {}))
    forward, tapes = stack.forward, list[Any]()

    def watched(*arguments: Any) -> Any:
        results = forward(*arguments)
        tapes.extend(results[2].layers)
        return results

    monkeypatch.setattr(stack, "forward", watched)
    layer(np.ones((6, 3, 5), np.float32))
    assert tapes == [None]


@pytest.mark.parametrize("cell", CELLS)
def test_a_checkpoint_recomputes_the_same_gradients(cell: str) -> None:
    layer = getattr(torch_autograd, cell)(5, 7, dtype=torch.float64, engine="fused")
    x, found = torch.randn(6, 3, 5, dtype=torch.float64), []
    for output in (layer(x)[0], checkpoint(lambda: layer(x)[0], use_reentrant=False)):
        found.append(torch.autograd.grad(output.square().sum(), list(layer.parameters())))
    torch.testing.assert_close(*found)
