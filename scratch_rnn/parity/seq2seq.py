"""The seq2seq model of a random case on the three implementations: loss, and every gradient by name."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy import ndarray

from scratch_rnn.numpy_bptt.models import Seq2Seq as NumpySeq2Seq
from scratch_rnn.parity.contenders import Result, reference
from scratch_rnn.torch_autograd.models import Seq2Seq as TorchSeq2Seq

SOS, EOS = 2, 5

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
        """The arguments of every model's call after the batch. The generator is new each time."""
        generator = random.Random(self.seed) if self.teacher_forcing < 1 else None
        names = ("teacher_forcing", "divide_by", "truncate")
        return {name: getattr(self, name) for name in names} | {"generator": generator}


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


def first_weights(case: Case) -> Result:
    """The weights that torch.nn's initialisers draw for a case, in float32."""
    kind = reference("seq2seq").Seq2Seq
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.seed)
        model = kind(case.cell, *case.sizes, bidirectional=case.bidirectional, sos=SOS, eos=EOS)
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def make_model(tree: str, case: Case, weights: Result | None = None, **options: Any) -> Any:
    """The float64 model of "numpy", "torch" or "reference", with `weights` (None: `first_weights`)."""
    values = first_weights(case) if weights is None else weights
    options = {"bidirectional": case.bidirectional, "sos": SOS, "eos": EOS} | options
    kind: Any = {"numpy": NumpySeq2Seq, "torch": TorchSeq2Seq}.get(tree) or reference("seq2seq").Seq2Seq
    model = kind(case.cell, *case.sizes, **options, dtype=np.float64 if tree == "numpy" else torch.float64)
    convert = np.asarray if tree == "numpy" else torch.tensor
    model.load_state_dict({name: convert(array) for name, array in values.items()})
    return model


def run(tree: str, model: Any, batch: Batch, options: Mapping[str, Any]) -> Result:
    """The loss and every gradient, by name."""
    if tree == "numpy":
        loss, tape = model.forward(*batch, **options)
        return {"loss": np.array(loss), **model.backward(tape)}
    model.zero_grad()
    loss = model(*batch, **options)
    loss.backward()
    return {"loss": loss.detach().numpy(), **{name: p.grad.numpy() for name, p in model.named_parameters()}}


def run_case(tree: str, case: Case, **options: Any) -> Result:
    """`run` of a new model. `options`: the engine of the encoder's recurrent layer."""
    return run(tree, make_model(tree, case, **options), make_batch(case), case.options)


def draw_case(rng: np.random.Generator, cell: str, small: bool) -> Case:
    """A random case of a cell; H is 8 to 24, or 1 to 7 where `small`."""
    rows, layers, hidden, seed = map(int, rng.integers((1, 1, 8, 0), (5, 4, 25, 2**31)))
    sources, targets = (tuple(map(int, rng.integers(1, 6, size=rows))) for _ in range(2))
    by, truncate = [None, "tokens", 7, 2.5][rng.integers(4)], [None, 1, 2, 3][rng.integers(4)]
    forcing, both = float(rng.choice([1.0, 0.5, 0.0])), bool(rng.random() < 0.5)
    made = Case(cell, layers, both, sources, targets, forcing, by, truncate, seed)
    return replace(made, hidden=1 + hidden % 7 if small else hidden)
