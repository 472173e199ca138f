"""Each deliberate difference is one still: torch's present behaviour, ours, and the README's table."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import zeros
from torch.nn.utils import rnn as theirs

import scratch_rnn.torch_autograd as ours
from scratch_rnn.torch_autograd.differences import DIFFERENCES, table
from tests.torch_autograd.surface import LAYERS, OURS, THEIRS, normal, outcome, pair

LIBRARIES: tuple[Any, Any] = (theirs, ours)


def differ(code: str) -> tuple[tuple[type | None, str], tuple[type | None, str]]:
    """What torch makes of an expression, and what this project does: (error or None, text)."""
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


def test_sorted_indices_where_lengths_tie() -> None:
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


def test_lstm_whose_c_0_has_another_dtype() -> None:
    c = "zeros(1,2,4,dtype={})"
    wide = f"LSTM(3, 4, dtype=float64)(zeros(5,2,3,dtype=float64), ({c.format('float64')}, zeros(1,2,4)))"
    torchs, here = differ(f"{wide}[0].dtype")
    assert torchs == (None, "torch.float64")
    assert here == (RuntimeError, "LSTM: expected hidden[1] of dtype torch.float64, got torch.float32")
    narrow = f"LSTM(3, 4)(zeros(5,2,3), (zeros(1,2,4), {c.format('float64')}))"
    torchs, here = differ(narrow)
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


@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")
def test_torch_jit_script_of_a_layer() -> None:
    torchs, here = differ("torch.jit.script(torch.nn.Sequential(GRU(3, 4)))(zeros(5,2,3))[0].shape")
    assert torchs == (None, "torch.Size([5, 2, 4])")
    assert here[0] is torch.jit.frontend.NotSupportedError


def test_isinstance_of_a_layer_or_a_packed_sequence() -> None:
    for name in LAYERS:
        assert not issubclass(getattr(ours, name), torch.nn.RNNBase)
        assert issubclass(getattr(ours, name), torch.nn.Module)
    assert not issubclass(ours.PackedSequence, theirs.PackedSequence)


@pytest.mark.parametrize("case", [row.case for row in DIFFERENCES])
def test_each_row_has_its_test_by_name(case: str) -> None:
    assert callable(globals()["test_" + re.sub(r"\W+", "_", case.lower())])


def test_the_readme_shows_the_table() -> None:
    command = [sys.executable, "-m", "scratch_rnn.torch_autograd.differences"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- differences -->\n(.*?)<!-- /differences -->", readme, flags=re.DOTALL)
    assert shown is not None
    assert shown[1].strip() == printed.strip() == table()
