"""Cases of seq2seq models and batches, built in the same way for the three implementations.

Sizes differ pairwise, lengths come in any order, and padding holds an index that no vocabulary has.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from numpy import ndarray

from reference.seq2seq import Seq2Seq as Reference
from scratch_rnn.numpy_bptt.models.seq2seq import Seq2Seq as ByHand
from scratch_rnn.torch_autograd.models.seq2seq import Seq2Seq as Autograd

TREES = ["numpy", "torch"]
ALL = [*TREES, "reference"]
SOURCE_SIZE, TARGET_SIZE, WIDTH, HIDDEN, SOS, EOS = 11, 9, 4, 6, 2, 5

Batch = tuple[ndarray, list[int], ndarray, list[int]]


@dataclass(frozen=True)
class Case:
    """One model and one batch."""

    cell: str = "gru"
    layers: int = 1
    bidirectional: bool = False
    source_lengths: tuple[int, ...] = (2, 5, 1, 5)
    target_lengths: tuple[int, ...] = (3, 1, 6, 4)
    teacher_forcing: float = 1.0
    divide_by: float | str | None = None
    truncate: int | None = None
    seed: int = 0

    @property
    def options(self) -> dict[str, Any]:
        """The arguments after the batch. The generator is a new one each time."""
        generator = random.Random(self.seed) if self.teacher_forcing < 1 else None
        return {
            "teacher_forcing": self.teacher_forcing,
            "generator": generator,
            "divide_by": self.divide_by,
            "truncate": self.truncate,
        }


def make_batch(case: Case) -> Batch:
    rng = np.random.default_rng(case.seed)
    sides = []
    for lengths, size in ((case.source_lengths, SOURCE_SIZE), (case.target_lengths, TARGET_SIZE)):
        tokens = rng.integers(size, size=(len(lengths), max(lengths)))
        for row, length in enumerate(lengths):
            tokens[row, length:] = -7
        sides.append((tokens, list(lengths)))
    return *sides[0], *sides[1]


def construct(kind: Any, case: Case, sizes: Sequence[int], **options: Any) -> Any:
    return kind(case.cell, *sizes, case.layers, bidirectional=case.bidirectional, **options)


def first_weights(case: Case, sizes: Sequence[int] = (SOURCE_SIZE, TARGET_SIZE, WIDTH, HIDDEN)) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.seed)
        model = construct(Reference, case, sizes, sos=0, eos=1)
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def make_model(
    tree: str,
    case: Case,
    weights: Mapping[str, ndarray] | None = None,
    sizes: Sequence[int] = (SOURCE_SIZE, TARGET_SIZE, WIDTH, HIDDEN),
    sos: int = SOS,
    eos: int = EOS,
) -> Any:
    given = first_weights(case, sizes) if weights is None else weights
    if tree == "numpy":
        by_hand = construct(ByHand, case, sizes, sos=sos, eos=eos, dtype=np.float64)
        by_hand.load_state_dict(given)
        return by_hand
    kind = Autograd if tree == "torch" else Reference
    model = construct(kind, case, sizes, sos=sos, eos=eos, dtype=torch.float64)
    model.load_state_dict({name: torch.tensor(array) for name, array in given.items()})
    return model


def run(tree: str, model: Any, batch: Batch, options: Mapping[str, Any]) -> dict[str, ndarray]:
    """The loss and every gradient, by name."""
    if tree == "numpy":
        loss, tape = model.forward(*batch, **options)
        return {"loss": np.array(loss), **model.backward(tape)}
    model.zero_grad()
    summed = model(*batch, **options)
    summed.backward()
    return {"loss": summed.detach().numpy(), **{name: p.grad.numpy() for name, p in model.named_parameters()}}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rows = draw(st.integers(1, 4))
    lengths = st.lists(st.integers(1, 5), min_size=rows, max_size=rows).map(tuple)
    return Case(
        cell=draw(st.sampled_from(["rnn", "lstm", "gru"])),
        layers=draw(st.integers(1, 3)),
        bidirectional=draw(st.booleans()),
        source_lengths=draw(lengths),
        target_lengths=draw(lengths),
        teacher_forcing=draw(st.sampled_from([1.0, 0.5, 0.0])),
        divide_by=draw(st.sampled_from([None, "tokens", 7, 2.5])),
        truncate=draw(st.sampled_from([None, 1, 2, 3])),
        seed=draw(st.integers(0, 99)),
    )
