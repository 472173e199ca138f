"""Our layers compute with converted weights what each framework computed with its own; gradients too."""

from collections.abc import Callable, Iterator
from itertools import permutations

import numpy as np
import pytest

from scratch_rnn.notation import GATES
from tests.convert.cases import CASES, FRAMEWORKS, Case, Record, error, part
from tests.convert.running import (
    RECORDS,
    backward,
    compute,
    converter,
    flattened,
    forward_error,
    nested,
    options,
    resets_before,
    to_torch,
)

BOUND = {"onnxruntime": 5e-6}
"""In float32. Everything else is float64, within 1e-13."""

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.framework} {case.name}")


def bound(case: Case) -> float:
    return BOUND.get(case.framework, 1e-13)


def recorded(case: Case) -> Record:
    return RECORDS(case.framework)[case.name]


def test_every_case_is_recorded_and_no_other() -> None:
    names = [(framework, name) for framework in FRAMEWORKS for name in RECORDS(framework)]
    assert sorted(names) == sorted((case.framework, case.name) for case in CASES)


@every_case
def test_no_number_is_left_at_zero(case: Case) -> None:
    record = recorded(case)
    for name, array in record.items():
        assert array.any(), name


@every_case
def test_outputs_and_final_states(case: Case) -> None:
    record = recorded(case)
    assert forward_error(case, to_torch(case, record), record) <= bound(case)


@pytest.mark.parametrize(
    "case",
    [c for c in CASES if c.framework != "onnxruntime"],
    ids=lambda case: f"{case.framework} {case.name}",
)
def test_gradients(case: Case) -> None:
    record = recorded(case)
    results = compute(case, to_torch(case, record), record)
    results |= backward(case, results)
    oracle = {name: array for name, array in record.items() if name in results and name != "d_output"}
    assert {n for n in oracle if n.startswith("d_arrays")} == {
        f"d_{n}" for n in record if n.startswith("arrays")
    }
    assert {"d_x", *(f"d_{letter}_0" for letter in case.letters)} <= set(oracle)
    assert max(error(results[name], array) for name, array in oracle.items()) <= bound(case)


@every_case
def test_to_torch_and_from_torch_give_the_same_arrays(case: Case) -> None:
    arrays = part(recorded(case), "arrays")
    again = flattened(
        case, converter(case).from_torch(case.kind, to_torch(case, recorded(case)), **options(case))
    )
    assert set(again) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)
        assert again[name].dtype == array.dtype
        assert not np.shares_memory(again[name], array)


@every_case
def test_to_torch_backward_is_the_adjoint_of_to_torch(case: Case) -> None:
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=array.shape) for name, array in part(recorded(case), "arrays").items()}
    named = converter(case).to_torch(case.kind, nested(case, arrays), **options(case))
    d_named = {name: rng.normal(size=array.shape) for name, array in named.items()}
    d_arrays = backward(case, {f"d_named/{name}": array for name, array in d_named.items()})
    there = sum((d_named[name] * array).sum() for name, array in named.items())
    here = sum((d_arrays[f"d_arrays/{name}"] * array).sum() for name, array in arrays.items())
    np.testing.assert_allclose(here, there, rtol=1e-12)


Damage = Callable[[Record], Record]


def wrong_orders(case: Case) -> Iterator[tuple[str, Damage]]:
    right = GATES[case.kind]
    for order in list(permutations(range(len(right))))[1:]:

        def damage(named: Record, order: tuple[int, ...] = order) -> Record:
            return {n: np.concatenate([np.split(a, len(right))[g] for g in order]) for n, a in named.items()}

        yield "gates " + "".join(right[g] for g in order), damage


def transposed(named: Record) -> Record:
    """Each gate's block of R is square: transposed, it still fits."""

    def blocks(array: np.ndarray) -> np.ndarray:
        return np.concatenate([block.T for block in np.split(array, len(array) // array.shape[1])])

    return {n: blocks(a) if n.startswith("weight_hh") else a for n, a in named.items()}


def biases(change: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Damage:
    def damage(named: Record) -> Record:
        changed = dict(named)
        for name in named:
            if name.startswith("bias_ih"):
                other = name.replace("_ih", "_hh")
                changed[name], changed[other] = change(named[name], named[other])
        return changed

    return damage


def swapped_directions(named: Record) -> Record:
    ends = {n: n.removesuffix("_reverse") if n.endswith("_reverse") else f"{n}_reverse" for n in named}
    return {name: named[ends[name]] for name in named}


def mutants(case: Case) -> Iterator[tuple[str, Damage]]:
    """Every mistake that the case must notice."""
    yield from wrong_orders(case)
    yield "untransposed R", transposed
    if case.bias:
        yield "doubled biases", biases(lambda ih, hh: (ih + hh, ih + hh))
        yield "dropped b_ih", biases(lambda ih, hh: (0 * ih, hh))
        yield "dropped biases", biases(lambda ih, hh: (0 * ih, 0 * hh))
        if case.kind == "gru" and not resets_before(case):
            yield "swapped biases", biases(lambda ih, hh: (hh, ih))
    if case.directions == 2:
        yield "swapped directions", swapped_directions


@every_case
def test_every_mistake_shows(case: Case) -> None:
    record = recorded(case)
    named = to_torch(case, record)
    found = {name: forward_error(case, damage(named), record) for name, damage in mutants(case)}
    assert min(found.values()) > 1e-3, min(found, key=lambda name: found[name])


ONE_BIAS = [c for c in CASES if c.framework in ("keras", "equinox", "flax") and c.kind != "gru" and c.bias]


@pytest.mark.parametrize("case", ONE_BIAS, ids=lambda case: f"{case.framework} {case.name}")
def test_the_gradient_of_a_merged_bias_is_not_the_sum(case: Case) -> None:
    record = recorded(case)
    results = compute(case, to_torch(case, record), record)
    summed = flattened(case, converter(case).from_torch(case.kind, part(results, "d_named"), **options(case)))
    wrong = {name for name, array in summed.items() if error(array, record[f"d_arrays/{name}"]) > 1e-3}
    assert wrong == {name for name in summed if record[f"arrays/{name}"].ndim == 1}
