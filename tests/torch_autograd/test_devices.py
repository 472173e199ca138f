"""Every new tensor is on the device of the input: on meta, on a GPU, and under another default device.

The GPU is a fake one: its tensors have a device, a dtype and a shape, but no numbers. With a default
device that no argument is on, a tensor created without `device=` is found by its device.
"""

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call

import scratch_rnn.torch_autograd as here
from scratch_rnn.parity import seq2seq
from tests.torch_autograd.surface import CELLS, LAYERS, assert_same, normal, state_of, tensors


class Form(NamedTuple):
    """One way to call one class."""

    name: str
    layout: str
    state: bool
    options: dict[str, Any]

    def input(self) -> Any:
        x = normal(*{"one row": (3,), "rows": (2, 3), "unbatched": (5, 3)}.get(self.layout, (2, 5, 3)))
        if self.layout == "sorted":
            return here.pack_padded_sequence(x, [5, 2], batch_first=True)
        if self.layout == "unsorted":
            return here.pack_padded_sequence(x, [2, 5], batch_first=True, enforce_sorted=False)
        return x

    def first_state(self) -> Any:
        if not self.state:
            return None
        rows = () if self.layout in ("one row", "unbatched") else (2,)
        return state_of(self.name, *rows, 4) if self.name in CELLS else state_of(self.name, 4, *rows, 4)

    def module(self, device: str) -> Any:
        return getattr(here, self.name)(3, 4, **self.options, dtype=torch.float64, device=device)


LAYOUTS = ["padded", "unbatched", "sorted", "unsorted"]
DEEP = {"num_layers": 2, "bidirectional": True, "batch_first": True, "dropout": 0.5}
FORMS = [
    Form(name, layout, state, {})
    for name in CELLS
    for layout in ("rows", "one row")
    for state in (False, True)
]
FORMS += [Form(name, layout, state, DEEP) for name in LAYERS for layout in LAYOUTS for state in (False, True)]
FORMS += [Form("LSTM", layout, False, DEEP | {"proj_size": 2}) for layout in LAYOUTS]
FORMS += [Form("RNN", layout, False, DEEP | {"nonlinearity": "relu", "bias": False}) for layout in LAYOUTS]
FUSED = [Form(name, "rows", True, {"engine": "fused"}) for name in CELLS]
FUSED += [Form(name, "unsorted", True, DEEP | {"engine": "fused"}) for name in LAYERS]
"""On a fake GPU, torch without CUDA cannot do the in-place products of the fused engine."""


def called(forms: list[Form]) -> pytest.MarkDecorator:
    """One test per form."""
    return pytest.mark.parametrize("form", forms, ids=lambda f: f"{f.name} {f.layout} {'h' * f.state}")


def moved(value: Any, device: str) -> Any:
    """The same structure on another device, without numbers; batch_sizes stay where they are."""
    if isinstance(value, Tensor):
        return torch.empty(value.shape, dtype=value.dtype, device=device)
    if isinstance(value, here.PackedSequence):
        indices = [moved(i, device) for i in value[2:]]
        return here.PackedSequence(moved(value.data, device), value.batch_sizes, *indices)
    return None if value is None else tuple(moved(part, device) for part in value)


def devices(result: Any) -> set[str]:
    """Where everything is but batch_sizes, which are on the CPU."""
    if isinstance(result, here.PackedSequence):
        assert result.batch_sizes.device.type == "cpu"
        return devices((result.data, *result[2:]))
    if isinstance(result, tuple):
        return {device for part in result for device in devices(part)}
    return set() if result is None else {result.device.type}


@called(FORMS + FUSED)
def test_forward_on_meta(form: Form) -> None:
    module, real = form.module("meta"), form.module("cpu")
    x, h = form.input(), form.first_state()
    result = module(moved(x, "meta"), moved(h, "meta"))
    assert devices(result) == {"meta"}
    shapes = [[(tuple(y.shape), y.dtype) for y in tensors(r)] for r in (result, real(x, h))]
    assert shapes[0] == shapes[1]


@called(FORMS)
def test_forward_on_a_fake_gpu(form: Form) -> None:
    module, x, h = form.module("meta"), form.input(), form.first_state()
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        weights = {name: moved(p, "cuda") for name, p in module.named_parameters()}
        arguments = (moved(x, "cuda"), moved(h, "cuda"))
        with torch.device("meta"):
            result = functional_call(module, weights, arguments)
    assert devices(result) == {"cuda"}


@called(FORMS + FUSED)
def test_the_default_device_is_not_used(form: Form) -> None:
    module, x, h = form.module("cpu").eval(), form.input(), form.first_state()
    expected = module(x, h)
    with torch.device("meta"):
        result = module(x, h)
    assert_same(result, expected)


@pytest.mark.parametrize("sorted_", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_packing_on_meta_and_under_a_default_device(sorted_: bool, batch_first: bool) -> None:
    lengths, x = ([5, 2] if sorted_ else [2, 5]), normal(2, 5, 3)
    x = x if batch_first else x.transpose(0, 1)
    expected = here.pack_padded_sequence(x, lengths, batch_first, sorted_)
    with torch.device("meta"):
        packed = here.pack_padded_sequence(x, lengths, batch_first, sorted_)
        padded, found = here.pad_packed_sequence(packed, batch_first, total_length=7)
        rows, last = here.unpack_sequence(packed), here.last_step(packed)
        again = here.pack_sequence(rows, sorted_)
    assert devices((packed, padded, found, last, *rows, again)) == {"cpu"}
    assert packed.batch_sizes.tolist() == expected.batch_sizes.tolist() == [2, 2, 1, 1, 1]
    assert found.tolist() == lengths
    away = here.pack_padded_sequence(moved(x, "meta"), lengths, batch_first, sorted_)
    assert devices(away) == {"meta"}
    padded, found = here.pad_packed_sequence(away._replace(unsorted_indices=None), batch_first)
    assert (padded.device.type, found.device.type) == ("meta", "cpu")
    assert devices(here.pad_sequence([moved(x, "meta")], padding_side="left")) == {"meta"}


def test_padding_on_a_fake_gpu() -> None:
    packed = here.pack_padded_sequence(normal(5, 2, 3), [2, 5], enforce_sorted=False)
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        padded, lengths = here.pad_packed_sequence(moved(packed, "cuda"), total_length=7)
        stacked = here.pad_sequence([moved(normal(3), "cuda"), moved(normal(2), "cuda")])
    assert (padded.device.type, lengths.device.type, stacked.device.type) == ("cuda", "cpu", "cuda")


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_seq2seq_does_not_use_the_default_device(cell: str) -> None:
    case = seq2seq.Case(cell, 2, True)
    model, batch = seq2seq.make_model("torch", case), seq2seq.make_batch(case)
    expected = model(*batch), model.greedy(*batch[:2], 5)
    with torch.device("meta"):
        found = model(*batch), model.greedy(*batch[:2], 5)
    assert found == expected
