"""Packing and padding equal torch.nn.utils.rnn bit for bit, gradients included."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils import rnn as theirs
from torch.utils import _pytree as pytree

import scratch_rnn.torch_autograd as ours
from tests.torch_autograd.surface import normal

BOTH: tuple[Any, Any] = (theirs, ours)


def assert_equal(a: Any, b: Any) -> None:
    """Equal values, dtypes, shapes and memory layouts of all nested tensors."""
    leaves = [pytree.tree_leaves(tuple(value) if isinstance(value, tuple) else value) for value in (a, b)]
    assert len(leaves[0]) == len(leaves[1])
    for x, y in zip(*leaves, strict=True):
        if isinstance(x, Tensor):
            torch.testing.assert_close(x, y, rtol=0, atol=0, equal_nan=True)
            assert x.is_contiguous() == y.is_contiguous() or x.numel() < 2
        else:
            assert x == y


def batches(most: int = 6) -> st.SearchStrategy[list[int]]:
    """Lengths of a batch small enough for torch's sort to be stable."""
    return st.lists(st.integers(1, most), min_size=1, max_size=8)


@given(lengths=batches(), batch_first=st.booleans(), extra=st.sampled_from([(), (3,), (3, 2)]))
def test_round_trip_and_its_gradient(lengths: list[int], batch_first: bool, extra: tuple[int, ...]) -> None:
    axes = (len(lengths), 7) if batch_first else (7, len(lengths))
    padded, results = normal(*axes, *extra), []
    d_xs: list[Tensor] = []
    for library in BOTH:
        x = padded.clone().requires_grad_()
        packed = library.pack_padded_sequence(x, lengths, batch_first, enforce_sorted=False)
        back = library.pad_packed_sequence(packed, batch_first, padding_value=-2.5, total_length=9)
        cotangents = [normal(*y.shape, seed=1) for y in (packed.data, back[0])]
        d_xs += torch.autograd.grad([packed.data, back[0]], x, cotangents)
        results.append((tuple(packed), back, library.unpack_sequence(packed)))
    assert_equal(results[1], results[0])
    torch.testing.assert_close(d_xs[1], d_xs[0], rtol=0, atol=0)


@given(lengths=batches(), side=st.sampled_from(["left", "right"]), batch_first=st.booleans())
def test_sequences_and_their_gradient(lengths: list[int], side: str, batch_first: bool) -> None:
    results = []
    for library in BOTH:
        rows = [normal(n, 2, seed=k).requires_grad_() for k, n in enumerate(lengths)]
        padded = library.pad_sequence(iter(rows), batch_first, 1.5, padding_side=side)
        packed = library.pack_sequence(rows, enforce_sorted=False)
        d_rows = torch.autograd.grad(
            [padded, packed.data], rows, [normal(*padded.shape), packed.data.detach()]
        )
        results.append((padded, tuple(packed), d_rows))
    assert_equal(results[1], results[0])
    padded = ours.pad_sequence(rows)
    assert_equal(ours.unpad_sequence(padded, lengths), [row.detach() for row in rows])


@pytest.mark.parametrize(
    "lengths",
    [
        *([5, 3, 1], (5, 3, 1), np.array([5, 3, 1]), [5.5, 3, 1], [4, 4, 4]),
        *(torch.tensor([5, 3, 1]), torch.tensor([5, 3, 1], dtype=torch.int16)),
        *(torch.tensor([5.7, 3.2, 1.0]), torch.tensor([True, True, True])),
    ],
)
def test_lengths_of_any_kind(lengths: Any) -> None:
    packed = [library.pack_padded_sequence(normal(5, 3, 2), lengths) for library in BOTH]
    assert_equal(tuple(packed[1]), tuple(packed[0]))
    assert packed[1].batch_sizes.dtype == torch.int64


@pytest.mark.parametrize("lengths", [[5, 3, 1], [9, 0, -2], [2.5, 1, 0], [True, False, True]])
def test_unpad_counts_as_torch_counts(lengths: list[Any]) -> None:
    padded = normal(5, 3, 2)
    expected = theirs.unpad_sequence(padded.clone(), torch.tensor(lengths))
    results = [ours.unpad_sequence(padded, lengths), ours.unpad_sequence(padded, torch.tensor(lengths))]
    results.append(ours.unpad_sequence(padded.transpose(0, 1), lengths, batch_first=True))
    for rows in results:
        assert_equal(rows, expected)
        rows[0].fill_(7)
        assert not (padded == 7).any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int8, torch.bool, torch.complex64])
def test_data_of_any_dtype(dtype: torch.dtype) -> None:
    rows, results = [torch.ones(3).to(dtype), torch.ones(1).to(dtype)], []
    for library in BOTH:
        packed = library.pack_sequence(rows)
        padded = [library.pad_packed_sequence(packed, padding_value=value)[0] for value in (0, 1.7, -1.7)]
        results.append((tuple(packed), padded, library.pad_sequence(rows, padding_value=1.7)))
    assert_equal(results[1], results[0])


@pytest.mark.parametrize(
    "sequences",
    [
        [torch.ones(3), torch.ones(0)],
        [torch.ones(0), torch.ones(0)],
        [torch.ones(3, 2), 2 * torch.ones(1, 1)],
        [torch.ones(3), torch.full((2,), 1.5, dtype=torch.float64)],
        [torch.ones(3, dtype=torch.int64), torch.full((2,), 1.5)],
        torch.arange(6.0).reshape(2, 3),
        {"a": torch.ones(2)}.values(),
    ],
)
def test_sequences_of_any_kind(sequences: Any) -> None:
    for side in ("left", "right"):
        expected = theirs.pad_sequence(sequences, padding_side=side)
        assert_equal(ours.pad_sequence(sequences, padding_side=side), expected)


def test_generators() -> None:
    """An iterable is read once."""
    given = [torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.5])]
    assert ours.pack_sequence(sequence for sequence in given).data.tolist() == [1, 0.5, 2, 3]
    assert ours.pad_sequence(sequence for sequence in given).tolist() == [[1, 0.5], [2, 0], [3, 0]]


def test_the_drawing_in_the_docstring_is_what_packing_does() -> None:
    drawing = ours.packed.__doc__ or ""
    rows = [
        list(row.split("data")[0].split("batch")[0].replace(" ", "")) for row in drawn(drawing, "sequence")
    ]
    made = ours.pack_sequence([torch.tensor(list(map(ord, row))) for row in rows])
    assert [list("abc"), list("x")] == rows
    assert list(map(chr, made.data)) == drawn(drawing, "data")[0].split("(")[0].split()
    assert made.batch_sizes.tolist() == [
        int(n) for n in drawn(drawing, "batch_sizes")[0].split("(")[0].split()
    ]


def drawn(drawing: str, label: str) -> list[str]:
    """The text after a label of the drawing, and after its number where it has one."""
    return re.findall(rf"\b{label} (?:\d )?( .*)", drawing)


@pytest.mark.parametrize("rows", [17, 64])
def test_sequences_of_equal_length_keep_their_place(rows: int) -> None:
    padded, lengths = normal(4, rows, 2), [1 + k % 4 for k in range(rows)]
    made = [library.pack_padded_sequence(padded, lengths, enforce_sorted=False) for library in BOTH]
    assert torch.equal(made[0].batch_sizes, made[1].batch_sizes)
    assert_equal(ours.pad_packed_sequence(made[1]), theirs.pad_packed_sequence(made[0]))


@given(lengths=batches())
def test_the_last_step_is_each_rows_own(lengths: list[int]) -> None:
    rows = [normal(n, 2, seed=k).requires_grad_() for k, n in enumerate(lengths)]
    last = ours.last_step(ours.pack_sequence(rows, enforce_sorted=False))
    assert_equal(last, torch.stack([row[-1] for row in rows]))
    for row, d_row in zip(rows, torch.autograd.grad(last.sum(), rows), strict=True):
        assert torch.equal(d_row, torch.nn.functional.pad(torch.ones(1, 2), (0, 0, len(row) - 1, 0)).to(row))
    assert_equal(ours.last_step(BOTH[0].pack_sequence(rows, enforce_sorted=False)), last)


def test_last_step_refuses_a_flag_that_is_none() -> None:
    with pytest.raises(TypeError, match=r"^last_step: expected bidirectional to be True or False, got 'no'$"):
        ours.last_step(ours.pack_sequence([normal(2, 2)]), "no")  # type: ignore[arg-type]


def test_last_step_refuses_an_odd_width() -> None:
    text = "last_step: expected an output of two directions, (N, *, 2·P), got (1, 3)"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        ours.last_step(ours.pack_sequence([normal(2, 3)]), bidirectional=True)


def test_nan_in_the_padding_does_not_reach_the_data() -> None:
    padded = normal(4, 3, 2)
    padded[1:, 0], padded[2:, 2] = torch.nan, torch.nan
    x = padded.requires_grad_()
    made = ours.pack_padded_sequence(x, [1, 4, 2], enforce_sorted=False)
    (d_x,) = torch.autograd.grad(ours.pad_packed_sequence(made)[0].sum(), x)
    assert not made.data.isnan().any()
    assert torch.equal(d_x, (~padded.isnan()).to(d_x))
