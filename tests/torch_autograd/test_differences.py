"""Each deliberate difference: torch's behaviour, ours, and the README's table.

If torch changes a behaviour, its test fails and the row is removed.
"""

import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch
from torch import Tensor, zeros
from torch.nn.utils import parametrize
from torch.nn.utils import rnn as theirs

import scratch_rnn.torch_autograd as ours
from scratch_rnn.torch_autograd.differences import DIFFERENCES, table
from tests.torch_autograd.surface import CELLS, LAYERS, OURS, THEIRS, assert_close, normal, outcome, pair

LIBRARIES: tuple[Any, Any] = (theirs, ours)


def differ(code: str) -> tuple[tuple[type | None, str], tuple[type | None, str]]:
    """What an expression does in torch, and what it does here: (error or None, text)."""
    return outcome(code, THEIRS), outcome(code, OURS)


def test_pack_padded_sequence_with_a_length_above_t() -> None:
    corrupt = theirs.pack_padded_sequence(zeros(5, 3, 2), [6, 2, 1])
    assert len(corrupt.data) < int(corrupt.batch_sizes.sum())
    for lengths in ("[6, 2, 1]", "[1, 6, 2], enforce_sorted=False"):
        torchs, here = differ(f"pack_padded_sequence(zeros(5,3,2), {lengths}).batch_sizes.tolist()")
        assert torchs == (None, "[3, 2, 1, 1, 1, 1]")
        assert here[0] is ValueError
        assert re.search(r"length of row [01] to lie in \[1, T\] = \[1, 5\], got 6$", here[1])


def test_enforce_sorted_false_with_fewer_lengths_than_rows() -> None:
    code = "pack_padded_sequence(zeros(5,3,2), [1, 3], enforce_sorted={}).batch_sizes.tolist()"
    torchs, here = differ(code.format(False))
    assert torchs == (None, "[2, 1, 1]")
    assert here == outcome(code.format(True), THEIRS)
    assert "`len(lengths)`" in here[1]


@pytest.mark.parametrize("name", LAYERS)
def test_unsorted_packed_input_with_an_h_0_of_more_rows_than_the_batch(name: str) -> None:
    h = "(zeros(1,3,4), zeros(1,3,4))" if name == "LSTM" else "zeros(1,3,4)"
    packed = "pack_padded_sequence(zeros(5,2,3), [2, 5], enforce_sorted=False)"
    torchs, here = differ(f"len({name}(3, 4)({packed}, {h}))")
    assert torchs == (None, "2")
    assert here == outcome(f"{name}(3, 4)(zeros(5,2,3), {h})", THEIRS)
    assert here[1].endswith("size (1, 2, 4), got [1, 3, 4]")


def test_lstm_with_packed_input() -> None:
    state = "(zeros({0}), zeros({0}))"
    for shape in ("1,2,5", "2,2,4", "1,3,4"):
        h = state.format(shape)
        torchs, here = differ(f"LSTM(3, 4)(pack_padded_sequence(zeros(5,2,3), [5, 2]), {h})")
        assert torchs[1] != here[1]
        assert here == outcome(f"LSTM(3, 4)(zeros(5,2,3), {h})", THEIRS)
    for change in ("zeros(5,2,7)", "zeros(5,2,3,dtype=float64)"):
        torchs, here = differ(f"LSTM(3, 4)(pack_padded_sequence({change}, [5, 2]))")
        assert torchs[1] != here[1]
        assert here == outcome(f"LSTM(3, 4)({change})", THEIRS)


def test_unpad_sequence_of_a_padded_batch() -> None:
    shapes = []
    for library in LIBRARIES:
        padded = zeros(4, 3, 2)
        library.unpad_sequence(padded, torch.tensor([4, 2, 1]))
        shapes.append(tuple(padded.shape))
    assert shapes == [(3, 4, 2), (4, 3, 2)]


def test_unpad_sequence_with_lengths_in_a_list() -> None:
    torchs, here = differ("[len(row) for row in unpad_sequence(zeros(5,3), [5, 3, 1])]")
    assert torchs == (AttributeError, "'list' object has no attribute 'device'")
    assert here == (None, "[5, 3, 1]")


def test_pack_sequence_of_a_generator() -> None:
    torchs, here = differ("pack_sequence(zeros(n) for n in (2, 1)).batch_sizes.tolist()")
    assert torchs == (RuntimeError, "received an empty list of sequences")
    assert here == (None, "[2, 1]")


@pytest.mark.parametrize("batch_sizes", ["[2, 1]", "[3, 2]", "[1, 3]", "[4, 0]", "[]", "[4.]", "[[4]]"])
def test_packedsequence_with_inconsistent_batch_sizes(batch_sizes: str) -> None:
    torchs, here = differ(f"len(PackedSequence(zeros(4), tensor({batch_sizes})))")
    assert torchs == (None, "4")
    assert here[0] is ValueError
    assert here[1].startswith("PackedSequence: expected batch_sizes")
    foreign = theirs.PackedSequence(zeros(4, 3), torch.tensor(eval(batch_sizes)))
    for consumer in (ours.GRU(3, 4), ours.LSTM(3, 4), LIBRARIES[1].pad_packed_sequence):
        with pytest.raises(ValueError, match="PackedSequence: expected batch_sizes"):
            consumer(foreign)


def test_invert_permutation_with_duplicates() -> None:
    theirs.invert_permutation(torch.tensor([2, 0, 0]))
    torchs, here = differ("len(invert_permutation(tensor([2, 0, 0])))")
    assert torchs == (None, "3")
    assert here == (ValueError, "invert_permutation: expected each of 0 to 2 once, got [2, 0, 0]")


def test_sorted_indices_where_lengths_are_equal() -> None:
    lengths = [1 + k % 4 for k in range(300)]
    stable = sorted(range(300), key=lambda row: -lengths[row])
    orders = [
        library.pack_padded_sequence(zeros(4, 300), lengths, enforce_sorted=False).sorted_indices.tolist()
        for library in LIBRARIES
    ]
    assert [order == stable for order in orders] == [False, True]


def test_rnn_or_gru_with_a_positional_proj_size() -> None:
    for code in (
        "GRU(3, 4, 1, True, False, 0., False, 2)",
        "RNN(3, 4, 1, 'tanh', True, False, 0., False, 2)",
    ):
        torchs, here = differ(code)
        assert torchs == (None, f"{code[:3]}(3, 4, proj_size=2)")
        assert outcome(f"{code}(zeros(5,2,3))", THEIRS)[0] is RuntimeError
        assert here == outcome("GRU(3, 4, proj_size=2)", THEIRS)
    torchs, here = differ("GRU(3, 4, 2, True, True, True, False, 2)")  # dropout=True is wrong too
    assert torchs[1].startswith("dropout should be a number")
    assert here == outcome("GRU(3, 4, proj_size=2)", THEIRS)


def test_rnn_or_gru_with_proj_size_0() -> None:
    for name in ("RNN", "GRU"):
        torchs, here = differ(f"{name}(3, 4, proj_size=0)")
        assert torchs == outcome(f"{name}(3, 4, proj_size=2)", THEIRS)
        assert here == (None, f"{name}(3, 4)")
        assert outcome(f"{name}(3, 4, proj_size=2)", OURS) == torchs


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("3, 4, hidden=5", "got an unexpected keyword argument 'hidden'"),
        ("", "missing 2 required positional arguments: 'input_size' and 'hidden_size'"),
        ("3", "missing 1 required positional argument: 'hidden_size'"),
        ("3, 4, input_size=3", "got multiple values for argument 'input_size'"),
    ],
)
@pytest.mark.parametrize("name", LAYERS)
def test_an_unknown_missing_or_repeated_argument(name: str, arguments: str, text: str) -> None:
    torchs, here = differ(f"{name}({arguments})")
    assert torchs == (TypeError, f"RNNBase.__init__() {text}")
    assert here == (TypeError, f"{name}.__init__() {text}")


def test_an_unknown_argument_and_a_wrong_proj_size_or_nonlinearity() -> None:
    for name, wrong in (("RNN", "proj_size=2"), ("GRU", "proj_size=2"), ("RNN", "nonlinearity='sin'")):
        torchs, here = differ(f"{name}(3, 4, {wrong}, unknown=1)")
        assert torchs == outcome(f"{name}(3, 4, {wrong})", OURS)
        assert here == (TypeError, f"{name}.__init__() got an unexpected keyword argument 'unknown'")


def test_a_subclass_that_overrides_check_forward_args_or_permute_hidden() -> None:
    calls = []
    for kind in (torch.nn.GRU, ours.GRU):
        called: list[str] = []
        subclass: Any = type(
            "Layer",
            (kind,),
            {
                "check_forward_args": lambda *_, called=called: called.append("check"),
                "permute_hidden": lambda _, hx, __, called=called: called.append("permute") or hx,
            },
        )
        subclass(3, 4)(zeros(5, 2, 3), zeros(1, 2, 4))
        calls.append(set(called))
    assert calls == [{"check", "permute"}, set()]


def test_lstm_whose_c_0_has_another_dtype() -> None:
    c = "zeros(1,2,4,dtype={})"
    wide = f"LSTM(3, 4, dtype=float64)(zeros(5,2,3,dtype=float64), ({c.format('float64')}, zeros(1,2,4)))"
    torchs, here = differ(f"{wide}[0].dtype")
    assert torchs == (None, "torch.float64")
    assert here == (RuntimeError, "LSTM: expected hidden[1] of dtype torch.float64, got torch.float32")
    torchs, here = differ(f"LSTM(3, 4)(zeros(5,2,3), (zeros(1,2,4), {c.format('float64')}))")
    assert torchs[0] is RuntimeError
    assert here == (RuntimeError, "LSTM: expected hidden[1] of dtype torch.float32, got torch.float64")
    torchs, here = differ("LSTMCell(3, 4)(zeros(2,3), (zeros(2,4), zeros(2,4,dtype=float64)))[0].dtype")
    assert torchs == (None, "torch.float64")
    assert here == (RuntimeError, "LSTMCell: expected hidden1 of dtype torch.float32, got torch.float64")


def test_lstmcell_with_one_row_and_three_states() -> None:
    torchs, here = differ("len(LSTMCell(3, 4)(zeros(3), (zeros(4),) * 3))")
    assert torchs == (None, "2")
    assert here == outcome("LSTMCell(3, 4)(zeros(1,3), (zeros(1,4),) * 3)", THEIRS)
    assert here[1] == "lstm_cell expects two hidden states"


def test_rnncell_with_one_row_and_a_batch_of_states() -> None:
    torchs, here = differ("RNNCell(3, 4)(zeros(3), zeros(4,4)).shape")
    assert torchs == (None, "torch.Size([4, 4])")
    assert here == (RuntimeError, "RNNCell: expected hidden0 batched as the input is, got (1, 4, 4)")


def test_lstm_under_cpu_autocast() -> None:
    modules = pair("LSTM", 3, 4, dtype=torch.float32)
    dtypes = []
    for module, library in zip(modules, LIBRARIES, strict=True):
        x = normal(5, 2, 3, dtype=torch.float32)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            padded, packed = module(x)[0], module(library.pack_padded_sequence(x, [5, 2]))[0].data
        dtypes.append((padded.dtype, packed.dtype))
    assert dtypes == [(torch.bfloat16, torch.float32), (torch.float32, torch.float32)]


def test_a_weight_under_a_parametrization() -> None:
    counts = []
    for module in pair("LSTM", 3, 4):
        calls: list[Tensor] = []

        class Scaled(torch.nn.Module):
            def forward(self, weight: Tensor, calls: list[Tensor] = calls) -> Tensor:
                calls.append(weight)
                return 2 * weight

        parametrize.register_parametrization(module, "weight_hh_l0", Scaled())
        calls.clear()
        module(normal(5, 2, 3))
        counts.append(len(calls))
    assert counts[0] > counts[1] == 1


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore:.*:UserWarning")
def test_quantize_dynamic_of_a_model() -> None:
    kinds, quantize = [], vars(torch.ao.quantization)["quantize_dynamic"]
    for layer in (torch.nn.LSTM(3, 4), ours.LSTM(3, 4)):
        model = quantize(torch.nn.Sequential(layer), {torch.nn.LSTM})
        kinds.append(type(model[0]))
    assert "quantized" in kinds[0].__module__
    assert kinds[1] is ours.LSTM


def test_biases_whose_sum_overflows_with_engine_fused() -> None:
    outputs = []
    layers: list[Any] = [kind(1, 1, nonlinearity="relu") for kind in (torch.nn.RNN, ours.RNN)]
    for layer in [*layers, ours.RNN(1, 1, nonlinearity="relu", engine="fused")]:
        with torch.no_grad():
            for name, value in (("weight_ih_l0", -3e38), ("bias_ih_l0", 3e38), ("bias_hh_l0", 3e38)):
                getattr(layer, name).fill_(value)
            outputs.append(layer(torch.ones(1, 1))[0].item())
    assert outputs == [pytest.approx(3e38), pytest.approx(3e38), float("inf")]


@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", LAYERS)
def test_a_second_derivative_forward_mode_or_vmap_with_engine_fused(name: str) -> None:
    options = {"dtype": torch.float64}
    theirs, steps = getattr(torch.nn, name)(3, 4, **options), getattr(ours, name)(3, 4, **options)
    fused = getattr(ours, name)(3, 4, **options, engine="fused")
    x = normal(5, 2, 3).requires_grad_()

    def second(layer: Any) -> Tensor:
        (d_x,) = torch.autograd.grad(layer(x)[0].square().sum(), x, create_graph=True)
        return torch.autograd.grad(d_x.sum(), x)[0]

    transforms: list[Any] = [second, lambda layer: torch.func.jvp(lambda x: layer(x)[0], (x,), (x,))]
    for transform in transforms:
        transform(theirs)
    for transform in [*transforms, lambda layer: torch.vmap(layer)(x.unsqueeze(0))]:
        transform(steps)
        with pytest.raises(RuntimeError, match='engine="steps"'):
            transform(fused)


onnx_export: Any = torch.onnx.export  # it takes a file object too
trace: Any = vars(torch.jit)["trace"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LAYERS)
def test_torch_export_onnx_export_or_torch_compile_fullgraph_true_with_engine_fused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """unhooked.py has the rest: what works with engine="steps", and torch.compile in training."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    x, theirs, fused = (
        zeros(5, 2, 3),
        getattr(torch.nn, name)(3, 4),
        getattr(ours, name)(3, 4, engine="fused"),
    )
    torch.export.export(theirs, (x,))
    ways: list[Any] = [
        lambda layer: torch.export.export(layer, (x,), strict=False),
        lambda layer: onnx_export(layer, (x,), BytesIO(), dynamo=False),
        lambda layer: torch.compile(layer, backend="eager", fullgraph=True)(x),
    ]
    for way in ways:
        with pytest.raises(Exception, match='engine="steps" supports all'):
            way(fused)
    with pytest.raises(Exception, match="Attempted to wrap RNN, GRU, or LSTM"):
        ways[2](theirs)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LAYERS)
def test_torch_jit_trace_of_a_layer(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # sizes are tensors in a trace
    theirs, here = pair(name, 3, 4)
    traced = [trace(module, (normal(5, 2, 3),)) for module in (theirs, here)]
    for module in traced:
        assert_close(module(normal(5, 3, 3, seed=1)), theirs(normal(5, 3, 3, seed=1)))
    assert_close(traced[0](normal(6, 2, 3)), theirs(normal(6, 2, 3)))
    with pytest.raises(RuntimeError, match="split_with_sizes"):
        traced[1](normal(6, 2, 3))
    with pytest.raises(RuntimeError, match='engine="steps"'):
        trace(getattr(ours, name)(3, 4, engine="fused"), (zeros(5, 2, 3),))


@pytest.mark.filterwarnings("ignore")
def test_torch_jit_trace_of_a_packed_sequence() -> None:
    layers, lengths = pair("GRU", 3, 4), torch.tensor([5, 3])

    class Model(torch.nn.Module):
        def __init__(self, layer: Any, library: Any) -> None:
            super().__init__()
            self.layer, self.library = layer, library

        def forward(self, x: Tensor, lengths: Tensor) -> Any:
            packed = self.library.pack_padded_sequence(x, lengths, enforce_sorted=False)
            return self.library.pad_packed_sequence(self.layer(packed)[0])[0]

    theirs_, here = (Model(layer, library) for layer, library in zip(layers, LIBRARIES, strict=True))
    others = normal(6, 3, 3), torch.tensor([4, 6, 1])
    assert_close(trace(theirs_, (normal(5, 2, 3), lengths))(*others), here(*others))
    with pytest.raises(RuntimeError, match=r"^pack_padded_sequence: expected no torch\.jit\.trace"):
        trace(here, (normal(5, 2, 3), lengths))
    packed = ours.pack_sequence([normal(5, 3), normal(3, 3)])
    for traced in (
        lambda x: ours.PackedSequence(x, packed.batch_sizes).data,
        lambda x: layers[1](packed)[0].data,
    ):
        with pytest.raises(RuntimeError, match=r"^PackedSequence: expected no torch\.jit\.trace"):
            trace(traced, (packed.data,))
    with pytest.raises(RuntimeError, match=r"^unpad_sequence: expected no torch\.jit\.trace"):
        trace(lambda x: ours.unpad_sequence(x, lengths)[0], (normal(5, 2, 3),))


@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")
def test_torch_jit_script_of_a_layer() -> None:
    torchs, here = differ("torch.jit.script(torch.nn.Sequential(GRU(3, 4)))(zeros(5,2,3))[0].shape")
    assert torchs == (None, "torch.Size([5, 2, 4])")
    text = ": expected no torch.jit.script (use torch.compile or torch.export), got a script"
    assert here == (RuntimeError, f"GRU{text}")
    for module in (ours.LSTM(3, 4), ours.RNNCell(3, 4)):
        with pytest.raises(RuntimeError, match=re.escape(type(module).__name__ + text)):
            torch.jit.script(module)


def test_isinstance_of_a_layer_or_a_cell() -> None:
    for name in LAYERS + CELLS:
        base = torch.nn.RNNCellBase if name in CELLS else torch.nn.RNNBase
        assert issubclass(getattr(torch.nn, name), base)
        assert not issubclass(getattr(ours, name), base)
        assert issubclass(getattr(ours, name), torch.nn.Module)


@pytest.mark.parametrize("case", [row.case for row in DIFFERENCES])
def test_each_row_has_its_test_by_name(case: str) -> None:
    assert callable(globals()["test_" + re.sub(r"\W+", "_", case.lower()).strip("_")])


def test_the_document_shows_the_table() -> None:
    command = [sys.executable, "-m", "scratch_rnn.torch_autograd.differences"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    document = (Path(__file__).parents[2] / "docs/differences.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- differences -->\n(.*?)<!-- /differences -->", document, flags=re.DOTALL)
    assert shown is not None
    assert shown[1].strip() == printed.strip() == table()
