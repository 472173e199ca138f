"""Lab memory: the adding problem, and how far the gradient reaches before training."""

from typing import Any

import numpy as np
import pytest
import torch

from docs import memory_table
from scratch_rnn import numpy_bptt
from scratch_rnn.cli.app import make
from scratch_rnn.labs.harness.implementations import first_weights
from scratch_rnn.labs.memory import BASELINE, CELLS, draw, gradient_norms, label, with_forget_bias
from scratch_rnn.torch_autograd import gru, lstm, rnn
from tests.labs.running import assert_one_curve, lab, refused, run


def test_two_steps_are_marked_one_in_each_half() -> None:
    x, target = draw(np.random.default_rng(0), rows=200, length=9)
    values, marks = x[..., 0], x[..., 1]
    assert set(np.unique(marks)) == {0.0, 1.0}
    assert (marks[:, :4].sum(axis=1) == 1).all()
    assert (marks[:, 4:].sum(axis=1) == 1).all()
    np.testing.assert_allclose(target[:, 0], values[marks == 1].reshape(200, 2).sum(axis=1))
    assert {tuple(row) for row in np.argwhere(marks[:, :4])[:, 1:]} == {(0,), (1,), (2,), (3,)}


def test_the_baseline_is_the_variance_of_the_sum() -> None:
    _, target = draw(np.random.default_rng(0), rows=200_000, length=2)
    assert ((target - 1) ** 2).mean() == pytest.approx(BASELINE, rel=0.02)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_one_curve(cell: str) -> None:
    report = lab("memory", "--cell", cell, "--steps", 5, "--length", 7, "--hidden", 6, "--layers", 2)
    assert_one_curve(report)
    errors = [each["result"]["mse"] for each in report["runs"]]
    assert errors == pytest.approx([errors[0]] * 3, rel=1e-9)


def test_steps_see_new_sequences_and_the_test_rows_are_others() -> None:
    chosen = make("memory", {})
    first, again, second = (chosen.batch(step)[0] for step in (0, 0, 1))  # type: ignore[attr-defined]
    np.testing.assert_array_equal(first, again)
    assert not np.isin(second, first).all()


def test_the_forget_bias_is_added_to_the_block_of_f_in_every_layer() -> None:
    with_bias, without = (
        first_weights(make("memory", {"forget_bias": bias, "layers": 2, "hidden": 3})) for bias in (2.5, 0.0)
    )
    for name in without:
        added = np.zeros_like(without[name])
        if name in ("rnn.bias_ih_l0", "rnn.bias_ih_l1"):
            added[3:6] = 2.5
        np.testing.assert_array_equal(with_bias[name], without[name] + added)
    default = first_weights(make("memory", {"hidden": 3}))
    zero = first_weights(make("memory", {"hidden": 3, "forget_bias": 0.0}))
    np.testing.assert_array_equal(
        default["rnn.bias_ih_l0"] - zero["rnn.bias_ih_l0"] > 0.5, np.arange(12) // 3 == 1
    )


def test_only_an_lstm_has_a_forget_bias() -> None:
    said = refused("lab", "memory", "--cell", "gru", "--forget-bias", 1)
    assert said == "--forget-bias: expected --cell lstm, got --cell gru"


def test_an_lstm_with_a_forget_bias_learns_what_an_rnn_does_not() -> None:
    learned = run("memory", engine="fused").result["mse"]
    stayed = run("memory", cell="rnn", engine="fused").result["mse"]
    assert learned < 0.01
    assert stayed > 0.9 * BASELINE


@pytest.mark.parametrize(("cell", "bias"), [("rnn", 0.0), ("gru", 0.0), ("lstm", 1.0)])
def test_the_norms_are_those_of_autograd(cell: str, bias: float) -> None:
    """The same draws, the torch cell step by step, and autograd's gradient of every h."""
    length, hidden = 6, 4
    rng = np.random.default_rng(0)
    weights = getattr(numpy_bptt, cell.upper())(2, hidden, dtype=np.float64, rng=rng).state_dict()
    if cell == "lstm":
        weights["bias_ih_l0"] = with_forget_bias(weights["bias_ih_l0"], bias)
    x, _ = draw(rng, 32, length)
    module: Any = {"rnn": rnn, "gru": gru, "lstm": lstm}[cell]
    params = module.Params(**{name.removesuffix("_l0"): torch.tensor(p) for name, p in weights.items()})
    state = module.State(*(torch.zeros(32, hidden, dtype=torch.float64) for _ in module.State._fields))
    hs = []
    for x_t in torch.tensor(x).transpose(0, 1):
        state = module.step(x_t, state, params)
        state = state._replace(h=state.h.requires_grad_())
        hs.append(state.h)
    cotangent = torch.tensor(rng.normal(size=(32, hidden)))
    grads = torch.autograd.grad(hs[-1], hs, cotangent)
    norms = np.array([float(d.norm(dim=1).mean()) for d in grads[::-1]])
    np.testing.assert_allclose(gradient_norms(cell, bias, length, hidden, 0), norms / norms[0], rtol=1e-10)


def test_the_gradient_vanishes_in_an_rnn_and_reaches_far_with_a_forget_bias() -> None:
    vanished, kept = (gradient_norms(*cell, 40, 32, 0)[-1] for cell in (("rnn", 0.0), ("lstm", 3.0)))
    assert vanished < 1e-8
    assert kept > 1e-2


def test_the_table_has_a_row_for_every_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_table, "error", lambda cell, bias, seed: float(seed))
    lines = memory_table.table().splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:-1]] == [label(*c) for c in CELLS]
    assert all("| 1.0000 |" in line for line in lines[2:-1]), "the median of 0, 1 and 2"


@pytest.mark.parametrize("bias", ["1e31", "-1e300"])
def test_a_forget_bias_that_float32_cannot_hold(bias: str) -> None:
    """The first weights are drawn in float32."""
    assert refused("lab", "memory", "--forget-bias", bias).startswith("memory: expected --forget-bias of at ")


@pytest.mark.parametrize("options", [("--batch-size", 2**63), ("--length", 10**30), ("--length", 2**29)])
def test_more_sequences_than_can_be_drawn(options: tuple[object, ...]) -> None:
    error = refused("lab", "memory", *options)
    assert error.startswith("memory: expected at most 268,435,456 steps of all sequences, got ")
