"""What only the fused engines could get wrong: memory that they use again, and gradients that nobody gave.

That they compute what the steps do is test_parity.py's, for every engine.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from numpy import ndarray

from scratch_rnn import numpy_bptt, torch_autograd

CELLS = ("RNN", "LSTM", "GRU")


def arrays(node: Any) -> list[ndarray]:
    """Every array in nested results, copied."""
    if isinstance(node, ndarray):
        return [node.copy()]
    children = node.values() if isinstance(node, dict) else node
    return [array for child in children for array in arrays(child)]


def train(layer: Any, x: ndarray) -> tuple[Any, ...]:
    """Outputs and gradients of a call, and the output of one that keeps nothing."""
    output, state_n, tape = layer.forward(x)
    return output, state_n, *layer.backward(tape, output, state_n), layer(x)[0]


@pytest.mark.parametrize("cell", CELLS)
def test_what_was_returned_outlives_the_next_call(cell: str) -> None:
    layer = getattr(numpy_bptt, cell)(5, 7, dtype=np.float64, engine="fused", rng=np.random.default_rng(0))
    first, second = np.random.default_rng(1).normal(size=(2, 6, 3, 5))
    returned = train(layer, first)
    before = arrays(returned)
    train(layer, second)
    for was, now in zip(before, arrays(returned), strict=True):
        np.testing.assert_array_equal(was, now)


@pytest.mark.parametrize("cell", CELLS)
def test_threads_do_not_share_memory(cell: str) -> None:
    layer = getattr(numpy_bptt, cell)(64, 64, dtype=np.float64, engine="fused", rng=np.random.default_rng(0))
    inputs = np.random.default_rng(1).normal(size=(4, 30, 32, 64))
    alone = [arrays(train(layer, x)) for x in inputs]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(3):
            for expected, found in zip(alone, threads.map(lambda x: train(layer, x), inputs), strict=True):
                for was, now in zip(expected, arrays(found), strict=True):
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


@pytest.mark.parametrize("cell", CELLS)
def test_memory_is_kept_only_for_a_way_back(cell: str) -> None:
    layer = getattr(torch_autograd, cell)(5, 7, engine="fused")
    saved: list[torch.Tensor] = []

    def save(tensor: torch.Tensor) -> torch.Tensor:
        saved.append(tensor)
        return tensor

    x = torch.randn(6, 3, 5)
    with torch.autograd.graph.saved_tensors_hooks(save, lambda tensor: tensor):
        with torch.no_grad():
            without, _ = layer(x)
        assert not saved
        output, _ = layer(x)
    assert saved
    torch.testing.assert_close(without, output)
