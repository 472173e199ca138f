"""Training the seq2seq model: equal curves on three implementations; the course's four pairs memorised."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from scratch_rnn.labs.inputs.vocabulary import Vocabulary
from scratch_rnn.numpy_bptt.optim import SGD
from scratch_rnn.parity.seq2seq import Batch, Case, make_batch, make_model

TREES = ["numpy", "torch"]
ALL = [*TREES, "reference"]

COURSE = [
    ("i feel hungry.", "나는 배가 고프다."),
    ("pytorch is very easy.", "파이토치는 매우 쉽다."),
    ("pytorch is a framework for deep learning.", "파이토치는 딥러닝을 위한 프레임워크이다."),
    ("pytorch is very clear to use.", "파이토치는 사용하기 매우 직관적이다."),
]


def train(
    tree: str, model: Any, batches: Sequence[Batch], lr: float, options: Mapping[str, Any]
) -> list[float]:
    """The loss before each of the updates, one per batch. In torch encoder and decoder have an SGD each."""
    losses = []
    if tree == "numpy":
        sgd, params = SGD(lr=lr), model.state_dict()
        state = sgd.init(params)
        for batch in batches:
            loss, tape = model.forward(*batch, **options)
            params, state = sgd.update(params, model.backward(tape), state)
            model.load_state_dict(params)
            losses.append(loss)
        return losses
    both = [torch.optim.SGD(part.parameters(), lr=lr) for part in (model.encoder, model.decoder)]
    for batch in batches:
        model.zero_grad()
        loss = model(*batch, **options)
        loss.backward()
        for optimizer in both:
            optimizer.step()
        losses.append(loss.item())
    return losses


def falls(curve: Sequence[float]) -> bool:
    """Whether the loss decreases: weights that are never updated would agree on every tree."""
    return sum(curve[-20:]) < 0.8 * sum(curve[:20])


def course(seed: int = 0, steps: int = 200) -> tuple[list[Batch], list[Batch], list[Vocabulary]]:
    """The course's four pairs as batches of one row, in order and as drawn; and both vocabularies."""
    specials = ("<SOS>", "<EOS>")
    sides = [[pair[n] for pair in COURSE] for n in (0, 1)]
    vocabularies = [Vocabulary(side, specials=specials) for side in sides]
    tokens = [[v.encode(text).indices for text in side] for v, side in zip(vocabularies, sides, strict=True)]
    pairs: list[Batch] = [
        (np.array([a]), [len(a)], np.array([b]), [len(b)]) for a, b in zip(*tokens, strict=True)
    ]
    chance = random.Random(seed)
    return pairs, [chance.choice(pairs) for _ in range(steps)], vocabularies


def course_case(vocabularies: Sequence[Vocabulary]) -> Case:
    """The model of the course."""
    return Case(source_size=len(vocabularies[0]), target_size=len(vocabularies[1]), width=16, hidden=16)


@pytest.mark.parametrize("teacher_forcing", [1.0, 0.5])
def test_curves_on_the_courses_pairs(teacher_forcing: float) -> None:
    _, drawn, vocabularies = course()
    case, curves, last = course_case(vocabularies), {}, []
    assert case.sizes[:2] == (17, 13)
    for tree in ALL:
        generator = random.Random(3)
        options = {"teacher_forcing": teacher_forcing, "generator": generator}
        model = make_model(tree, case, sos=0, eos=1)
        curves[tree] = train(tree, model, drawn, 0.01, options)
        last.append(generator.random())
    if teacher_forcing == 1:
        assert curves["reference"][0] == pytest.approx(12.638961931564825, rel=1e-6)
    assert falls(curves["reference"])
    assert len(set(last)) == 1, "all draw equally many numbers"
    for tree in TREES:
        np.testing.assert_allclose(curves[tree], curves["reference"], rtol=1e-9)


def test_curves_on_batches() -> None:
    case = Case("gru", 1, True)
    batches = [make_batch(replace(case, seed=seed)) for seed in range(4)] * 50
    curves = {}
    for tree in ALL:
        options = {
            "teacher_forcing": 0.5,
            "generator": np.random.default_rng(1),
            "divide_by": "tokens",
            "truncate": 3,
        }
        curves[tree] = train(tree, make_model(tree, case), batches, 0.5, options)
    assert falls(curves["reference"])
    for tree in TREES:
        np.testing.assert_allclose(curves[tree], curves["reference"], rtol=1e-9)


def test_the_courses_pairs_are_memorised() -> None:
    pairs, drawn, vocabularies = course(steps=1400)
    model = make_model("numpy", course_case(vocabularies), sos=0, eos=1)
    train("numpy", model, drawn, 0.01, {})
    predicted = [model.greedy(source, lengths, 12)[0] for source, lengths, _, _ in pairs]
    assert [vocabularies[1].decode(row.tokens) for row in predicted] == [korean for _, korean in COURSE]
    assert {row.stopped for row in predicted} == {"eos"}
