"""The seq2seq model of a random case on the three implementations: loss, and every gradient by name.

Sizes differ pairwise, lengths come in any order, and padding holds a number that no table has.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy import ndarray

from scratch_rnn.numpy_bptt.models import Seq2Seq as NumpySeq2Seq
from scratch_rnn.parity import oracle
from scratch_rnn.torch_autograd.models import Seq2Seq as TorchSeq2Seq

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
    source_size: int = 11
    target_size: int = 9
    width: int = 4
    hidden: int = 6

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes that every model's constructor takes after the cell."""
        return self.source_size, self.target_size, self.width, self.hidden, self.layers

    @property
    def options(self) -> dict[str, Any]:
        """What every model's call takes after the batch. The generator is new each time."""
        generator = random.Random(self.seed) if self.teacher_forcing < 1 else None
        return {
            "teacher_forcing": self.teacher_forcing,
            "generator": generator,
            "divide_by": self.divide_by,
            "truncate": self.truncate,
        }


def make_batch(case: Case) -> Batch:
    """Source and target tokens (N, T), each with its lengths; -7 in the padding."""
    rng = np.random.default_rng(case.seed)
    sides = []
    for lengths, size in ((case.source_lengths, case.source_size), (case.target_lengths, case.target_size)):
        tokens = rng.integers(size, size=(len(lengths), max(lengths)))
        for row, length in enumerate(lengths):
            tokens[row, length:] = -7
        sides.append((tokens, list(lengths)))
    return *sides[0], *sides[1]


def first_weights(case: Case) -> dict[str, ndarray]:
    """The weights that torch.nn's initialisers draw for a case, in float32."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.seed)
        kind = oracle.library("seq2seq").Seq2Seq
        model = kind(case.cell, *case.sizes, bidirectional=case.bidirectional, sos=0, eos=1)
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def make_model(
    tree: str,
    case: Case,
    weights: Mapping[str, ndarray] | None = None,
    sos: int = 2,
    eos: int = 5,
    dtype: str = "float64",
) -> Any:
    """The model of "numpy", "torch" or "reference", with `weights` (None: `first_weights`)."""
    given = first_weights(case) if weights is None else weights
    options: dict[str, Any] = {"bidirectional": case.bidirectional, "sos": sos, "eos": eos}
    if tree == "numpy":
        by_hand = NumpySeq2Seq(case.cell, *case.sizes, **options, dtype=np.dtype(dtype))
        by_hand.load_state_dict(given)
        return by_hand
    kind = TorchSeq2Seq if tree == "torch" else oracle.library("seq2seq").Seq2Seq
    model = kind(case.cell, *case.sizes, **options, dtype=getattr(torch, dtype))
    model.load_state_dict({name: torch.tensor(array) for name, array in given.items()})
    return model


def run(tree: str, model: Any, batch: Batch, options: Mapping[str, Any]) -> dict[str, ndarray]:
    """The loss and every gradient, by name."""
    if tree == "numpy":
        loss, tape = model.forward(*batch, **options)
        return {"loss": np.array(loss), **model.backward(tape)}
    model.zero_grad()
    loss = model(*batch, **options)
    loss.backward()
    return {"loss": loss.detach().numpy(), **{name: p.grad.numpy() for name, p in model.named_parameters()}}


def draw_case(rng: np.random.Generator, cell: str, small: bool) -> Case:
    """A random case of a cell; H is 8 to 24, or 1 to 7 where `small`."""
    rows = int(rng.integers(1, 5))
    lengths: Sequence[tuple[int, ...]] = [tuple(map(int, rng.integers(1, 6, size=rows))) for _ in range(2)]
    return Case(
        cell=cell,
        layers=int(rng.integers(1, 4)),
        bidirectional=bool(rng.random() < 0.5),
        source_lengths=lengths[0],
        target_lengths=lengths[1],
        teacher_forcing=float(rng.choice([1.0, 0.5, 0.0])),
        divide_by=[None, "tokens", 7, 2.5][rng.integers(4)],
        truncate=[None, 1, 2, 3][rng.integers(4)],
        seed=int(rng.integers(2**31)),
        hidden=int(rng.integers(1, 8) if small else rng.integers(8, 25)),
    )
