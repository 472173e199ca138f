"""torch.compile, torch.export and complex numbers. The jaxtyping hook breaks them in the main process.

test_compile.py runs this file in a process of its own, where the hook is off.
"""

from contextlib import nullcontext
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import pytest
import torch

import scratch_rnn.torch_autograd as here
from tests.torch_autograd.surface import (
    CELLS,
    LAYERS,
    assert_close,
    assert_same,
    gradients,
    normal,
    pair,
    state_of,
    tensors,
)

onnx_export: Any = torch.onnx.export  # it takes a file object too
every = pytest.mark.parametrize("name", LAYERS + CELLS)


def compile_(module: Any, backend: str = "eager", **options: Any) -> Any:
    """torch.compile with empty caches."""
    torch._dynamo.reset()
    return torch.compile(module, backend=backend, **options)


@every
def test_one_layer_compiles_whole_forward_and_training(name: str) -> None:
    theirs, ours = pair(name, 3, 4, **({} if name in CELLS else {"bidirectional": True}))
    x, rows = (normal(2, 3), (2,)) if name in CELLS else (normal(2, 2, 3), (2, 2))
    h = state_of(name, *rows, 4)
    compiled = compile_(ours, "aot_eager", fullgraph=True)
    assert_same(compiled(x, h), theirs(x, h))
    assert_same(gradients(ours, compiled(x, h)), gradients(theirs, theirs(x, h)))


@pytest.mark.parametrize("name", LAYERS)
def test_torch_nn_does_not_compile_whole(name: str) -> None:
    theirs, _ = pair(name, 3, 4)
    with pytest.raises(torch._dynamo.exc.Unsupported, match="Attempted to wrap RNN, GRU, or LSTM"):
        compile_(theirs, fullgraph=True)(normal(2, 2, 3))


# torch's own warning, while it traces
ACCESS = "ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"


@pytest.mark.filterwarnings(ACCESS)
@pytest.mark.parametrize("sorted_", [True, False])
def test_a_model_that_packs_and_pads_compiles_in_pieces(sorted_: bool) -> None:
    _, ours = pair("GRU", 3, 4)

    def model(x: torch.Tensor) -> torch.Tensor:
        packed = here.pack_padded_sequence(x, [2, 1] if sorted_ else [1, 2], enforce_sorted=sorted_)
        return here.pad_packed_sequence(ours(packed)[0])[0]

    assert_same(compile_(model)(normal(2, 2, 3)), model(normal(2, 2, 3)))


@pytest.mark.filterwarnings(ACCESS)
@pytest.mark.parametrize("library", [torch.nn.utils.rnn, here])
def test_a_compiled_layer_returns_the_packed_class_of_its_input(library: Any) -> None:
    _, ours = pair("LSTM", 3, 4)
    packed = library.pack_padded_sequence(normal(2, 2, 3), [2, 1])
    output, state = compile_(ours)(packed)
    assert type(output) is type(packed)
    assert_same((output, state), ours(packed))
    assert torch.equal(output.batch_sizes, packed.batch_sizes)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_exported(name: str) -> None:
    _, ours = pair(name, 3, 4)
    exported: Any = torch.export.export(ours, (normal(2, 2, 3),)).module()
    assert_same(exported(normal(2, 2, 3)), ours(normal(2, 2, 3)))


@pytest.mark.parametrize("strict", [True, False])
@every
def test_a_dynamic_batch_is_exported(name: str, strict: bool) -> None:
    theirs, ours = pair(name, 3, 4, **({} if name in CELLS else {"bidirectional": True}))
    batch = torch.export.Dim("N", min=2)
    rows, axis = ((), 0) if name in CELLS else ((5,), 1)
    exported: Any = torch.export.export(
        ours, (normal(*rows, 2, 3),), dynamic_shapes=({axis: batch},), strict=strict
    ).module()
    for n in (2, 3, 7):
        x = normal(*rows, n, 3)
        assert_close(exported(x), theirs(x))


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_a_dynamic_batch_with_a_state_and_batch_first_is_exported(name: str, strict: bool) -> None:
    theirs, ours = pair(name, 3, 4, 2, batch_first=True)
    batch = torch.export.Dim("N", min=2)
    axes = ({1: batch}, {1: batch}) if name == "LSTM" else {1: batch}
    exported: Any = torch.export.export(
        ours,
        (normal(2, 5, 3), state_of(name, 2, 2, 4)),
        dynamic_shapes=({0: batch}, axes),
        strict=strict,
    ).module()
    for n in (2, 3, 7):
        x, h = normal(n, 5, 3), state_of(name, 2, n, 4)
        assert_close(exported(x, h), theirs(x, h))


@pytest.mark.filterwarnings("ignore")
@every
def test_onnx_export_reaches_the_package_onnx(name: str) -> None:
    """Torch converts the graph of engine="steps". It needs the package onnx only to write the file."""
    _, ours = pair(name, 3, 4)
    x = (normal(2, 3) if name in CELLS else normal(5, 2, 3),)
    missing = pytest.raises(torch.onnx.errors.OnnxExporterError, match="Module onnx is not installed")
    with nullcontext() if find_spec("onnx") else missing:
        onnx_export(ours, x, BytesIO(), dynamo=False)


def fused_and_input(name: str) -> tuple[Any, tuple[torch.Tensor]]:
    """A layer or cell with engine="fused", and what it can be called with."""
    fused = getattr(here, name)(3, 4, dtype=torch.float64, engine="fused")
    return fused, (normal(2, 3) if name in CELLS else normal(5, 2, 3),)


@pytest.mark.filterwarnings("ignore")
@every
def test_the_fused_engine_refuses_tracing_and_names_the_other(name: str) -> None:
    fused, x = fused_and_input(name)
    for call in (
        lambda: torch.export.export(fused, x, strict=False),
        lambda: vars(torch.jit)["trace"](fused, x),
        lambda: onnx_export(fused, x, BytesIO(), dynamo=False),
    ):
        with pytest.raises(Exception, match='engine="steps" supports all'):
            call()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTMCell"])
def test_the_fused_engine_refuses_one_graph_and_compiles_in_pieces(name: str) -> None:
    fused, x = fused_and_input(name)
    for call in (
        lambda: torch.export.export(fused, x, strict=True),
        lambda: compile_(fused, fullgraph=True)(*x),
        lambda: compile_(fused, "aot_eager", fullgraph=True)(x[0].clone().requires_grad_()),
    ):
        with pytest.raises(Exception, match='engine="steps" supports all'):
            call()
    compiled = compile_(fused, "aot_eager")
    assert_same(compiled(*x), fused(*x))
    assert_same(gradients(fused, compiled(*x)), gradients(fused, fused(*x)))


@every
def test_complex_numbers_forward_and_backward(name: str) -> None:
    theirs, ours = pair(name, 3, 4, dtype=torch.complex64)
    ours.load_state_dict({k: p * torch.exp(1j * torch.rand(p.shape)) for k, p in ours.state_dict().items()})
    theirs.load_state_dict(ours.state_dict())
    rows = (2,) if name in CELLS else (2, 2)
    x = torch.complex(normal(*rows, 3), normal(*rows, 3, seed=1)).to(torch.complex64)
    results = [module(x) for module in (ours, theirs)]
    assert {y.dtype for y in tensors(results[0])} == {torch.complex64}
    assert_same(results[0], results[1], 1e-5)
    assert_close(gradients(ours, results[0]), gradients(theirs, results[1]), 1e-3)
    if name in LAYERS:
        packed = [names.pack_padded_sequence(x, [2, 1]) for names in (here, torch.nn.utils.rnn)]
        assert_same(ours(packed[0]), theirs(packed[1]), 1e-5)
