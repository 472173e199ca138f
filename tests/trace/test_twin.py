"""Every recorded value is autograd's, and an error of each kind that a recording can make is noticed."""

import ast
from collections.abc import Sequence
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratch_rnn.parity.cases import KINDS, Case, make_data
from scratch_rnn.trace import instrument
from tests.cases import LAYOUTS, layer_cases
from tests.trace.twin import assert_is_twins, traced

recording_module = import_module("scratch_rnn.trace.recording")  # its name is also that of a function

FIXED: dict[str, Any] = {"dropout": 0.0, "memory": "contiguous", "calls": 1}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_every_name_is_the_twins(kind: str, layout: str, data: st.DataObject) -> None:
    case = data.draw(layer_cases(kind, layout, **FIXED))
    assert_is_twins(case, traced(case, engine=data.draw(st.sampled_from(["steps", "fused"]))))


PADDED = Case("lstm", layers=2, bidirectional=True, proj=2)
PACKED = Case("lstm", layers=2, bidirectional=True, lengths=(2, 5, 4), proj=2)


@pytest.mark.parametrize("case", [PADDED, PACKED], ids=["padded", "packed"])
def test_x_and_h_next_are_the_callers_input_and_output(case: Case) -> None:
    """Positions and rows without the twin: in either direction x at t is the input at t."""
    trace, data = traced(case), make_data(case)
    for reverse in (False, True):
        np.testing.assert_array_equal(trace.at(reverse=reverse)["x"], data.xs[0])
        below = np.concatenate([trace.at(0, r)["h_next"] for r in (False, True)], axis=2)
        np.testing.assert_array_equal(trace.at(1, reverse)["x"], below)


def test_a_name_bound_twice_has_a_value_on_both_lines() -> None:
    """d_c_next comes in as the next step's share, and is then the total."""
    case = Case("lstm")
    trace, data = traced(case), make_data(case)
    first, last = (line.values["d_c_next"] for line in _lines(trace, "d_c_next"))
    np.testing.assert_array_equal(first[:-1], trace["d_c"][1:])
    np.testing.assert_array_equal(first[-1], data.d_states["c"][0])
    np.testing.assert_array_equal(last, trace["d_c_next"])
    assert not np.array_equal(first, last)


def _lines(trace: Any, name: str) -> list[Any]:
    return [line for line in trace.lines("backward").values() if name in line.names]


def test_recording_before_the_assignment_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = instrument._noted

    def early(body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """`d_c_next = d_c_next + …` is reported before it is computed."""
        result = noted(body)
        for n, statement in enumerate(result):
            if ast.unparse(statement).startswith("d_c_next = d_c_next +"):
                result[n : n + 2] = result[n + 1], result[n]
                return result
        return result

    monkeypatch.setattr(instrument, "_noted", early)
    monkeypatch.setattr(recording_module, "read", instrument.read.__wrapped__)  # not the cached source
    with pytest.raises(AssertionError, match="d_c_next of layer 0"):
        assert_is_twins(Case("lstm"), traced(Case("lstm")))


def test_a_wrong_t_in_the_reverse_direction_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    times = SimpleNamespace(times=lambda batch_sizes, reverse: range(len(batch_sizes)))
    monkeypatch.setattr(recording_module, "bptt", times)
    with pytest.raises(AssertionError, match="layer 0, reverse="):
        assert_is_twins(PADDED, traced(PADDED))


def test_a_wrong_order_of_rows_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_order(self: Any, whole: Any) -> Any:
        return whole[:, list(self._record.tape.layout.order)]

    monkeypatch.setattr(recording_module.Trace, "_in_order", by_order)
    with pytest.raises(AssertionError, match="layer 0, reverse=False"):
        assert_is_twins(PACKED, traced(PACKED))
