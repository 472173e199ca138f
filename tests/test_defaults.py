"""Arguments that are left out mean what they mean in torch; adjoints have the defaults of their functions."""

import inspect
from typing import Any

import pytest
import torch

from scratch_rnn import numpy_bptt, torch_autograd
from scratch_rnn.numpy_bptt import optim, rnn_base
from scratch_rnn.numpy_bptt import packed as numpy_packed
from scratch_rnn.numpy_bptt.models import caption as numpy_caption
from scratch_rnn.numpy_bptt.models import seq2seq as numpy_seq2seq
from scratch_rnn.numpy_bptt.models import sequence as numpy_sequence
from scratch_rnn.torch_autograd import cells as torch_cells
from scratch_rnn.torch_autograd import packed as torch_packed
from scratch_rnn.torch_autograd import rnn_base as torch_rnn_base
from scratch_rnn.torch_autograd.models import caption, distributed, seq2seq, sequence, trainer

LAYERS = ["RNN", "LSTM", "GRU"]
PACKING = ["pack_padded_sequence", "pad_packed_sequence", "pad_sequence", "unpad_sequence", "pack_sequence"]
OUR_OWN = {"dtype", "rng", "engine"}
"""The trees differ from each other in these on purpose."""


def defaults(function: Any) -> dict[str, object]:
    """The default values of a function's arguments."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def in_common(a: dict[str, object], b: dict[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Both without what only one of them has, and without OUR_OWN."""
    both = (a.keys() & b.keys()) - OUR_OWN
    return {name: a[name] for name in both}, {name: b[name] for name in both}


@pytest.mark.parametrize("tree", [numpy_bptt, torch_autograd])
@pytest.mark.parametrize("kind", LAYERS)
def test_layers(tree: Any, kind: str) -> None:
    ours, theirs = getattr(tree, kind)(2, 3), getattr(torch.nn, kind)(2, 3)
    for name in ("num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size", "training"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert set(ours.state_dict()) == set(theirs.state_dict())
    assert ours.train(False).training is False
    assert ours.train().training is True


@pytest.mark.parametrize("kind", LAYERS)
def test_layers_from_a_state_dict(kind: str) -> None:
    cls = getattr(numpy_bptt, kind)
    layer = cls.from_state_dict(cls(2, 3).state_dict())
    assert (layer.batch_first, layer.dropout, layer.engine) == (False, 0.0, "fused")
    assert defaults(cls.from_state_dict).items() >= defaults(rnn_base.RNNBase.from_state_dict).items()


@pytest.mark.parametrize("kind", [f"{kind}Cell" for kind in LAYERS])
def test_cells(kind: str) -> None:
    theirs = defaults(getattr(torch.nn, kind))
    for tree in (numpy_bptt, torch_autograd):
        here, there = in_common(defaults(getattr(tree, kind)), theirs)
        assert here == there
        assert "bias" in here


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (torch_rnn_base.RNNBase, torch.nn.RNNBase),
        (torch_cells.RNNCellBase, torch.nn.RNNCellBase),
        *((getattr(torch_packed, name), getattr(torch.nn.utils.rnn, name)) for name in PACKING),
        *((getattr(numpy_packed, name), getattr(torch.nn.utils.rnn, name)) for name in PACKING),
        (optim.SGD, torch.optim.SGD),
        (optim.Adam, torch.optim.Adam),
        (distributed.DistributedTrainer.step, trainer.Trainer.step),
    ],
)
def test_signatures(ours: Any, theirs: Any) -> None:
    here, there = in_common(defaults(ours), defaults(theirs))
    assert here == there
    assert here, "nothing is compared"


ADJOINTS = [name for name in vars(numpy_packed) if name.endswith("_backward")]


@pytest.mark.parametrize("name", ADJOINTS)
def test_adjoints(name: str) -> None:
    forward = getattr(numpy_packed, name.removesuffix("_backward"))
    here, there = in_common(defaults(getattr(numpy_packed, name)), defaults(forward))
    assert here == there
    assert here


def test_every_adjoint_is_compared() -> None:
    assert len(ADJOINTS) == 5


@pytest.mark.parametrize(
    ("ours", "twin"),
    [
        (numpy_sequence.SequenceModel, sequence.SequenceModel),
        (numpy_seq2seq.Seq2Seq, seq2seq.Seq2Seq),
        (numpy_caption.CaptionModel, caption.CaptionModel),
    ],
)
def test_models(ours: Any, twin: Any) -> None:
    here, there = in_common(defaults(ours), defaults(twin))
    assert here == there
    assert here["num_layers"] == 1
    for name, method in vars(ours).items():
        if inspect.isfunction(method) and hasattr(twin, name):
            here, there = in_common(defaults(method), defaults(getattr(twin, name)))
            assert here == there, name


def test_the_gradient_of_the_loss_itself_is_one() -> None:
    assert defaults(numpy_seq2seq.Seq2Seq.backward)["d_loss"] == 1.0
