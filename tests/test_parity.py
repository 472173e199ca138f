"""Layers of both trees equal torch.nn in every output and every gradient, whatever they are asked to do.

Cases with two calls carry the state on, and the gradient flows back through both. Packed cases hold NaN in
their padding, and are compared in the caller's own order.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scratch_rnn import spans, torch_autograd
from scratch_rnn.parity.cases import KINDS, Case, make_data
from scratch_rnn.parity.contenders import (
    CONTENDERS,
    ENGINES,
    as_state,
    numpy_layer,
    oracle,
    run,
)
from scratch_rnn.torch_autograd.fused import function
from tests.cases import LAYOUTS, cell_cases, layer_cases
from tests.parity import assert_all_close, assert_all_parity, assert_close, assert_parity
from tests.profiles import at_least

CORNERS = {
    "one step": Case("lstm", steps=1, layers=2, bidirectional=True, proj=3, calls=2),
    "no rows": Case("gru", rows=0, layers=2, bidirectional=True),
    "one of everything": Case("lstm", steps=1, rows=1, inputs=1, hidden=1),
    "waiting rows": Case("lstm", layers=2, bidirectional=True, proj=3, lengths=(2, 5, 1), calls=2),
    "no row is full": Case("gru", steps=7, bidirectional=True, batch_first=True, lengths=(4, 4, 2)),
    "all rows equal": Case("rnn_tanh", layers=2, lengths=(5, 5, 5), enforce_sorted=True),
    "one packed row": Case("gru", rows=1, bidirectional=True, lengths=(4,), enforce_sorted=True),
    "ties in 20 rows": Case("lstm", rows=20, bidirectional=True, lengths=(2, 3, 1, 3, 2) * 4, calls=2),
    "three layers": Case("rnn_relu", layers=3, bidirectional=True, calls=2),
}

FLOAT32_BOUND = 4e-5
"""Of max(1, max|oracle|). Float32 rounds to 6e-8, and every step of every layer adds to that: measured over
4,800 cases of this strategy (up to 3 layers, twice 6 steps), the worst of 79,000 arrays was off by 6e-6, and
99 of 100 by less than 1.2e-6. A factor of six on top lets another BLAS add up in another order, and is still
far below what a wrong equation makes."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", LAYOUTS)
@at_least(60)
@given(data=st.data())
def test_any_case(kind: str, layout: str, data: Any) -> None:
    assert_all_parity(data.draw(layer_cases(kind, layout)))


@pytest.mark.parametrize("kind", KINDS)
@at_least(60)
@given(data=st.data())
def test_any_cell(kind: str, data: Any) -> None:
    assert_all_parity(data.draw(cell_cases(kind)))


@pytest.mark.parametrize(("tree", "engine"), CONTENDERS)
@pytest.mark.parametrize("case", CORNERS.values(), ids=list(CORNERS))
def test_corners(tree: str, engine: str, case: Case) -> None:
    assert_parity(tree, engine, case)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_float32(engine: str, kind: str, data: Any) -> None:
    layout = data.draw(st.sampled_from(LAYOUTS))
    case = data.draw(layer_cases(kind, layout, dtype="float32"))
    ours = run("numpy", engine, case)
    assert {array.dtype for array in ours.values()} == {np.dtype("float32")}
    in_float64 = {name: array.astype("float64") for name, array in ours.items()}
    assert_all_close(in_float64, oracle(case), FLOAT32_BOUND)


@pytest.mark.parametrize(("tree", "engine"), CONTENDERS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths", [None, (2, 5, 1)])
def test_no_state_is_zeros_to_the_bit(
    tree: str, engine: str, kind: str, lengths: tuple[int, ...] | None
) -> None:
    case = Case(kind, layers=2, bidirectional=True, lengths=lengths, state=False)
    data, classes = make_data(case), {"numpy": numpy_layer(case, engine)}
    classes["torch"] = getattr(torch_autograd, case.name)(**case.arguments, engine=engine).double()
    convert: Any = torch.tensor if tree == "torch" else np.asarray
    x = convert(np.nan_to_num(data.xs[0]))
    zeros = as_state({letter: convert(np.zeros_like(s)) for letter, s in data.states.items()})
    for ours, expected in zip(_flat(classes[tree](x)), _flat(classes[tree](x, zeros)), strict=True):
        np.testing.assert_array_equal(ours, expected)


def _flat(result: Any) -> list[Any]:
    output, state = result
    arrays = [output, *(state if isinstance(state, tuple) else [state])]
    return [a.detach() if isinstance(a, torch.Tensor) else a for a in arrays]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
def test_state_dict_goes_strictly_both_ways(kind: str, bias: bool, layers: int) -> None:
    case = Case(kind, layers=layers, bidirectional=True, bias=bias, proj=3 if kind == "lstm" else 0)
    ours = numpy_layer(case)
    theirs, twin = (
        getattr(library, case.name)(**case.arguments, dtype=torch.float64)
        for library in (torch.nn, torch_autograd)
    )
    assert list(ours.state_dict()) == list(theirs.state_dict()) == list(twin.state_dict())
    for source, target in ((theirs, twin), (twin, ours), (ours, theirs), (theirs, ours), (ours, twin)):
        drawn = {name: torch.randn_like(torch.tensor(p)) for name, p in ours.state_dict().items()}
        source.load_state_dict(drawn)
        moved = {name: torch.as_tensor(p) for name, p in source.state_dict().items()}
        target.load_state_dict(moved)
        for name, parameter in target.state_dict().items():
            assert torch.equal(torch.as_tensor(parameter), drawn[name]), name
    missing = dict(list(drawn.items())[1:])
    for layer, error in ((theirs, RuntimeError), (twin, RuntimeError), (ours, ValueError)):
        with pytest.raises(error, match="weight_ih_l0"):
            layer.load_state_dict(missing)
        with pytest.raises(error, match="weight_extra"):
            layer.load_state_dict(drawn | {"weight_extra": torch.zeros(1)})


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (np.ones((2, 1)), np.ones(2)),
        (np.ones(2, "float32"), np.ones(2)),
        (np.array([np.nan, 1]), np.ones(2)),
        (np.ones(2), np.array([np.nan, 1])),
        (np.array([np.inf, 1]), np.ones(2)),
        (np.array([1 + 2e-10, 1]), np.ones(2)),
        (np.array([100 + 2e-8, 1]), np.array([100, 1.0])),
    ],
)
def test_the_comparison_itself(ours: Any, expected: Any) -> None:
    assert_close("equal", expected, expected)
    assert_close("near", np.ones(2), np.ones(2) + 1e-11)
    with pytest.raises(AssertionError):
        assert_close("differs", ours, expected)


def test_names_too_few_or_too_many_are_no_parity() -> None:
    case = Case("gru", state=False)
    whole = run("numpy", "steps", case)
    assert {"d_h0", "d_x0", "h_n", "d_bias_hh_l0"} < whole.keys()
    for name in whole:
        with pytest.raises(AssertionError):
            assert_all_close({k: v for k, v in whole.items() if k != name}, whole)
    assert run("torch", "steps", replace(case, state=True)).keys() == whole.keys()


@pytest.mark.parametrize("limits", [(1, 1), (60, 12), (300, 3)])
@pytest.mark.parametrize("case", CORNERS.values(), ids=list(CORNERS))
@pytest.mark.parametrize("tree", ["numpy", "torch"])
def test_the_fused_engine_in_small_parts(
    tree: str, limits: tuple[int, int], case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans if tree == "numpy" else function, "MAX_NUMBERS_PER_SPAN", limits[0])
    monkeypatch.setattr(spans, "MAX_ROWS_PER_CHUNK", limits[1])
    assert_parity(tree, "fused", case)
