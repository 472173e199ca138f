"""What the NumPy layers refuse: the type and the whole text of each error."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from scratch_rnn.numpy_bptt import GRU, LSTM, RNN, pack_padded_sequence
from scratch_rnn.parity.contenders import ENGINES


def x(*shape: int, dtype: str = "float32") -> ndarray:
    """An input of this shape."""
    return np.ones(shape, dtype)


def tape_of(layer: Any, given: Any) -> Any:
    """The tape of a forward call."""
    return layer.forward(given)[2]


ENGINE_NAMES = " or ".join(repr(engine) for engine in ENGINES)
PACKED = pack_padded_sequence(x(4, 3, 2), [4, 2, 1])
LSTM_: Any = LSTM(2, 3, proj_size=1)
GRU_: Any = GRU(2, 3, bidirectional=True, num_layers=2)
SUBCLASS = "a subclass of numpy.ndarray (input = numpy.asarray(input) takes its data alone)"
REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: LSTM(0, 3), ValueError, "LSTM: expected input_size to be at least 1, got 0"),
    (lambda: GRU(2.0, 3), TypeError, "GRU: expected input_size to be an integer, got 2.0"),  # type: ignore[arg-type]
    (lambda: RNN(2, -1), ValueError, "RNN: expected hidden_size to be at least 1, got -1"),
    (lambda: GRU(2, 3, 0), ValueError, "GRU: expected num_layers to be at least 1, got 0"),
    (lambda: RNN(2, 3, bias=1), TypeError, "RNN: expected bias to be True or False, got 1"),  # type: ignore[arg-type]
    (
        lambda: GRU(2, 3, bidirectional="both"),  # type: ignore[arg-type]
        TypeError,
        "GRU: expected bidirectional to be True or False, got 'both'",
    ),
    (
        lambda: GRU(2, 3, batch_first=None),  # type: ignore[arg-type]
        TypeError,
        "GRU: expected batch_first to be True or False, got None",
    ),
    (lambda: GRU(2, 3, 2, dropout=1.5), ValueError, "GRU: expected dropout to lie in [0, 1], got 1.5"),
    (lambda: GRU(2, 3, 2, dropout=True), TypeError, "GRU: expected dropout to be a number, got True"),
    (lambda: LSTM(2, 3, proj_size=-1), ValueError, "LSTM: expected proj_size to be at least 0, got -1"),
    (
        lambda: LSTM(2, 3, proj_size=3),
        ValueError,
        "LSTM: expected proj_size to be smaller than hidden_size = 3, got 3",
    ),
    (
        lambda: RNN(2, 3, 1, "sigmoid"),
        ValueError,
        "RNN: expected nonlinearity to be 'tanh' or 'relu', got 'sigmoid'",
    ),
    (lambda: GRU(2, 3, dtype=int), TypeError, "GRU: expected dtype float32 or float64, got int64"),
    (lambda: GRU(2, 3, engine="warp"), ValueError, f"GRU: expected engine to be {ENGINE_NAMES}, got 'warp'"),
    (lambda: GRU_.train(1), TypeError, "GRU: expected mode to be True or False, got 1"),
    (
        lambda: LSTM_(x(4, 5, 7)),
        ValueError,
        "LSTM: expected input of shape (T, N, I) = (T, N, 2), got (4, 5, 7)",
    ),
    (
        lambda: GRU_(x(4, 2, dtype="float64")),
        TypeError,
        "GRU: expected input of dtype float32, got float64 "
        "(use input.astype(np.float32), or GRU(..., dtype=np.float64))",
    ),
    (
        lambda: GRU_(x(4, 2, dtype="float16")),
        TypeError,
        "GRU: expected input of dtype float32, got float16 (use input.astype(np.float32))",
    ),
    (
        lambda: GRU_(x(4, 2).view(np.matrix)),
        TypeError,
        f"GRU: expected input to be a numpy array or a numpy PackedSequence, got matrix, {SUBCLASS}",
    ),
    (
        lambda: GRU_(PACKED._replace(data=np.ma.masked_array(PACKED.data))),
        TypeError,
        "GRU: expected input.data to be a numpy array, got MaskedArray, "
        f"{SUBCLASS.replace('input', 'input.data')}",
    ),
    (
        lambda: LSTM_(x(4, 2), (None, np.ma.masked_array(x(1, 3)))),
        TypeError,
        f"LSTM: expected c to be a numpy array, got MaskedArray, {SUBCLASS.replace('input', 'c')}",
    ),
    (
        lambda: GRU_.backward(tape_of(GRU_, x(4, 2)), np.ma.masked_array(x(4, 6))),
        TypeError,
        "GRU: expected d_output to be a numpy array or a numpy PackedSequence, got MaskedArray, "
        f"{SUBCLASS.replace('input', 'd_output')}",
    ),
    (
        lambda: LSTM_.backward(tape_of(LSTM_, x(4, 2)), None, (x(1, 1).view(np.matrix), None)),
        TypeError,
        f"LSTM: expected d_h to be a numpy array, got matrix, {SUBCLASS.replace('input', 'd_h')}",
    ),
    (
        lambda: GRU(2, 3, rng=np.random.RandomState(0)),  # type: ignore[arg-type]
        TypeError,
        "GRU: expected rng to be a numpy.random.Generator, an int seed or None, got RandomState",
    ),
    (
        lambda: GRU(2, 3, rng=True),
        TypeError,
        "GRU: expected rng to be a numpy.random.Generator, an int seed or None, got bool",
    ),
    (lambda: GRU(2, 3, rng=-1), ValueError, "GRU: expected rng to be at least 0, got -1"),
    (
        lambda: GRU_(x(4, 5, 2), x(4, 1, 3)),
        ValueError,
        "GRU: expected h of shape (S, N, P) = (4, 5, 3), got (4, 1, 3)",
    ),
    (
        lambda: GRU_(x(4, 2), x(4, 1, 3)),
        ValueError,
        "GRU: expected h of shape (S, P) = (4, 3), got (4, 1, 3)",
    ),
    (
        lambda: LSTM_(PACKED, (x(1, 3, 1), x(1, 4, 3))),
        ValueError,
        "LSTM: expected c of shape (S, N, H) = (1, 3, 3), got (1, 4, 3)",
    ),
    (
        lambda: LSTM_(x(4, 5, 2), (x(1, 5, 3), x(1, 5, 3))),
        ValueError,
        "LSTM: expected h of shape (S, N, P) = (1, 5, 1), got (1, 5, 3)",
    ),
    (lambda: LSTM_(x(4, 2), x(1, 3)), ValueError, "LSTM: expected a state (h, c), got ndarray"),
    (lambda: LSTM_(x(4, 2), x(2, 1, 3)), ValueError, "LSTM: expected a state (h, c), got ndarray"),
    (lambda: LSTM_(x(4, 2), (x(1, 1),)), ValueError, "LSTM: expected a state (h, c), got tuple"),
    (
        lambda: GRU_(x(4, 2), (x(4, 3), x(4, 3))),
        TypeError,
        "GRU: expected h to be a numpy array, got tuple",
    ),
    (
        lambda: GRU_(x(4, 2), x(4, 3, dtype="float64")),
        TypeError,
        "GRU: expected h of dtype float32, got float64 "
        "(use h.astype(np.float32), or GRU(..., dtype=np.float64))",
    ),
    (
        lambda: GRU_.backward(tape_of(GRU_, x(4, 5, 2)), x(4, 5, 3)),
        ValueError,
        "GRU: expected d_output of shape (T, N, I) = (T, N, 6), got (4, 5, 3)",
    ),
    (
        lambda: GRU_.backward(tape_of(GRU_, x(4, 5, 2)), None, x(4, 4, 3)),
        ValueError,
        "GRU: expected d_h of shape (S, N, P) = (4, 5, 3), got (4, 4, 3)",
    ),
    (
        lambda: LSTM_.backward(tape_of(LSTM_, x(4, 2)), None, x(1, 3)),
        ValueError,
        "LSTM: expected a d_state (h, c), got ndarray",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), REFUSED, ids=[text for _, _, text in REFUSED])
def test_refused(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "other",
    [GRU(2, 3), GRU(2, 4, 2, bidirectional=True), GRU(2, 3, 2, False, bidirectional=True), LSTM(2, 3)],
)
def test_a_tape_of_another_layer_is_refused(other: Any) -> None:
    with pytest.raises(ValueError, match=r"GRU: expected a tape of \(Sizes"):
        GRU_.backward(tape_of(other, x(4, 2)))


@pytest.mark.parametrize(
    "d_output",
    [x(5, 4, 6), x(4, 6), x(3, 5, 6), PACKED._replace(data=x(7, 6))],
    ids=["other axes", "unbatched", "fewer steps", "packed"],
)
def test_a_d_output_of_another_layout_is_refused(d_output: Any) -> None:
    with pytest.raises(ValueError, match="GRU: expected d_output laid out as Padded"):
        GRU_.backward(tape_of(GRU_, x(4, 5, 2)), d_output)


@pytest.mark.parametrize("lengths", [[4, 1, 2], [3, 3, 1], [4, 2, 1]])
def test_a_packed_d_output_of_other_lengths_or_another_order_is_refused(lengths: list[int]) -> None:
    given = pack_padded_sequence(x(4, 3, 2), [1, 4, 2], enforce_sorted=False)
    d_output = pack_padded_sequence(x(4, 3, 6), lengths, enforce_sorted=False)
    with pytest.raises(ValueError, match="GRU: expected d_output laid out as"):
        GRU_.backward(tape_of(GRU_, given), d_output)


@pytest.mark.parametrize("cls", [RNN, LSTM, GRU])
def test_dropout_with_one_layer_drops_nothing_and_says_so(cls: Any) -> None:
    with pytest.warns(UserWarning, match="dropout acts between layers, and num_layers is 1") as caught:
        layer = cls(2, 3, dropout=0.5)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(layer.forward(x(4, 2))[0], layer(x(4, 2))[0])
    with pytest.raises(TypeError, match="proj_size"):
        RNN(2, 3, proj_size=1)  # type: ignore[call-arg]
