"""The callers' layouts: each conversion has its inverse and only moves elements; other inputs are refused."""

from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from scratch_rnn.numpy_bptt import PackedSequence, pack_padded_sequence
from scratch_rnn.numpy_bptt.layout import Padded, layout_of

FLOAT = np.dtype("float64")


def numbered(*shape: int) -> ndarray:
    """0, 1, 2, … in this shape."""
    return np.arange(np.prod(shape), dtype=FLOAT).reshape(shape)


def float64_layout(x: Any, width: int = 2, batch_first: bool = False) -> Any:
    """The layout of a float64 input."""
    return layout_of("GRU", "input", x, width, batch_first, FLOAT)


UNSORTED = pack_padded_sequence(numbered(4, 3, 2), [1, 4, 2], enforce_sorted=False)
SORTED = pack_padded_sequence(numbered(4, 3, 2), [4, 2, 1])


@pytest.mark.parametrize(
    ("x", "batch_first", "batch_sizes", "first_rows"),
    [
        (numbered(4, 3, 2), False, (3, 3, 3, 3), [0, 2, 4, 6]),
        (numbered(3, 4, 2), True, (3, 3, 3, 3), [0, 8, 16, 2]),
        (numbered(4, 2), False, (1, 1, 1, 1), [0, 2, 4, 6]),
        (numbered(4, 2), True, (1, 1, 1, 1), [0, 2, 4, 6]),
        (UNSORTED, True, (3, 2, 1, 1), [2, 4, 0, 8]),  # sequence 1 is the longest, then 2, then 0
        (SORTED, False, (3, 2, 1, 1), [0, 2, 4, 6]),
    ],
)
def test_rows_are_time_first_and_convert_back(
    x: Any, batch_first: bool, batch_sizes: tuple[int, ...], first_rows: list[int]
) -> None:
    layout = float64_layout(x, batch_first=batch_first)
    rows = layout.to_rows(x)
    assert layout.batch_sizes == batch_sizes
    assert rows.shape == (sum(batch_sizes), 2)
    assert rows[:4, 0].tolist() == first_rows
    back = layout.from_rows(rows)
    assert type(back) is type(x)
    for ours, given in zip(back, x, strict=True):
        np.testing.assert_array_equal(ours, given)


@pytest.mark.parametrize(
    ("x", "order"),
    [(numbered(4, 3, 2), [0, 1, 2]), (SORTED, [0, 1, 2]), (UNSORTED, [1, 2, 0])],
)
def test_states_are_sorted_by_length_inside(x: Any, order: list[int]) -> None:
    layout, state = float64_layout(x), numbered(2, 3, 5)
    inside = layout.to_state(state)
    np.testing.assert_array_equal(inside, state[:, order])
    np.testing.assert_array_equal(layout.from_state(inside), state)
    d_inside, d_outside = numbered(2, 3, 5) ** 2, numbered(2, 3, 5) ** 3
    assert (inside * layout.to_state(d_outside)).sum() == (state * d_outside).sum()
    assert (layout.from_state(d_inside) * state).sum() == (d_inside * inside).sum()


def test_an_unbatched_state_has_no_batch_axis() -> None:
    layout = float64_layout(numbered(4, 2))
    assert layout.to_state(numbered(3, 5)).shape == (3, 1, 5)
    np.testing.assert_array_equal(layout.from_state(layout.to_state(numbered(3, 5))), numbered(3, 5))


def test_layouts_are_equal_if_axes_lengths_and_order_are() -> None:
    assert (
        float64_layout(numbered(4, 3, 2)) == float64_layout(numbered(4, 3, 7), 7) == Padded(4, 3, True, False)
    )
    assert float64_layout(numbered(4, 3, 2)) != float64_layout(numbered(3, 4, 2))
    assert float64_layout(numbered(4, 3, 2)) != float64_layout(numbered(4, 3, 2), batch_first=True)
    assert float64_layout(SORTED) == float64_layout(SORTED._replace(data=2 * SORTED.data))
    assert float64_layout(SORTED) != float64_layout(numbered(4, 3, 2))


MALFORMED = SORTED._replace(batch_sizes=np.array([3, 2, 1]))


@pytest.mark.parametrize(
    ("x", "batch_first", "error", "text"),
    [
        ([[1.0]], False, TypeError, "input to be a numpy array or a numpy PackedSequence, got list"),
        (None, False, TypeError, "input to be a numpy array or a numpy PackedSequence, got NoneType"),
        (
            numbered(4, 3, 2).astype("float32"),
            False,
            TypeError,
            "input of dtype float64, got float32 "
            "(use input.astype(np.float64), or GRU(..., dtype=np.float32))",
        ),
        (
            SORTED._replace(data=SORTED.data.astype(int)),
            False,
            TypeError,
            "input.data of dtype float64, got int64 (use input.data.astype(np.float64))",
        ),
        (
            np.ma.masked_array(numbered(4, 3, 2)),
            False,
            TypeError,
            "input to be a numpy array or a numpy PackedSequence, got MaskedArray, "
            "a subclass of numpy.ndarray (input = numpy.asarray(input) takes its data alone)",
        ),
        (numbered(2), False, ValueError, "input of shape (T, N, I) = (T, N, 2), got (2,)"),
        (numbered(2), True, ValueError, "input of shape (N, T, I) = (N, T, 2), got (2,)"),
        (numbered(4, 3, 1, 2), False, ValueError, "input of shape (T, N, I) = (T, N, 2), got (4, 3, 1, 2)"),
        (numbered(4, 3, 5), False, ValueError, "input of shape (T, N, I) = (T, N, 2), got (4, 3, 5)"),
        (numbered(4, 3), False, ValueError, "input of shape (T, I) = (T, 2), got (4, 3)"),
        (numbered(0, 3, 2), False, ValueError, "input of at least one time step, got shape (0, 3, 2)"),
        (numbered(3, 0, 2), True, ValueError, "input of at least one time step, got shape (3, 0, 2)"),
        (numbered(0, 2), False, ValueError, "input of at least one time step, got shape (0, 2)"),
        (
            PackedSequence(numbered(3, 5), [2, 1]),
            False,
            ValueError,
            "input.data of shape (R, I) = (R, 2), got (3, 5)",
        ),
    ],
)
def test_refused(x: Any, batch_first: bool, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        float64_layout(x, batch_first=batch_first)
    assert str(caught.value) == f"GRU: expected {text}"


def test_a_packed_sequence_made_inconsistent_by_hand() -> None:
    with pytest.raises(ValueError, match="add up to R = 7 rows of data, got \\[3, 2, 1\\]"):
        float64_layout(MALFORMED)
