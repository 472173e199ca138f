"""The form of every error message: who, what was expected (letters = numbers), what came."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from scratch_rnn import checks

SHAPE = partial(checks.expect_shape, "LSTM", "h_0")
INT = partial(checks.expect_int, "LSTM", "num_layers")
BOOL = partial(checks.expect_bool, "LSTM", "bias")
NUMBER = partial(checks.expect_number, "LSTM", "dropout", least=0, most=1)
ONE_OF = partial(checks.expect_one_of, "RNN", "nonlinearity", choices=["tanh", "relu"])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: SHAPE((2, 3), S=2, N=3, H=4), ValueError, "h_0 of shape (S, N, H) = (2, 3, 4), got (2, 3)"),
        (lambda: SHAPE((2, 9), N=None, H=4), ValueError, "h_0 of shape (N, H) = (N, 4), got (2, 9)"),
        (lambda: SHAPE((2,), N=None, H=None), ValueError, "h_0 of shape (N, H), got (2,)"),
        (lambda: SHAPE([5], N=3), ValueError, "h_0 of shape (N,) = (3,), got (5,)"),
        (lambda: SHAPE((), N=None), ValueError, "h_0 of shape (N,), got ()"),
        (lambda: INT(1.5, 1), TypeError, "num_layers to be an integer, got 1.5"),
        (lambda: INT(True, 1), TypeError, "num_layers to be an integer, got True"),
        (lambda: INT("2", 1), TypeError, "num_layers to be an integer, got '2'"),
        (lambda: INT(0, 1), ValueError, "num_layers to be at least 1, got 0"),
        (lambda: BOOL(1), TypeError, "bias to be True or False, got 1"),
        (lambda: BOOL(None), TypeError, "bias to be True or False, got None"),
        (lambda: NUMBER("a"), TypeError, "dropout to be a number, got 'a'"),
        (lambda: NUMBER(True), TypeError, "dropout to be a number, got True"),
        (lambda: NUMBER(1.5), ValueError, "dropout to lie in [0, 1], got 1.5"),
        (lambda: NUMBER(-0.5), ValueError, "dropout to lie in [0, 1], got -0.5"),
        (lambda: NUMBER(float("nan")), ValueError, "dropout to lie in [0, 1], got nan"),
    ],
)
def test_refused(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == f"LSTM: expected {text}"


@pytest.mark.parametrize("value", ["sigmoid", None, 0])
def test_refused_choice(value: Any) -> None:
    with pytest.raises(ValueError, match="nonlinearity") as caught:
        ONE_OF(value)
    assert str(caught.value) == f"RNN: expected nonlinearity to be 'tanh' or 'relu', got {value!r}"


@pytest.mark.parametrize(
    ("call", "result"),
    [
        (lambda: SHAPE((2, 3, 4), S=2, N=3, H=4), None),
        (lambda: SHAPE((2, 0, 4), S=2, N=None, H=4), None),
        (lambda: INT(1, 1), 1),
        (lambda: INT(np.int64(3), 1), 3),
        (lambda: BOOL(False), False),
        (lambda: NUMBER(0), 0.0),
        (lambda: NUMBER(1), 1.0),
        (lambda: NUMBER(np.float32(0.5)), 0.5),
        (lambda: ONE_OF("relu"), "relu"),
    ],
)
def test_accepted(call: Callable[[], Any], result: Any) -> None:
    value = call()
    assert (type(value), value) == (type(result), result)


def test_message() -> None:
    assert checks.message("GRU", "a mouse", 4) == "GRU: expected a mouse, got 4"
