"""RNN, LSTM and GRU are torch.nn's: constructors, attributes, parameters, forms of call, weights, copies."""

from typing import Any

import pytest
import torch

import scratch_rnn.torch_autograd as here
from tests.torch_autograd.surface import (
    CONSTRUCTED,
    LAYERS,
    OURS,
    THEIRS,
    assert_rounded_alike,
    assert_same,
    described,
    gradients,
    normal,
    pair,
    state_of,
    tensors,
)


@pytest.mark.parametrize(("name", "options"), CONSTRUCTED)
def test_constructed_alike_to_the_last_bit(name: str, options: dict[str, Any]) -> None:
    made = []
    for names in (THEIRS, OURS):
        torch.manual_seed(7)
        made.append(names[name](3, 4, **options))
    theirs, ours = made
    assert described(ours) == described(theirs)


@pytest.mark.parametrize(
    "code",
    [
        "RNN(3, 4, 2, 'relu')",
        "RNN(3, 4, 2, 'relu', False, True, .5, True)",
        "RNN(3, 4, 2, 'relu', False, True, .5, True, 0, 'cpu', float64)",
        "LSTM(3, 4, 2, False, True, .5, True, 2, 'cpu', float64)",
        "GRU(3, 4, 2, False, True, .5, True, 0, 'cpu', float64)",
        "GRU(hidden_size=4, input_size=3)",
    ],
)
def test_positional_arguments_mean_the_same(code: str) -> None:
    made = []
    for names in (THEIRS, OURS):
        torch.manual_seed(7)
        made.append(described(eval(code, names)))
    assert made[0] == made[1]


@pytest.mark.parametrize("name", LAYERS)
def test_nothing_public_is_missing_and_little_is_new(name: str) -> None:
    theirs, ours = pair(name, 3, 4)
    helpers = {"check_forward_args", "check_hidden_size", "check_input", "get_expected_cell_size"}
    helpers |= {"get_expected_hidden_size", "permute_hidden"}  # torch's own, undocumented
    public = [{n for n in dir(module) if not n.startswith("_")} for module in (theirs, ours)]
    assert public[0] - public[1] <= helpers
    assert public[1] - public[0] == {"cell", "engine"} | ({"reset_after"} if name == "GRU" else set())
    assert ours.flatten_parameters() is None


FORMS = {
    "time first": ((5, 2, 3), (2,), {}),
    "batch first": ((2, 5, 3), (2,), {"batch_first": True}),
    "unbatched": ((5, 3), (), {}),
    "unbatched, batch first": ((5, 3), (), {"batch_first": True}),
    "no rows": ((5, 0, 3), (0,), {}),
    "one step": ((1, 2, 3), (2,), {}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", LAYERS)
def test_forms_of_call(name: str, form: str) -> None:
    shape, rows, options = FORMS[form]
    theirs, ours = pair(name, 3, 4, 2, bidirectional=True, **options)
    x, h = normal(*shape), state_of(name, 4, *rows, 4)
    strided = torch.stack([x, x], dim=-1)[..., 0]
    one_row = normal(4, *[1] * len(rows), 4).expand(4, *rows, 4)
    expanded = (one_row, one_row) if name == "LSTM" else one_row
    for arguments in ((x,), (x, None), (x, h), (strided, h), (x, expanded)):
        assert_same(ours(*arguments), theirs(*arguments))
    if name == "LSTM":
        assert_same(ours(x, list(h)), theirs(x, list(h)))
    assert_same(ours(input=x, hx=h), theirs(input=x, hx=h))
    assert type(ours(x)[1]) is type(theirs(x)[1])


def test_an_unbatched_lstm_takes_its_two_states_stacked() -> None:
    theirs, ours = pair("LSTM", 3, 4)
    assert_same(ours(normal(5, 3), normal(2, 1, 4)), theirs(normal(5, 3), normal(2, 1, 4)))


def test_projection_changes_the_width_of_h_and_not_of_c() -> None:
    theirs, ours = pair("LSTM", 3, 4, 2, bidirectional=True, proj_size=2)
    state = (normal(4, 2, 2), normal(4, 2, 4))
    assert_same(ours(normal(5, 2, 3), state), theirs(normal(5, 2, 3), state))
    assert [tuple(s.shape) for s in ours(normal(5, 2, 3))[1]] == [(4, 2, 2), (4, 2, 4)]


@pytest.mark.parametrize("name", LAYERS)
def test_options_changed_after_construction_are_obeyed(name: str) -> None:
    theirs, ours = pair(name, 3, 4, 2, dropout=0.0)
    for module in (theirs, ours):
        module.batch_first, module.dropout = True, 0.5
    for training in (True, False):
        results = []
        for module in (theirs, ours):
            torch.manual_seed(3)
            results.append(module.train(training)(normal(2, 5, 3)))
        assert_same(results[1], results[0])


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("p", [0.3, 1.0])
def test_dropout_masks_equal_torchs(name: str, packed: bool, p: float) -> None:
    results = []
    for module, names in zip(pair(name, 3, 4, 3, bidirectional=True, dropout=p), (THEIRS, OURS), strict=True):
        x = normal(5, 2, 3)
        torch.manual_seed(3)
        results.append(module(names["pack_padded_sequence"](x, [5, 2]) if packed else x))
    assert_same(results[1], results[0])


@pytest.mark.parametrize("sorted_", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_a_packed_output_has_the_class_of_its_input(name: str, sorted_: bool) -> None:
    theirs, ours = pair(name, 3, 4, 2, bidirectional=True)
    lengths, h = ([5, 2] if sorted_ else [2, 5]), state_of(name, 4, 2, 4)
    for names in (THEIRS, OURS):
        packed = names["pack_padded_sequence"](normal(5, 2, 3), lengths, enforce_sorted=sorted_)
        output, state = ours(packed, h)
        assert type(output) is type(packed)
        assert output is not packed
        assert all(a is b for a, b in zip(output[1:], packed[1:], strict=True))
        expected = theirs(THEIRS["PackedSequence"](*packed), h)
        assert_same((output, state), expected)


TOLERANCE = {torch.float16: 5e-3, torch.bfloat16: 4e-2, torch.float32: 1e-6, torch.float64: 1e-12}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", LAYERS)
def test_dtypes_forward_and_backward(name: str, dtype: torch.dtype) -> None:
    theirs, ours = pair(name, 3, 4, 2, bidirectional=True, dtype=dtype)
    x, h = normal(5, 2, 3, dtype=dtype), state_of(name, 4, 2, 4, dtype=dtype)
    assert_rounded_alike(ours(x, h), theirs(x, h), TOLERANCE[dtype])
    assert {y.dtype for y in tensors(ours(x))} == {dtype}
    assert_rounded_alike(gradients(ours, ours(x, h)), gradients(theirs, theirs(x, h)), TOLERANCE[dtype])
    assert described(ours.half()) == described(theirs.half())


def test_a_subclass_and_a_model_around_it_work_as_with_torch() -> None:
    class Last(here.LSTM):
        def forward(self, input: Any, hx: Any = None) -> Any:
            return super().forward(input, hx)[1][0][-1]

    model = torch.nn.Sequential(Last(3, 4, batch_first=True), torch.nn.Linear(4, 2))
    loss = model(normal(2, 5, 3, dtype=torch.float32)).square().sum()
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    assert repr(model[0]) == "Last(3, 4, batch_first=True)"
