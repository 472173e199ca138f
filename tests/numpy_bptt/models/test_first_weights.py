"""The first weights of every NumPy model have the distributions of torch's initialisers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratch_rnn.numpy_bptt.models import CaptionModel, Seq2Seq, SequenceModel

Make = Callable[..., Any]
INPUTS, HIDDEN = 90, 120
MODELS: dict[str, tuple[Make, dict[str, float]]] = {
    "sequence": (
        lambda **options: SequenceModel("gru", INPUTS, HIDDEN, 2, embed=150, outputs=800, **options),
        {"rnn": HIDDEN, "head": HIDDEN},
    ),
    "caption": (
        lambda **options: CaptionModel("lstm", 400, 800, INPUTS, HIDDEN, 2, **options),
        {"image_to_state": 400, "decoder.rnn": HIDDEN, "decoder.head": HIDDEN},
    ),
    "seq2seq": (
        lambda **options: Seq2Seq(
            "lstm", 150, 800, INPUTS, 4 * HIDDEN, bidirectional=True, sos=0, eos=1, **options
        ),
        {
            "encoder.rnn": 4 * HIDDEN,
            "encoder.bridge_h": 8 * HIDDEN,
            "encoder.bridge_c": 8 * HIDDEN,
            "decoder.rnn": 4 * HIDDEN,
            "decoder.head": 4 * HIDDEN,
        },
    ),
}
"""How a model is made, and the n of its uniform parameters: torch draws them from U(-1/√n, 1/√n)."""


@pytest.mark.parametrize("name", MODELS)
def test_distributions(name: str) -> None:
    make, uniform = MODELS[name]
    weights = make(rng=0).state_dict()
    seen = set()
    for key, array in weights.items():
        assert array.dtype == np.float32, key
        if key.endswith("embedding.weight"):  # N(0, 1)
            assert array.std() == pytest.approx(1, rel=0.03), key
            assert abs(array.mean()) < 0.03, key
            continue
        (part,) = (part for part in uniform if key.startswith(f"{part}."))
        bound = uniform[part] ** -0.5
        assert bound * 0.97 < array.max() <= bound * (1 + 1e-6), key
        assert bound * 0.97 < -array.min() <= bound * (1 + 1e-6), key
        seen.add(part)
    assert seen == uniform.keys()


@pytest.mark.parametrize("name", MODELS)
def test_seeds(name: str) -> None:
    make, _ = MODELS[name]
    seeded, again = make(rng=3).state_dict(), make(rng=np.random.default_rng(3)).state_dict()
    free, other = make().state_dict(), make().state_dict()
    for key in seeded:
        assert np.array_equal(seeded[key], again[key]), key
        assert not np.array_equal(free[key], other[key]), f"{key}: two unseeded models are alike"
    flat = np.concatenate([array.reshape(-1)[:5] for array in seeded.values()])
    assert len(set(flat.tolist())) == len(flat), "two parameters share their numbers"
