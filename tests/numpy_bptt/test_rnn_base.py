"""The public methods of the NumPy layers: weights in and out, and tapes that later calls do not change."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from scratch_rnn import numpy_bptt
from scratch_rnn.numpy_bptt import GRU, LSTM, PackedSequence
from scratch_rnn.parity.cases import KINDS, Case, make_data
from scratch_rnn.parity.contenders import ENGINES, as_state, by_letter, numpy_layer

FORMS = {
    "padded": Case("rnn_tanh", layers=2, bidirectional=True),
    "batch first": Case("gru", layers=2, batch_first=True),
    "unbatched": Case("rnn_relu", rows=None, bidirectional=True),
    "projected": Case("lstm", layers=2, proj=3, bidirectional=True),
    "packed": Case("lstm", layers=2, bidirectional=True, lengths=(2, 5, 1)),
}
FORMS |= {f"one step of {kind}": Case(kind, steps=1) for kind in KINDS}
EACH = [pytest.param(c, e, id=f"{n}-{e}") for n, c in FORMS.items() for e in ENGINES]
each = pytest.mark.parametrize(("case", "engine"), EACH)


class Call:
    """One forward call and its arrays, all of them writable."""

    def __init__(self, case: Case, layer: Any, seed: int = 0) -> None:
        data = make_data(Case(**{**vars(case), "seed": seed}))
        self.layer, self.x = layer, case.pack(data.xs[0], numpy_bptt)
        self.state, self.d_state_n = as_state(data.states), as_state(data.d_states)
        self.output, self.state_n, self.tape = layer.forward(self.x, self.state)
        rng = np.random.default_rng(seed + 1)
        self.d_output: Any = np.array(rng.normal(size=rows_of(self.output).shape))
        if isinstance(self.output, PackedSequence):
            self.d_output = self.output._replace(data=self.d_output)

    def backward(self) -> list[ndarray]:
        """Every array that `backward` returns."""
        d_x, d_state, grads = self.layer.backward(self.tape, self.d_output, self.d_state_n)
        return [rows_of(d_x), *arrays(d_state), *grads.values()]


def rows_of(x: Any) -> ndarray:
    """The numbers of an array or a PackedSequence."""
    return x.data if isinstance(x, PackedSequence) else x


def arrays(state: Any) -> list[ndarray]:
    """The arrays of a state."""
    return list(state) if isinstance(state, tuple) else [state]


def assert_same(ours: list[ndarray], expected: list[ndarray]) -> None:
    """Equal to the bit, and not all zeros."""
    assert all(np.any(array) for array in expected)
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@each
def test_a_tape_can_be_used_twice_and_two_tapes_share_no_memory(case: Case, engine: str) -> None:
    layer = numpy_layer(case, engine)
    alone = [Call(case, layer, seed).backward() for seed in (0, 1)]
    first, second = (Call(case, layer, seed) for seed in (0, 1))
    for call, expected in ((first, alone[0]), (second, alone[1]), (first, alone[0]), (second, alone[1])):
        assert_same(call.backward(), expected)


@each
def test_nothing_that_happens_after_forward_changes_backward(case: Case, engine: str) -> None:
    layer = numpy_layer(case, engine)
    call, expected = Call(case, layer), Call(case, layer).backward()
    for array in (rows_of(call.x), rows_of(call.output), *arrays(call.state), *arrays(call.state_n)):
        array[...] = np.nan
    if isinstance(call.x, PackedSequence):
        for indices in call.x[2:]:
            assert indices is not None
            indices[...] = 0
    for array in layer.state_dict().values():
        array[...] = np.nan
    layer.load_state_dict({name: -2 * array for name, array in layer.state_dict().items()})
    layer.eval()
    result = call.backward()
    assert_same(result, expected)
    for array in result:
        array[...] = np.nan
    assert_same(call.backward(), expected)


@each
def test_inputs_are_never_written_to(case: Case, engine: str) -> None:
    call = Call(case, numpy_layer(case, engine))
    given = [rows_of(call.x), *arrays(call.state), rows_of(call.d_output), *arrays(call.d_state_n)]
    before = [array.copy() for array in given]
    call.backward()
    call.layer(call.x, call.state)
    assert_same(given, before)


@each
def test_no_two_results_share_memory(case: Case, engine: str) -> None:
    call = Call(case, numpy_layer(case, engine))
    given = [rows_of(call.x), *arrays(call.state), rows_of(call.d_output), *arrays(call.d_state_n)]
    made = [rows_of(call.output), *arrays(call.state_n), *call.backward()]
    for a, b in combinations(made, 2):
        assert not np.shares_memory(a, b)
    assert not any(np.shares_memory(a, b) for a in made for b in given)
    assert all(array.flags.writeable for array in made)


@each
def test_a_plain_call_is_forward_in_eval_mode(case: Case, engine: str) -> None:
    layer = numpy_layer(case, engine).eval()
    call = Call(case, layer)
    output, state = layer(call.x, call.state)
    assert_same([rows_of(output), *arrays(state)], [rows_of(call.output), *arrays(call.state_n)])
    assert by_letter(case, state).keys() == by_letter(case, call.state).keys()


@pytest.mark.parametrize("kind", KINDS)
def test_first_weights_are_drawn_from_rng_within_torchs_bound(kind: str) -> None:
    case = Case(kind, hidden=25, layers=2, bidirectional=True)
    cls = getattr(numpy_bptt, case.name)
    first, again, other, unseeded, unlike = (
        cls(**case.arguments, rng=None if seed is None else np.random.default_rng(seed)).state_dict()
        for seed in (1, 1, 2, None, None)
    )
    for name, array in first.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, again[name])
        assert np.all(array != other[name])
        assert np.all(array != unseeded[name])
        assert np.all(unlike[name] != unseeded[name])
        assert 0.15 < np.abs(array).max() <= 0.2  # 1/√25


def test_state_dict_is_a_copy_and_a_refused_one_changes_nothing() -> None:
    layer = GRU(2, 3)
    before = {name: array.copy() for name, array in layer.state_dict().items()}
    layer.state_dict()["bias_hh_l0"][...] = 7
    given = {name: array + 1 for name, array in before.items()}
    with pytest.raises(ValueError, match=r"GRU: expected bias_hh_l0 of shape \(9,\), got \(8,\)"):
        layer.load_state_dict(given | {"bias_hh_l0": np.zeros(8)})
    text = (
        "GRU: expected torch's parameter names, got a mapping without ['bias_hh_l0'] and with unknown ['b']"
    )
    missing = {"b" if name == "bias_hh_l0" else name: array for name, array in given.items()}
    with pytest.raises(ValueError, match="names") as caught:
        layer.load_state_dict(missing)
    assert str(caught.value) == text
    assert_same(list(layer.state_dict().values()), list(before.values()))
    layer.load_state_dict(given)
    given["weight_ih_l0"][...] = 7
    np.testing.assert_array_equal(layer.state_dict()["weight_ih_l0"], before["weight_ih_l0"] + 1)
    layer.load_state_dict({name: array.tolist() for name, array in before.items()})
    assert_same(list(layer.state_dict().values()), list(before.values()))


def test_gradients_have_the_order_of_state_dict_and_none_is_zeros() -> None:
    layer = LSTM(2, 3, 2, bidirectional=True, dtype=np.float64)
    output, state, tape = layer.forward(np.ones((4, 2)))
    d_x, d_state, grads = layer.backward(tape)
    assert list(grads) == list(layer.state_dict())
    assert d_x.shape == (4, 2)
    assert [d.shape for d in d_state] == [s.shape for s in state]
    assert not any(np.any(d) for d in (d_x, *d_state, *grads.values()))
    from_h, from_c = (layer.backward(tape, None, d)[0] for d in ((state[0], None), (None, state[1])))
    both = layer.backward(tape, None, state)[0]
    np.testing.assert_allclose(both, from_h + from_c, rtol=1e-12)
    assert output.shape == (4, 6)


@pytest.mark.parametrize("engine", ENGINES)
def test_packed_results_have_index_arrays_of_their_own(engine: str) -> None:
    """Writing to the indices of an input or of a result changes no tape and no other result."""
    call = Call(FORMS["packed"], numpy_layer(FORMS["packed"], engine))
    expected = call.backward()
    d_x, _, _ = call.layer.backward(call.tape)
    call.d_output = PackedSequence(*(np.array(each) for each in call.d_output))
    given = [call.x, call.output, d_x]
    assert all(
        not np.shares_memory(a, b) for x, y in combinations(given, 2) for a, b in zip(x, y, strict=True)
    )
    for sequence in given:
        for indices in sequence[1:]:
            indices[...] = 0
    result, _, _ = call.layer.backward(call.tape, call.d_output, call.d_state_n)
    assert_same(call.backward(), expected)
    assert result.batch_sizes.tolist() == call.d_output.batch_sizes.tolist()
    assert result.sorted_indices.tolist() == call.d_output.sorted_indices.tolist()
