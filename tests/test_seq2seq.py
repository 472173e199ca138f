"""The seq2seq model of both trees against the one on torch.nn: loss, every gradient, decoding."""

import copy
import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from numpy import ndarray

from reference.seq2seq import Seq2Seq as Reference
from scratch_rnn.numpy_bptt.models.seq2seq import Seq2Seq as ByHand
from scratch_rnn.parity.contenders import CONTENDERS
from scratch_rnn.parity.seq2seq import EOS, SOS, Case, first_weights, make_batch, make_model, run
from scratch_rnn.torch_autograd.models.seq2seq import Seq2Seq as Autograd
from tests.cases import seq2seq_cases
from tests.parity import assert_all_close

TREES = ["numpy", "torch"]
ALL = [*TREES, "reference"]


@given(case=seq2seq_cases())
def test_loss_and_every_gradient_are_the_oracles(case: Case) -> None:
    assert_parity(case)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_two_layers_and_two_directions(cell: str) -> None:
    """Each array of the state has a bridge, and each bridge its own input. The property seldom draws this."""
    assert_parity(Case(cell, 2, True, teacher_forcing=0.5, truncate=2))


def assert_parity(case: Case) -> None:
    batch = make_batch(case)
    oracle = run("reference", make_model("reference", case), batch, case.options)
    for tree, engine in CONTENDERS:
        ours = run(tree, make_model(tree, case, engine=engine), batch, case.options)
        assert list(ours) == list(oracle), "the names in the order of the parameters"
        assert_all_close(ours, oracle)


@pytest.mark.parametrize("tree", ALL)
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_batch_is_the_sum_of_its_rows(tree: str, cell: str) -> None:
    case = Case(cell, 2, True, teacher_forcing=0.5)
    model, (source, source_lengths, target, target_lengths) = make_model(tree, case), make_batch(case)
    whole = run(tree, model, (source, source_lengths, target, target_lengths), case.options)
    total = dict.fromkeys(whole, np.zeros(()))
    for n in range(len(source)):
        row = source[n : n + 1], source_lengths[n : n + 1], target[n : n + 1], target_lengths[n : n + 1]
        alone = run(tree, model, row, case.options)
        total = {name: total[name] + alone[name] for name in whole}
    assert_all_close(whole, total)


@pytest.mark.parametrize("tree", TREES)
def test_padding_changes_nothing(tree: str) -> None:
    case = Case("lstm", 2, True, teacher_forcing=0.5, divide_by="tokens")
    model, (source, source_lengths, target, target_lengths) = make_model(tree, case), make_batch(case)
    plain = run(tree, model, (source, source_lengths, target, target_lengths), case.options)
    wider = [np.pad(tokens, ((0, 0), (0, 3)), constant_values=10**6) for tokens in (source, target)]
    padded = run(tree, model, (wider[0], source_lengths, wider[1], target_lengths), case.options)
    assert_all_close(padded, plain, bound=0)
    for tokens, lengths in ((source, source_lengths), (target, target_lengths)):
        tokens[np.arange(tokens.shape[1]) >= np.array(lengths)[:, None]] = 3  # an index of both vocabularies
    assert_all_close(run(tree, model, make_batch(case), case.options), plain, bound=0)
    filled = run(tree, model, (source, source_lengths, target, target_lengths), case.options)
    assert_all_close(filled, plain, bound=0)


def large(case: Case) -> dict[str, ndarray]:
    """Weights large enough for the predicted rows to differ."""
    return {name: 3 * array for name, array in first_weights(case).items()}


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_greedy_batch_is_its_rows_and_the_oracles(cell: str, bidirectional: bool) -> None:
    case = Case(cell, 2, bidirectional, source_lengths=(2, 5, 1, 5, 3, 4, 2, 1), target_lengths=(1,))
    source, lengths, _, _ = make_batch(case)
    weights = large(case)
    oracle = make_model("reference", case, weights).greedy(source, lengths, 7)
    for tree in TREES:
        model = make_model(tree, case, weights)
        batch = model.greedy(source, lengths, 7)
        alone = [model.greedy(source[n : n + 1], lengths[n : n + 1], 7)[0] for n in range(len(source))]
        assert batch == alone == oracle
        assert all((len(row.tokens) == 7) == (row.stopped == "max_length") for row in batch)
    assert len({tuple(row.tokens) for row in oracle}) > 1


@pytest.mark.parametrize("tree", ALL)
def test_greedy_reports_what_stopped_it(tree: str) -> None:
    """A head without weights always predicts the token with the largest bias: <EOS>, or another one."""
    case = Case()
    source, lengths, _, _ = make_batch(case)
    for constant, tokens, stopped in ((EOS, [], "eos"), (4, [4, 4, 4], "max_length")):
        weights = first_weights(case)
        weights["decoder.head.weight"] = np.zeros_like(weights["decoder.head.weight"])
        weights["decoder.head.bias"] = np.eye(case.target_size)[constant]
        predicted = make_model(tree, case, weights).greedy(source, lengths, 3)
        assert [tuple(row) for row in predicted] == [(tokens, stopped)] * 4


@pytest.mark.parametrize(("tree", "package"), [("numpy", "numpy_bptt"), ("torch", "torch_autograd")])
def test_greedy_stops_when_every_row_has_ended(
    tree: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = importlib.import_module(f"scratch_rnn.{package}.models.seq2seq")
    one_step, calls = loop.step, []

    def counted(*given: Any) -> Any:
        calls.append(given)
        return one_step(*given)

    monkeypatch.setattr(loop, "step", counted)
    case = Case(seed=172)  # every row predicts <EOS>, no two at the same step
    source, lengths, _, _ = make_batch(replace(case, target_lengths=(1,)))
    predicted = make_model(tree, case, large(case)).greedy(source, lengths, 100)
    ends = [len(row.tokens) for row in predicted]
    assert len(set(ends)) == len(ends)
    assert len(calls) == max(ends) + 1 < 20


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_both_torch_models_draw_the_same_weights(cell: str, bidirectional: bool) -> None:
    drawn = []
    for kind in (Autograd, Reference):
        torch.manual_seed(3)
        model: Any = kind(cell, 11, 9, 4, 6, 2, bidirectional=bidirectional, sos=SOS, eos=EOS)
        drawn.append(model.state_dict())
    assert list(drawn[0]) == list(drawn[1])
    assert all(torch.equal(drawn[0][name], drawn[1][name]) for name in drawn[1])


def test_names_are_the_oracles() -> None:
    model = ByHand("lstm", 11, 9, 4, 6, bidirectional=True, sos=SOS, eos=EOS)
    names = [name for name in model.state_dict() if "rnn" not in name]
    assert names == [
        "encoder.embedding.weight",
        "encoder.bridge_h.weight",
        "encoder.bridge_h.bias",
        "encoder.bridge_c.weight",
        "encoder.bridge_c.bias",
        "decoder.embedding.weight",
        "decoder.head.weight",
        "decoder.head.bias",
    ]
    assert list(model.state_dict()) == list(first_weights(Case("lstm", 1, True)))


def test_later_calls_do_not_change_a_tape() -> None:
    case = Case("lstm", 2, True, truncate=2)
    model, batch = make_model("numpy", case), make_batch(case)
    first = run("numpy", model, batch, case.options)
    loss, tape = model.forward(*batch, **case.options)
    model.forward(*make_batch(Case(seed=1)))
    model.load_state_dict({name: array + 1 for name, array in model.state_dict().items()})
    batch[0][:], batch[2][:] = 0, 0
    assert_all_close({"loss": np.array(loss), **model.backward(tape)}, first, bound=0)
    assert_all_close({"loss": np.array(loss), **model.backward(tape)}, first, bound=0)
    twice = model.backward(tape, d_loss=2.0)
    assert_all_close(twice, {name: 2 * d for name, d in first.items() if name != "loss"})


@pytest.mark.parametrize("tree", ALL)
def test_loss_takes_and_returns_no_state(tree: str) -> None:
    case = Case()
    model, batch = make_model(tree, case), make_batch(case)
    plain = model(*batch, 1.0, None, "tokens")
    loss, state, *_ = model.loss(*batch, 1.0, None, "tokens", None)
    assert (loss, state) == (plain, None)


def test_float32_stays_float32() -> None:
    case = Case("lstm", 2, True, divide_by="tokens")
    model = ByHand("lstm", *case.sizes, bidirectional=True, sos=SOS, eos=EOS)
    model.load_state_dict(first_weights(case))
    exact = run("numpy", make_model("numpy", case), make_batch(case), case.options)
    single = run("numpy", model, make_batch(case), case.options)
    for name, array in single.items():
        assert name == "loss" or array.dtype == np.float32, name
        # float32 has 7 digits; sums over steps, rows and layers add rounding: 1e-5
        np.testing.assert_allclose(array, exact[name], rtol=0, atol=1e-5 * max(1, np.abs(exact[name]).max()))


@pytest.mark.parametrize("tree", ALL)
def test_a_model_can_be_copied(tree: str) -> None:
    case = Case("lstm", 2, True)
    model, batch = make_model(tree, case), make_batch(case)
    before = run(tree, model, batch, case.options)
    twin = copy.deepcopy(model)
    model.load_state_dict({name: 0 * array for name, array in model.state_dict().items()})
    assert_all_close(run(tree, twin, batch, case.options), before, bound=0)
