"""The sequence model of both trees against the one on torch.nn: loss, prediction, last state, gradients."""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray

import reference.sequence
from scratch_rnn.numpy_bptt.models.sequence import SequenceModel
from scratch_rnn.torch_autograd.models import sequence as torch_model
from tests.parity import assert_close

TREES: list[Any] = [torch_model.SequenceModel, reference.sequence.SequenceModel]
INPUTS, HIDDEN, CLASSES, OUTPUTS, ROWS, STEPS = 3, 5, 7, 4, 3, 6


@dataclass(frozen=True)
class Case:
    """The parts of a model, and the form of its input."""

    cell: str = "lstm"
    layers: int = 1
    embed: bool = False
    head: bool = True
    last: bool = False
    loss: str = "cross_entropy"
    lengths: tuple[int, ...] | None = None
    state: bool = False
    seed: int = field(default=0, compare=False)

    @property
    def arguments(self) -> tuple[Any, ...]:
        return self.cell, INPUTS, HIDDEN, self.layers

    @property
    def options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"last": self.last, "loss": self.loss}
        return (
            options | ({"embed": CLASSES} if self.embed else {}) | ({"outputs": OUTPUTS} if self.head else {})
        )


def data(case: Case) -> tuple[Any, Any, Any]:
    """(x, target, first state as a tuple of arrays or None)."""
    rng = np.random.default_rng(case.seed)
    lengths = case.lengths or (STEPS,) * ROWS
    width = OUTPUTS if case.head else HIDDEN
    xs: list[ndarray] = [
        rng.integers(0, CLASSES, n) if case.embed else rng.normal(size=(n, INPUTS)) for n in lengths
    ]
    shapes: list[tuple[int, ...]] = [() if case.last else (n,) for n in lengths]
    targets: list[ndarray]
    if case.loss == "cross_entropy":
        targets = [rng.integers(0, width, shape) for shape in shapes]
    else:
        targets = [rng.normal(size=(*shape, width)) for shape in shapes]
    states = tuple(rng.normal(size=(case.layers, len(lengths), HIDDEN)) for _ in "hc")
    state = states[: 2 if case.cell == "lstm" else 1] if case.state else None
    if case.lengths is None:
        return np.stack(xs), np.stack(targets), state
    return xs, np.stack(targets) if case.last else targets, state


def as_given(state: Any, make: Any) -> Any:
    """One array, as RNN and GRU take it, or a tuple."""
    parts = None if state is None else tuple(make(part) for part in state)
    return parts if parts is None or len(parts) > 1 else parts[0]


def listed(state: Any) -> list[Any]:
    parts = state if isinstance(state, tuple) else (state,)
    return [part.detach().numpy() if isinstance(part, torch.Tensor) else part for part in parts]


def assert_same(case: Case) -> None:
    x, target, state = data(case)
    ours = SequenceModel(*case.arguments, **case.options, dtype=np.float64, rng=np.random.default_rng(1))
    mine = as_given(state, np.array)
    loss, state_n, tape = ours.loss(x, target, mine)
    grads = ours.backward(tape)
    predicted, _ = ours.predict(x, mine)
    for tree in TREES:
        model = tree(*case.arguments, **case.options, dtype=torch.float64)
        assert list(model.state_dict()) == list(ours.state_dict())
        model.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
        given = as_given(state, torch.tensor)
        expected, last = model.loss(x, target, given)
        expected.backward()
        assert_close("loss", loss, float(expected.detach()), 1e-13)
        assert_close("prediction", predicted, model.predict(x, given)[0])
        for part, other in zip(listed(state_n), listed(last), strict=True):
            assert_close("last state", part, other)
        for name, parameter in model.named_parameters():
            assert_close(name, grads[name], parameter.grad.numpy())


CORNERS = [
    Case("rnn", head=False),
    Case("gru", layers=2, state=True),
    Case("lstm", layers=2, embed=True, state=True),
    Case("gru", embed=True, last=True, lengths=(2, 6, 4)),
    Case("lstm", embed=True, lengths=(2, 6, 4), state=True, layers=2),
    Case("lstm", last=True, loss="squared_error"),
    Case("rnn", loss="squared_error", lengths=(1, 3)),
]


@pytest.mark.parametrize("case", CORNERS, ids=str)
def test_corners(case: Case) -> None:
    assert_same(case)


@given(
    st.builds(
        Case,
        cell=st.sampled_from(["rnn", "lstm", "gru"]),
        layers=st.integers(1, 2),
        embed=st.booleans(),
        head=st.booleans(),
        last=st.booleans(),
        loss=st.sampled_from(["cross_entropy", "squared_error"]),
        lengths=st.none() | st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple),
        state=st.booleans(),
        seed=st.integers(0, 99),
    )
)
def test_any_case(case: Case) -> None:
    assert_same(case)


@pytest.mark.parametrize("tree", [SequenceModel, torch_model.SequenceModel])
@pytest.mark.parametrize("wrong", [{"cell": "elman"}, {"loss": "hinge"}])
def test_unknown_choices(tree: Any, wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=f"SequenceModel: expected {next(iter(wrong))} to be"):
        tree(**{"cell": "rnn", "input_size": 2, "hidden_size": 3} | wrong)


@pytest.mark.parametrize("name", ["head.bias", "rnn.bias_ih_l0"])
def test_parameters_that_do_not_fit(name: str) -> None:
    model = SequenceModel("rnn", 2, 3, outputs=2)
    weights = model.state_dict()
    with pytest.raises(ValueError, match="expected"):
        model.load_state_dict(weights | {name: np.zeros(9)})
    del weights[name]
    with pytest.raises(ValueError, match="expected"):
        model.load_state_dict(weights)


@pytest.mark.parametrize(
    ("x", "target", "kind", "text"),
    [
        ([[0, -1]], [[0, 0]], ValueError, r"x to lie in [0, V) = [0, 7), got -1"),
        ([[0, 7]], [[0, 0]], ValueError, r"x to lie in [0, V) = [0, 7), got 7"),
        ([[0.5, 1.0]], [[0, 0]], TypeError, r"x to be integers, got "),
        ([[0, 1]], [[0, -1]], ValueError, r"target to lie in [0, V) = [0, 4), got -1"),
        ([[0, 1]], [[0, 4]], ValueError, r"target to lie in [0, V) = [0, 4), got 4"),
    ],
)
@pytest.mark.parametrize("tree", [SequenceModel, torch_model.SequenceModel])
def test_indices_out_of_range_are_refused(
    tree: Any, x: Any, target: Any, kind: type[Exception], text: str
) -> None:
    model = tree("gru", INPUTS, HIDDEN, embed=CLASSES, outputs=OUTPUTS)
    with pytest.raises(kind, match=re.escape(f"SequenceModel: expected {text}")):
        model.loss(np.array(x), np.array(target))


@pytest.mark.parametrize("embed", [True, False])
@pytest.mark.parametrize("last", [True, False])
def test_a_batch_without_rows_is_predicted_and_has_no_loss(embed: bool, last: bool) -> None:
    """The mean over no rows would be NaN."""
    options: dict[str, Any] = {"embed": CLASSES if embed else None, "outputs": OUTPUTS, "last": last}
    x = np.zeros((0, STEPS), int) if embed else np.zeros((0, STEPS, INPUTS))
    target = np.zeros((0,) if last else (0, STEPS), int)
    models: list[Any] = [
        SequenceModel("lstm", INPUTS, HIDDEN, **options),
        TREES[0]("lstm", INPUTS, HIDDEN, **options),
    ]
    for model in models:
        prediction, _ = model.predict(x)
        assert prediction.shape == ((0, OUTPUTS) if last else (0, STEPS, OUTPUTS))
        with pytest.raises(ValueError, match="SequenceModel: expected a batch of at least one row, got none"):
            model.loss(x, target)
