"""NumPy packing: round trips, adjoints, torch's meaning, and rows of a batch that never see each other."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray
from torch.nn.utils import rnn as torch_packing

from scratch_rnn import numpy_bptt, torch_autograd
from scratch_rnn.numpy_bptt import (
    PackedSequence,
    invert_permutation,
    last_step,
    pack_padded_sequence,
    pack_sequence,
    packed,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)
from scratch_rnn.parity.cases import KINDS, Case, make_data
from scratch_rnn.parity.contenders import ENGINES, as_state, by_letter, numpy_layer, oracle
from tests.parity import assert_close

RNG = np.random.default_rng(0)
some_lengths = st.one_of(
    st.lists(st.integers(1, 6), min_size=1, max_size=5),  # any, ties among them
    st.lists(st.integers(1, 6), min_size=17, max_size=20),  # where torch's own sort is no longer stable
    st.lists(st.integers(1, 6), min_size=2, max_size=5).map(lambda some: sorted(some, reverse=True)),
)


def sequences_of(lengths: list[int]) -> list[ndarray]:
    """One sequence (length, 2) for each."""
    return [RNG.normal(size=(length, 2)) for length in lengths]


def inner(a: Any, b: Any) -> float:
    """⟨a, b⟩ of arrays, lists of arrays or packed sequences."""
    if isinstance(a, PackedSequence):
        return inner(a.data, b.data)
    if isinstance(a, list):
        return sum(inner(x, y) for x, y in zip(a, b, strict=True))
    assert a.shape == b.shape
    return float((a * b).sum())


@given(lengths=some_lengths, batch_first=st.booleans(), side=st.sampled_from(["right", "left"]))
def test_round_trips_and_torch(lengths: list[int], batch_first: bool, side: str) -> None:
    sequences = sequences_of(lengths)
    tensors = [torch.tensor(s) for s in sequences]
    padded = pad_sequence(sequences, batch_first, 7.0, side)
    assert_close("pad", padded, torch_packing.pad_sequence(tensors, batch_first, 7.0, side))
    right = pad_sequence(sequences, batch_first, np.nan)
    ours = pack_padded_sequence(right, lengths, batch_first, enforce_sorted=False)
    theirs = torch_packing.pack_sequence(tensors, enforce_sorted=False)
    assert ours.batch_sizes.tolist() == theirs.batch_sizes.tolist()
    assert not np.isnan(ours.data).any()
    assert ours.sorted_indices is not None
    assert ours.unsorted_indices is not None
    assert ours.unsorted_indices[ours.sorted_indices].tolist() == list(range(len(lengths)))
    ties_in_order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    assert ours.sorted_indices.tolist() == ties_in_order
    back = pad_packed_sequence(ours, batch_first, -1.0, 9)
    expected = torch_packing.pad_packed_sequence(theirs, batch_first, -1.0, 9)
    assert_close("pad_packed", back[0], expected[0])
    assert back[1].tolist() == expected[1].tolist() == lengths
    assert_close("last_step", last_step(ours), np.stack([s[-1] for s in sequences]))
    for result in (unpack_sequence(ours), unpad_sequence(right, np.array(lengths), batch_first)):
        for row, sequence in zip(result, sequences, strict=True):
            np.testing.assert_array_equal(row, sequence)
    again = pack_sequence(unpack_sequence(ours), enforce_sorted=False)
    for a, b in zip(again, ours, strict=True):
        np.testing.assert_array_equal(a, b)


@given(lengths=some_lengths, batch_first=st.booleans())
def test_adjoints(lengths: list[int], batch_first: bool) -> None:
    sequences, steps = sequences_of(lengths), max(lengths) + 1
    shape = (len(lengths), steps, 2) if batch_first else (steps, len(lengths), 2)
    x, d_padded = RNG.normal(size=shape), RNG.normal(size=shape)
    p = pack_padded_sequence(x, lengths, batch_first, enforce_sorted=False)
    d_p = p._replace(data=RNG.normal(size=p.data.shape))
    d_x = packed.pack_padded_sequence_backward(d_p, steps, batch_first)
    assert inner(p, d_p) == pytest.approx(inner(x, d_x))
    y = pad_packed_sequence(p, batch_first, total_length=steps)[0]
    d_q = packed.pad_packed_sequence_backward(d_padded, p, batch_first)
    assert inner(y, d_padded) == pytest.approx(inner(p, d_q))
    d_last = RNG.normal(size=(len(lengths), 2))
    for both in (False, True):
        d_p = packed.last_step_backward(d_last, p, both)
        assert inner(last_step(p, both), d_last) == pytest.approx(inner(p, d_p))
    d_rows = sequences_of(lengths)
    d_unpadded = packed.unpad_sequence_backward(d_rows, steps, batch_first)
    assert inner(unpad_sequence(x, lengths, batch_first), d_rows) == pytest.approx(inner(x, d_unpadded))
    for side in ("right", "left"):
        z = pad_sequence(sequences, batch_first, 0.0, side)
        d_z = RNG.normal(size=z.shape)
        d_sequences = packed.pad_sequence_backward(d_z, lengths, batch_first, side)
        assert inner(z, d_z) == pytest.approx(inner(sequences, d_sequences))
    assert inner(unpack_sequence(p), d_rows) == pytest.approx(
        inner(p, pack_sequence(d_rows, enforce_sorted=False))
    )


@given(lengths=some_lengths, batch_first=st.booleans())
def test_gradient_of_padding_is_exactly_zero_and_the_rest_is_autograds(
    lengths: list[int], batch_first: bool
) -> None:
    steps = max(lengths) + 1
    padding = np.arange(steps)[:, None] >= np.array(lengths)
    padding = padding.T if batch_first else padding
    x = RNG.normal(size=(*padding.shape, 2))
    x[padding] = np.nan
    leaf = torch.tensor(x, requires_grad=True)
    theirs = torch_packing.pack_padded_sequence(leaf, torch.tensor(lengths), batch_first, False)
    weight = RNG.normal(size=x.shape)
    back = torch_packing.pad_packed_sequence(theirs, batch_first, total_length=steps)[0]
    (expected,) = torch.autograd.grad(back, leaf, torch.tensor(weight))
    ours = pack_padded_sequence(x, lengths, batch_first, enforce_sorted=False)
    weight[padding] = np.nan
    d_ours = packed.pad_packed_sequence_backward(weight, ours, batch_first)
    d_x = packed.pack_padded_sequence_backward(d_ours, steps, batch_first)
    assert np.all(d_x[padding] == 0)
    np.testing.assert_array_equal(d_x, expected)


ROWS = {"sorted": (5, 2, 2), "unsorted": (2, 5, 1), "one row": (3,), "seventeen": (2, 5, 3, 1) * 4 + (4,)}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths", ROWS.values(), ids=list(ROWS))
def test_packed_rows_are_each_run_alone(kind: str, lengths: tuple[int, ...], engine: str) -> None:
    case = Case(kind, rows=len(lengths), layers=2, bidirectional=True, lengths=lengths)
    data, layer = make_data(case), numpy_layer(case, engine)
    output, state, tape = layer.forward(case.pack(data.xs[0], numpy_bptt), as_state(data.states))
    d_output = packed.pad_packed_sequence_backward(data.d_outputs[0], output)
    d_x, d_state, grads = layer.backward(tape, d_output, as_state(data.d_states))
    total = dict.fromkeys(grads, 0.0)
    for row, length in enumerate(lengths):
        alone = {k: s[:, row] for k, s in data.states.items()}
        y, state_1, tape = layer.forward(data.xs[0][:length, row], as_state(alone))
        d_y, d_n = data.d_outputs[0][:length, row], {k: d[:, row] for k, d in data.d_states.items()}
        d_x_1, d_state_1, grads_1 = layer.backward(tape, d_y, as_state(d_n))
        assert_close("output", unpack_sequence(output)[row], y)
        assert_close("d_x", unpack_sequence(d_x)[row], d_x_1)
        for whole, single in ((state, state_1), (d_state, d_state_1)):
            single = by_letter(case, single)
            for letter, part in by_letter(case, whole).items():
                assert_close(letter, part[:, row], single[letter])
        total = {name: total[name] + grads_1[name] for name in total}
    for name, grad in grads.items():
        assert_close(name, grad, total[name])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_packed_is_padded_where_all_rows_are_equally_long(kind: str, engine: str) -> None:
    padded = Case(kind, layers=2, bidirectional=True, batch_first=True)
    data, layer = make_data(padded), numpy_layer(padded, engine)
    output, _, tape = layer.forward(data.xs[0], as_state(data.states))
    whole = layer.backward(tape, data.d_outputs[0], as_state(data.d_states))
    x = pack_padded_sequence(data.xs[0], [5, 5, 5], batch_first=True)
    packed_output, _, tape = layer.forward(x, as_state(data.states))
    d_output = packed.pad_packed_sequence_backward(data.d_outputs[0], packed_output, batch_first=True)
    d_x, _, grads = layer.backward(tape, d_output, as_state(data.d_states))
    np.testing.assert_array_equal(pad_packed_sequence(packed_output, batch_first=True)[0], output)
    np.testing.assert_array_equal(pad_packed_sequence(d_x, batch_first=True)[0], whole[0])
    for name, grad in grads.items():
        np.testing.assert_array_equal(grad, whole[2][name])


@pytest.mark.parametrize("engine", ENGINES)
def test_the_backward_direction_starts_at_each_rows_own_end(engine: str) -> None:
    # h' = x + h: forward, the output is the sum of what was read so far; backward, of what is still to come.
    layer = numpy_bptt.RNN(1, 1, 1, "relu", False, bidirectional=True, dtype=np.float64, engine=engine)
    layer.load_state_dict({name: [[1.0]] for name in layer.state_dict()})
    padded = np.array([[1.0, 2, 0], [10, 20, 30]])[:, :, None]
    x = pack_padded_sequence(padded, [2, 3], batch_first=True, enforce_sorted=False)
    state = np.array([[[100.0], [200]], [[1000.0], [2000]]])  # in the caller's order
    output, h_n = layer(x, state)
    short, long = unpack_sequence(output)
    assert short.tolist() == [[101, 1003], [103, 1002]]
    assert long.tolist() == [[210, 2060], [230, 2050], [260, 2030]]
    assert h_n.tolist() == [[[103], [260]], [[1003], [2060]]]


def test_generators_and_mixed_dtypes() -> None:
    """An iterable is read once; the dtype is the one that holds every sequence."""
    given = [np.array([1, 2, 3], np.float32), np.array([0.1])]
    packed = pack_sequence(sequence for sequence in given)
    assert packed.data.tolist() == [1, 0.1, 2, 3]
    assert packed.data.dtype == np.float64
    assert pad_sequence(sequence for sequence in given[::-1]).tolist() == [[0.1, 1], [0, 2], [0, 3]]


def test_functions_leave_their_arguments_alone() -> None:
    padded, lengths = RNG.normal(size=(4, 3, 2)), np.array([1, 4, 2])
    before = padded.copy()
    for array in (padded, lengths):
        array.setflags(write=False)
    p = pack_padded_sequence(padded, lengths, enforce_sorted=False)
    for result in (*unpad_sequence(padded, lengths), pad_packed_sequence(p)[0], last_step(p), p.data):
        assert not np.shares_memory(result, padded)
        result[...] = 0
    assert padded.shape == (4, 3, 2)
    np.testing.assert_array_equal(padded, before)
    assert invert_permutation(None) is None


@pytest.mark.parametrize(("kind", "proj"), [*((kind, 0) for kind in KINDS), ("lstm", 2)])
@pytest.mark.parametrize("lengths", [(5, 2, 2), (2, 5, 1), (3,)])
def test_last_step_of_two_directions_is_torchs_last_state(
    kind: str, lengths: tuple[int, ...], proj: int
) -> None:
    """The last layer of two: its forward direction ends at the last step, its backward one at the first."""
    case = Case(kind, rows=len(lengths), layers=2, bidirectional=True, lengths=lengths, proj=proj)
    data, theirs, width = make_data(case), oracle(case)["h_n"], proj or case.hidden
    output, _ = numpy_layer(case)(case.pack(data.xs[0], numpy_bptt), as_state(data.states))
    here = numpy_bptt.last_step(output, bidirectional=True)
    tensors = [None if each is None else torch.as_tensor(each) for each in output]
    twin = torch_autograd.last_step(torch_autograd.PackedSequence(*tensors), bidirectional=True)
    for both in (here, twin):
        assert_close("both", both, np.concatenate([theirs[-2], theirs[-1]], axis=1))
    assert_close("forward", last_step(output)[:, :width], theirs[-2])
    assert not np.allclose(last_step(output)[:, width:], theirs[-1])
