"""Layouts of callers: each way in has its way out, elements are only moved, what fits nowhere is refused."""

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


def edge_of(x: Any, width: int = 2, batch_first: bool = False) -> Any:
    """find_edge for an input of float64."""
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
def test_rows_stand_time_first_and_find_their_way_back(
    x: Any, batch_first: bool, batch_sizes: tuple[int, ...], first_rows: list[int]
) -> None:
    layout = edge_of(x, batch_first=batch_first)
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
def test_states_stand_in_the_order_of_falling_length_inside(x: Any, order: list[int]) -> None:
    layout, state = edge_of(x), numbered(2, 3, 5)
    inside = layout.to_state(state)
    np.testing.assert_array_equal(inside, state[:, order])
    np.testing.assert_array_equal(layout.from_state(inside), state)
    d_inside, d_outside = numbered(2, 3, 5) ** 2, numbered(2, 3, 5) ** 3
    assert (inside * layout.to_state(d_outside)).sum() == (state * d_outside).sum()
    assert (layout.from_state(d_inside) * state).sum() == (d_inside * inside).sum()


def test_an_unbatched_state_has_no_batch_axis() -> None:
    layout = edge_of(numbered(4, 2))
    assert layout.to_state(numbered(3, 5)).shape == (3, 1, 5)
    np.testing.assert_array_equal(layout.from_state(layout.to_state(numbered(3, 5))), numbered(3, 5))


def test_edges_are_equal_where_layouts_are() -> None:
    assert edge_of(numbered(4, 3, 2)) == edge_of(numbered(4, 3, 7), 7) == Padded(4, 3, True, False)
    assert edge_of(numbered(4, 3, 2)) != edge_of(numbered(3, 4, 2))
    assert edge_of(numbered(4, 3, 2)) != edge_of(numbered(4, 3, 2), batch_first=True)
    assert edge_of(SORTED) == edge_of(SORTED._replace(data=2 * SORTED.data))
    assert edge_of(SORTED) != edge_of(numbered(4, 3, 2))


MALFORMED = SORTED._replace(batch_sizes=np.array([3, 2, 1]))


@pytest.mark.parametrize(
    ("x", "batch_first", "error", "text"),
    [
        ([[1.0]], False, TypeError, "input to be a numpy array or a numpy PackedSequence, got list"),
        (None, False, TypeError, "input to be a numpy array or a numpy PackedSequence, got NoneType"),
        (numbered(4, 3, 2).astype("float32"), False, TypeError, "input of dtype float64, got float32"),
        (
            SORTED._replace(data=SORTED.data.astype(int)),
            False,
            TypeError,
            "input of dtype float64, got int64",
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
def test_what_fits_nowhere(x: Any, batch_first: bool, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        edge_of(x, batch_first=batch_first)
    assert str(caught.value) == f"GRU: expected {text}"


def test_a_packed_sequence_made_inconsistent_by_hand() -> None:
    with pytest.raises(ValueError, match="add up to R = 7 rows of data, got \\[3, 2, 1\\]"):
        edge_of(MALFORMED)
