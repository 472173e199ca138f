"""Parameters by name: strict both ways, and all or nothing."""

import numpy as np
import pytest

from scratch_rnn.numpy_bptt.models.module import Module
from scratch_rnn.numpy_bptt.modules import GRU


def make() -> Module:
    layer = GRU(3, 4, rng=np.random.default_rng(0))
    return Module({"table.weight": np.ones((2, 3)), "inner": Module({"rnn": layer}), "bias": np.zeros(4)})


def test_names_are_paths_in_the_order_of_the_parts() -> None:
    names = list(make().state_dict())
    assert names[:2] == ["table.weight", "inner.rnn.weight_ih_l0"]
    assert names[-2:] == ["inner.rnn.bias_hh_l0", "bias"]


def test_what_goes_in_comes_out_as_a_copy() -> None:
    model = make()
    given = {name: 2 * array + 1 for name, array in model.state_dict().items()}
    model.load_state_dict(given)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, given[name])
        assert array.dtype == make().state_dict()[name].dtype
        array[...] = given[name][...] = 7
    assert all((array != 7).all() for array in model.state_dict().values())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"biass": np.zeros(4)},
            r"Module: expected the parameter names of .*, got .*\['biass'\]",
        ),
        ({"bias": np.zeros(5)}, r"Module: expected bias of shape \(4,\), got \(5,\)"),
    ],
    ids=["name", "shape"],
)
def test_a_mapping_that_does_not_fit_changes_nothing(change: dict[str, np.ndarray], text: str) -> None:
    model = make()
    before = model.state_dict()
    with pytest.raises(ValueError, match=text):
        model.load_state_dict({name: array + 1 for name, array in before.items()} | change)
    with pytest.raises(ValueError, match=r"without \['bias'\]"):
        model.load_state_dict({name: array for name, array in before.items() if name != "bias"})
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
