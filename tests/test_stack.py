"""Dropout between layers: where it acts, how much it drops, and the same masks in the backward pass."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from numpy import ndarray

from scratch_rnn import numpy_bptt, torch_autograd
from scratch_rnn.numpy_bptt.packed import pack_padded_sequence_backward, pad_packed_sequence_backward
from scratch_rnn.parity.cases import KINDS, Case, make_data
from scratch_rnn.parity.contenders import ENGINES, as_state, by_letter, numpy_layer
from tests.parity import assert_all_close, assert_close

FORMS = {
    "padded": Case("rnn_tanh", layers=3),
    "two directions": Case("rnn_tanh", layers=3, bidirectional=True, batch_first=True),
    "packed": Case("rnn_tanh", layers=3, bidirectional=True, lengths=(2, 5, 1)),
    "unbatched": Case("rnn_tanh", layers=2, rows=None, bidirectional=True),
}
SEVERAL = pytest.mark.parametrize("kind", KINDS)
EACH_FORM = pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
EACH_ENGINE = pytest.mark.parametrize("engine", ENGINES)


def torch_with_masks(case: Case, masks: list[ndarray | None]) -> dict[str, Any]:
    """The same stack made of one torch.nn layer per level, with the given masks multiplied between them."""
    data, results, leaves = make_data(case), {}, {}
    states = {k: torch.tensor(s, requires_grad=True) for k, s in data.states.items()}
    leaves["d_x"] = torch.tensor(data.xs[0], requires_grad=True)
    x, ends = case.pack(leaves["d_x"], torch.nn.utils.rnn), []
    for k, mask in enumerate(masks):
        if mask is not None:
            x = _multiply(case, x, torch.tensor(mask))
        inputs = (1 + case.bidirectional) * case.hidden if k else case.inputs
        level = replace(case, layers=1, inputs=inputs)
        layer = getattr(torch.nn, case.name)(**level.arguments, dtype=torch.float64)
        names = {name: name.replace("_l0", f"_l{k}") for name, _ in layer.named_parameters()}
        layer.load_state_dict({name: torch.tensor(data.params[full]) for name, full in names.items()})
        leaves |= {f"d_{names[name]}": p for name, p in layer.named_parameters()}
        own = slice(k * (1 + case.bidirectional), (k + 1) * (1 + case.bidirectional))
        x, state_n = layer(x, as_state({letter: s[own] for letter, s in states.items()}))
        ends.append(by_letter(case, state_n))
    results["output"] = case.pad(x, torch.nn.utils.rnn)
    results |= {f"{letter}_n": torch.cat([end[letter] for end in ends]) for letter in states}
    leaves |= {f"d_{letter}0": s for letter, s in states.items()}
    cotangents = [torch.tensor(d) for d in (data.d_outputs[0], *data.d_states.values())]
    grads = torch.autograd.grad(list(results.values()), list(leaves.values()), cotangents)
    return {name: value.detach().numpy() for name, value in results.items()} | {
        name: grad.numpy() for name, grad in zip(leaves, grads, strict=True)
    }


def _multiply(case: Case, x: Any, mask: Any) -> Any:
    """A mask of rows (R, O), on an input in the caller's layout."""
    if case.lengths is not None:
        return x._replace(data=x.data * mask)
    mask = mask.reshape(case.steps, case.rows or 1, -1)
    return x * (mask[:, 0] if case.rows is None else mask.transpose(0, 1) if case.batch_first else mask)


@SEVERAL
@EACH_FORM
@EACH_ENGINE
def test_numpy_backward_uses_the_masks_of_forward(kind: str, form: Case, engine: str) -> None:
    case = replace(form, kind=kind)
    data = make_data(case)
    layer = numpy_layer(case, engine, dropout=0.4, rng=np.random.default_rng(3))
    x = case.pack(data.xs[0], numpy_bptt)
    output, state, tape = layer.forward(x, as_state(data.states))
    masks = list(tape.stack.masks)
    assert masks[0] is None
    assert not any(np.array_equal(a, b) for a, b in combinations(masks[1:], 2))
    assert {0.0, 1 / 0.6} == {value for mask in masks[1:] for value in mask.ravel().tolist()}
    d_output: Any = data.d_outputs[0]
    if case.lengths is not None:
        d_output = pad_packed_sequence_backward(d_output, output, case.batch_first)
    d_x, d_state, grads = layer.backward(tape, d_output, as_state(data.d_states))
    if case.lengths is not None:
        d_x = pack_padded_sequence_backward(d_x, case.steps, case.batch_first)
    ours = {"output": case.pad(output, numpy_bptt), "d_x": d_x}
    ours |= {f"{k}_n": s for k, s in by_letter(case, state).items()}
    ours |= {f"d_{k}0": d for k, d in by_letter(case, d_state).items()}
    assert_all_close(ours | {f"d_{name}": d for name, d in grads.items()}, torch_with_masks(case, masks))


@EACH_ENGINE
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_is_p(engine: str, p: float) -> None:
    case = Case("gru", steps=10, rows=50, hidden=60, layers=2)
    _, _, tape = numpy_layer(case, engine, dropout=p, rng=np.random.default_rng(0)).forward(
        make_data(case).xs[0]
    )
    mask = tape.stack.masks[1]
    assert abs((mask == 0).mean() - p) < 4 * np.sqrt(p * (1 - p) / mask.size)
    assert abs(mask.mean() - 1) < 4 * np.sqrt(p / (1 - p) / mask.size)
    assert np.ptp((mask == 0).mean(axis=0)) < 0.2  # every unit is dropped at its own steps


@EACH_ENGINE
@EACH_FORM
def test_p_of_1_drops_everything(engine: str, form: Case) -> None:
    case, data = replace(form, kind="lstm"), make_data(replace(form, kind="lstm"))
    layer = numpy_layer(case, engine, dropout=1)
    x = case.pack(data.xs[0], numpy_bptt)
    output, _, tape = layer.forward(x)
    without_inputs = numpy_layer(case, engine)
    zeroed = {n: 0 * p for n, p in data.params.items() if "weight_ih" in n and "_l0" not in n}
    without_inputs.load_state_dict(data.params | zeroed)
    expected = without_inputs(x)[0]
    np.testing.assert_array_equal(case.pad(output, numpy_bptt), case.pad(expected, numpy_bptt))
    d_x, _, grads = layer.backward(tape, output)
    assert not np.any(d_x.data if case.lengths else d_x)
    last = f"_l{case.layers - 1}"
    assert all(np.any(grad) == (last in name) for name, grad in grads.items() if "bias" in name)


@EACH_ENGINE
def test_only_forward_in_training_mode_drops(engine: str) -> None:
    case = Case("gru", layers=2)
    x, layer = make_data(case).xs[0], numpy_layer(case, engine, dropout=0.5, rng=np.random.default_rng(1))
    plain, dropped = layer(x)[0], layer.forward(x)[0]
    assert np.any(plain != dropped)
    assert np.any(layer.forward(x)[0] != dropped)  # a new mask each time
    np.testing.assert_array_equal(layer(x)[0], plain)
    assert layer.eval() is layer
    np.testing.assert_array_equal(layer.forward(x)[0], plain)
    assert layer.train() is layer
    assert np.any(layer.forward(x)[0] != plain)
    undropped = numpy_layer(case, engine)
    np.testing.assert_array_equal(undropped.forward(x)[0], plain)


@EACH_ENGINE
def test_the_same_seed_draws_the_same_masks(engine: str) -> None:
    case = Case("lstm", layers=3, lengths=(2, 5, 1))
    x = case.pack(make_data(case).xs[0], numpy_bptt)
    first, second, other = (
        numpy_layer(case, engine, dropout=0.5, rng=np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    for _ in range(2):
        output = first.forward(x)[0].data
        np.testing.assert_array_equal(output, second.forward(x)[0].data)
        assert np.any(output != other.forward(x)[0].data)


@SEVERAL
@EACH_FORM
@EACH_ENGINE
@pytest.mark.parametrize(("p", "training"), [(0.4, True), (1.0, True), (0.4, False)])
def test_torch_layers_draw_the_masks_of_torch_nn(
    kind: str, form: Case, engine: str, p: float, training: bool
) -> None:
    case, results = replace(form, kind=kind), []
    data = make_data(case)
    for library, packing, options in (
        (torch.nn, torch.nn.utils.rnn, {}),
        (torch_autograd, torch_autograd, {"engine": engine}),
    ):
        layer = getattr(library, case.name)(**case.arguments, dropout=p, dtype=torch.float64, **options)
        layer.load_state_dict({name: torch.tensor(v) for name, v in data.params.items()})
        x = torch.tensor(data.xs[0], requires_grad=True)
        layer.train(training)
        torch.manual_seed(7)
        output = case.pad(layer(case.pack(x, packing))[0], packing)
        drawn = torch.get_rng_state()
        output.backward(torch.tensor(data.d_outputs[0]))
        results.append((drawn, output.detach(), x.grad, {n: q.grad for n, q in layer.named_parameters()}))
    (drawn, *theirs), (drawn_too, *ours) = results
    assert torch.equal(drawn, drawn_too)
    assert_close("output", ours[0], theirs[0])
    assert_close("d_x", ours[1], theirs[1])
    assert_all_close(ours[2], theirs[2])
    assert bool((ours[1] == 0).all()) == (p == 1 and training)
