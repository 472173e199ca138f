"""What is recorded for the page: runs, dependence on the input, padding."""

import numpy as np
import pytest
import torch

from scratch_rnn.numpy_bptt import pack_sequence
from scratch_rnn.page import data
from tests.labs.running import lab

Runs = dict[str, data.Run]


def test_the_runs_are_the_labs_own(runs: Runs) -> None:
    options = ("charseq", "--cell", "gru", "--head", "--hidden", 6, "--steps", 101, "--impl", "numpy")
    losses = lab(*options)["runs"][0]["losses"]
    for updates in data.UPDATES:
        assert runs[f"gru/charseq/{updates}"].loss == pytest.approx(losses[updates], rel=1e-9)
    assert len(runs) == len(data.CELLS) * len(data.OPTIONS) * len(data.UPDATES)


def test_no_other_value_looks_as_if_it_had_units(runs: Runs) -> None:
    for run in runs.values():
        assert len(run.symbols) != run.hidden
        for name in run.trace.names:
            without = {"x", "a", "u", "v"} if run.cell != "rnn" else {"x"}
            array = run.trace[name]
            parameter = name.removeprefix("d_") in data.numpy_cell(run.cell).Params._fields
            expected = not parameter and name.removeprefix("d_") not in without
            assert run.has_units(name, array) == expected, name


def test_what_is_drawn_follows_from_the_source(runs: Runs) -> None:
    lstm, gru = data.panels(runs["lstm/hihello/0"]), data.panels(runs["gru/hihello/0"])
    assert lstm["forward"] == [
        ("i", "gate"), ("f", "gate"), ("g", "signed"), ("o", "gate"),
        ("c_next", "signed"), ("h_next", "signed"),
    ]  # fmt: skip
    assert [name for name, _ in lstm["backward"]] == [
        "d_h_next", "d_c_next", "d_o", "d_g", "d_f", "d_i", "d_h", "d_c"
    ]  # fmt: skip
    assert [kind for _, kind in gru["forward"]] == ["gate", "gate", "signed", "signed"]


@pytest.mark.parametrize("cell", data.CELLS)
def test_the_dependence_on_the_input_is_autograds(runs: Runs, cell: str) -> None:
    run = runs[f"{cell}/hihello/15"]
    layer = getattr(torch.nn, cell.upper())(
        len(run.symbols), run.hidden, batch_first=True, dtype=torch.float64
    )
    layer.load_state_dict({name: torch.tensor(array) for name, array in run.weights.items()})
    one_hot = np.eye(len(run.symbols))[[run.symbols.index(c) for c in run.text]]
    x = torch.tensor(one_hot[None], requires_grad=True)
    output, _ = layer(x)
    np.testing.assert_allclose(run.trace["h_next"][:, 0], output[0].detach(), rtol=0, atol=1e-12)
    for t, row in enumerate(run.reach):
        head = torch.tensor(run.head[run.symbols.index(run.predicted[t])])
        (d_x,) = torch.autograd.grad(output[0, t] @ head, x, retain_graph=True)
        np.testing.assert_allclose(row, d_x[0].norm(dim=1), rtol=1e-9, atol=1e-15)


def test_padding_and_packing(runs: Runs) -> None:
    run = runs["lstm/hihello/15"]
    found = data.padding(run)
    assert (found.order, found.batch_sizes) == ([1, 2, 0], [3, 3, 2, 2, 1])
    assert "".join(letter for _, letter, _ in found.data) == "".join(
        data.WORDS[word][t] for t, size in enumerate(found.batch_sizes) for word in found.order[:size]
    )
    layer = torch.nn.LSTM(len(run.symbols), run.hidden, batch_first=True, dtype=torch.float64)
    layer.load_state_dict({name: torch.tensor(array) for name, array in run.weights.items()})
    words = [torch.eye(5, dtype=torch.float64)[[run.symbols.index(c) for c in word]] for word in data.WORDS]
    _, (packed, _) = layer(torch.nn.utils.rnn.pack_sequence(words, enforce_sorted=False))
    _, (padded, _) = layer(torch.nn.utils.rnn.pad_sequence(words, batch_first=True))
    np.testing.assert_allclose(found.packed[-1], packed[0].detach(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.padded[-1], padded[0].detach(), rtol=0, atol=1e-12)
    wrong = np.abs(found.padded[-1] - found.packed[-1]).max(axis=1) > 1e-3
    assert wrong.tolist() == [len(word) < 5 for word in data.WORDS]
    rows = pack_sequence([word.numpy() for word in words], enforce_sorted=False).data
    assert [run.symbols[i] for i in rows.argmax(axis=1)] == [letter for _, letter, _ in found.data]


def test_the_gradient_flow_has_a_curve_for_each_cell() -> None:
    curves = data.flow()
    assert list(curves) == [("rnn", 0), ("gru", 0), ("lstm", 0), ("lstm", 1), ("lstm", 3)]
    ends = [norms[-1] for norms in curves.values()]
    assert all(norms[0] == 1 and len(norms) == data.FLOW_STEPS for norms in curves.values())
    assert max(ends[:3]) < 1e-10 < 1e-7 < ends[3] < 1e-3 < ends[4]


def test_digits_are_three() -> None:
    assert [data.digits(x) for x in (1 / 3, -2 / 3e5, 0.0, 99.96, 12345.0)] == [
        "0.333", "-6.67e-06", "0.00", "100", "1.23e+04"
    ]  # fmt: skip
