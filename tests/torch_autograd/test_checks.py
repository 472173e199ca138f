"""What torch refuses on purpose is refused with torch's type, text and order; accidents with our own text."""

import itertools
import math
from typing import Any

import pytest
from torch import zeros

import scratch_rnn.torch_autograd as here
from tests.torch_autograd.refusals import ACCIDENTS, ON_PURPOSE
from tests.torch_autograd.surface import CELLS, LAYERS, OURS, THEIRS, outcome


@pytest.mark.parametrize("code", ON_PURPOSE)
def test_torchs_error_on_purpose_is_ours_too(code: str) -> None:
    kind, text = outcome(code, THEIRS)
    assert kind is not None, "torch no longer refuses this"
    assert outcome(code, OURS) == (kind, text)


@pytest.mark.parametrize("code", ACCIDENTS)
def test_an_accidental_error_of_torch_is_an_error_of_ours(code: str) -> None:
    kind, text = outcome(code, THEIRS)
    assert kind is not None, "torch no longer refuses this"
    assert text != ACCIDENTS[code], "torch now says the same: the case belongs above"
    kind, text = outcome(code, OURS)
    assert kind in (TypeError, ValueError, RuntimeError)
    assert text == ACCIDENTS[code]


FAULTS: list[dict[str, Any]] = [
    *({"dropout": value} for value in ("a", True, 2, math.nan, 0.5)),
    *({"bias": 1}, {"batch_first": None}, {"num_layers": 0}, {"num_layers": 2}),
    *({"input_size": 2.0}, {"input_size": 0}, {"hidden_size": 2.5}, {"hidden_size": 0}),
    *({"proj_size": -1}, {"proj_size": 9}),
]
"""Faults that a signature accepts; test_differences.py has the others."""


@pytest.mark.parametrize("name", LAYERS)
def test_of_two_faults_in_a_constructor_the_same_one_is_named(name: str) -> None:
    faults = [*FAULTS, {"nonlinearity": "sin"}] if name == "RNN" else FAULTS
    for first, second in itertools.combinations(faults, 2):
        arguments = {"input_size": 3, "hidden_size": 4} | first | second
        code = f"{name}(**{arguments})"
        assert outcome(code, OURS) == outcome(code, THEIRS), code


INPUTS = ["5,2,3", "5,3", "3", "1,5,2,3", "5,2,7", "5,7", "0,2,3", "0,7", "5,0,3"]
INPUTS += ["5,2,3,dtype=float64", "5,2,7,dtype=float64", "0,2,3,device='meta'"]
HIDDEN = ["1,2,4", "2,4", "1,4", "1,1,2,4", "1,3,4", "2,2,4", "1,2,5", "1,5", "1,0,4", "1,2,4,device='meta'"]
CELL_INPUTS = ["2,3", "3", "()", "1,2,3", "2,5", "5", "0,3", "0,5"]
CELL_HIDDEN = ["2,4", "4", "1,2,4", "2,5", "5", "3,4", "3,5", "0,4", "2,6"]


@pytest.mark.parametrize("name", LAYERS + CELLS)
def test_of_two_faults_in_a_call_the_same_one_is_named(name: str) -> None:
    grids = (
        itertools.product(INPUTS, HIDDEN) if name in LAYERS else itertools.product(CELL_INPUTS, CELL_HIDDEN)
    )
    for x, h in grids:
        state = f"(zeros({h}), zeros({h}))" if "LSTM" in name else f"zeros({h})"
        code = f"[tuple(t.shape) for t in flat({name}(3, 4)(zeros({x}), {state}))]"
        words = {"flat": lambda value: [value] if hasattr(value, "shape") else list(_flat(value))}
        theirs, ours = outcome(code, THEIRS | words), outcome(code, OURS | words)
        accident = theirs[0] is IndexError  # a cell called with a batch and one row of state
        assert ours == theirs or (accident and "batched as the input is" in ours[1]), code


def _flat(value: Any) -> Any:
    for part in value:
        yield from ([part] if hasattr(part, "shape") else _flat(part))


def test_dropout_without_effect_warns_with_torchs_text_at_the_callers_line() -> None:
    for name, value in itertools.product(LAYERS, (1, 0.25)):
        with pytest.warns(UserWarning, match="dropout option adds dropout") as theirs:
            THEIRS[name](3, 4, dropout=value)
        with pytest.warns(UserWarning, match="dropout option adds dropout") as ours:
            getattr(here, name)(3, 4, dropout=value)
        assert str(ours[0].message) == str(theirs[0].message)
        assert ours[0].filename == __file__


def test_an_engine_that_does_not_exist_is_refused() -> None:
    for name in LAYERS + CELLS:
        with pytest.raises(ValueError, match=f"{name}: expected engine to be .*, got 'warp'"):
            getattr(here, name)(3, 4, engine="warp")
        with pytest.raises(TypeError):
            THEIRS[name](3, 4, engine="steps")


def test_a_refused_call_does_not_modify_its_arguments() -> None:
    x, h = zeros(5, 2, 7), zeros(1, 3, 4)
    assert outcome("GRU(3, 4)(x, h)", OURS | {"x": x, "h": h})[0] is RuntimeError
    assert (x.shape, h.shape) == ((5, 2, 7), (1, 3, 4))
