"""PackedSequence has torch's fields and methods, and its copies have its own class."""

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils import rnn as theirs
from torch.utils import _pytree as pytree

import scratch_rnn.torch_autograd as ours
from tests.torch_autograd.surface import normal
from tests.torch_autograd.test_packed import assert_equal

BOTH: tuple[Any, Any] = (theirs, ours)


def packed(library: Any = ours, unsorted: bool = True) -> Any:
    """Six rows of data: sequences of 1, 3 and 2 steps."""
    lengths = [1, 3, 2] if unsorted else [3, 2, 1]
    return library.pack_padded_sequence(normal(3, 3, 2), lengths, enforce_sorted=not unsorted)


def test_it_is_a_tuple_of_four_and_its_copies_have_its_class() -> None:
    batch = packed()
    data, batch_sizes, sorted_indices, unsorted_indices = batch
    assert batch._fields == theirs.PackedSequence._fields == ours.PackedSequence._fields
    assert (data is batch.data, batch_sizes is batch.batch_sizes) == (True, True)
    assert torch.equal(sorted_indices[unsorted_indices], torch.arange(3))
    copies: list[Any] = [copy.copy(batch), copy.deepcopy(batch), pickle.loads(pickle.dumps(batch))]
    copies += [batch._replace(data=data.clone()), pytree.tree_map(torch.clone, batch)]
    for other in copies:
        assert type(other) is ours.PackedSequence
        assert_equal(tuple(other), tuple(batch))
    assert repr(batch) == repr(packed(theirs))
    assert isinstance(batch, tuple)


@pytest.mark.parametrize("form", ["two", "three", "four", "named", "pair", "list"])
def test_forms_of_construction(form: str) -> None:
    data, batch_sizes, sorted_indices, unsorted_indices = packed()
    named = {"data": data, "batch_sizes": batch_sizes, "unsorted_indices": unsorted_indices}
    made = [
        {
            "two": lambda kind: kind(data, batch_sizes),
            "three": lambda kind: kind(data, batch_sizes, sorted_indices),
            "four": lambda kind: kind(data, batch_sizes, sorted_indices, unsorted_indices),
            "named": lambda kind: kind(**named),
            "pair": lambda kind: kind((data, batch_sizes)),
            "list": lambda kind: kind([data, batch_sizes], None, sorted_indices),
        }[form](library.PackedSequence)
        for library in BOTH
    ]
    assert_equal(tuple(made[1]), tuple(made[0]))
    assert made[1].data is data
    assert made[1].batch_sizes is batch_sizes


CONVERSIONS = ["double", "float", "half", "long", "int", "short", "char", "byte", "cpu"]


@pytest.mark.parametrize("unsorted", [True, False])
@pytest.mark.parametrize("method", CONVERSIONS)
def test_conversions_change_data_alone(method: str, unsorted: bool) -> None:
    batch, expected = packed(unsorted=unsorted), packed(theirs, unsorted)
    converted = getattr(batch, method)()
    assert_equal(tuple(converted), tuple(getattr(expected, method)()))
    assert (converted is batch) == (getattr(expected, method)() is expected)
    assert all(a is b for a, b in zip(converted[1:], batch[1:], strict=True))
    assert type(converted) is ours.PackedSequence


TO: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("meta",), {}),
    (("meta", torch.float16), {}),
    ((torch.float32,), {"non_blocking": True}),
    ((), {"device": "meta"}),
    ((torch.zeros(1, device="meta"),), {}),
    ((torch.float64,), {}),
]


@pytest.mark.parametrize(("arguments", "options"), TO)
def test_to_moves_the_indices_and_never_batch_sizes(arguments: Any, options: Any) -> None:
    moved, expected = (packed(library).to(*arguments, **options) for library in BOTH)
    for a, b in zip(moved, expected, strict=True):
        assert (a.device, a.dtype, a.shape) == (b.device, b.dtype, b.shape)
    assert moved.batch_sizes.device.type == "cpu"
    assert moved.is_cuda is expected.is_cuda is False


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("cuda", {}),
    ("cuda", {"non_blocking": True}),
    ("cuda", {"dtype": torch.float16}),
    ("cpu", {}),
    ("cpu", {"dtype": torch.float16}),
    ("cpu", {"device": "meta"}),
]


@pytest.mark.parametrize(("method", "options"), CALLS)
def test_cuda_and_cpu_move_to_the_same_device(monkeypatch: Any, method: str, options: Any) -> None:
    moved = []
    for library in BOTH:
        batch = packed(library)
        monkeypatch.setattr(library.PackedSequence, "to", lambda _, *a, **k: moved.append((a, k)))
        getattr(batch, method)(**options)
    assert moved[1] == moved[0]


def test_pinning_leaves_batch_sizes_where_they_are(monkeypatch: Any) -> None:
    monkeypatch.setattr(Tensor, "pin_memory", lambda tensor: tensor.clone())
    for library in BOTH:
        batch = packed(library)
        pinned = batch.pin_memory()
        assert [a is b for a, b in zip(pinned, batch, strict=True)] == [False, True, False, False]
        assert batch.is_pinned() is False


@pytest.mark.parametrize("unsorted", [True, False])
def test_torch_accepts_ours_as_its_own_class(unsorted: bool) -> None:
    ours_, torchs = packed(unsorted=unsorted), packed(theirs, unsorted)
    assert isinstance(ours_, theirs.PackedSequence)
    layer = torch.nn.LSTM(2, 4, dtype=torch.float64)
    output, state = layer(ours_)
    expected, expected_state = layer(torchs)
    assert_equal((tuple(output), state), (tuple(expected), expected_state))
    assert_equal(theirs.pad_packed_sequence(ours_), theirs.pad_packed_sequence(torchs))
    assert_equal(theirs.unpack_sequence(ours_), theirs.unpack_sequence(torchs))


def test_no_method_of_torchs_class_is_inherited() -> None:
    public = {name for name in vars(theirs.PackedSequence) if not name.startswith("_")}
    assert public <= set(vars(ours.PackedSequence))
    assert "__new__" in vars(ours.PackedSequence)


def test_there_is_no_method_more_or_less() -> None:
    public = [{n for n in dir(library.PackedSequence) if not n.startswith("_")} for library in BOTH]
    assert public[1] == public[0]
