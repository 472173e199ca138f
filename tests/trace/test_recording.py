"""What a recording leaves as it was, what it gives, and what it refuses."""

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scratch_rnn.numpy_bptt import GRU, LSTM, RNN, lstm, pack_sequence
from scratch_rnn.parity.cases import Case, make_data
from scratch_rnn.parity.contenders import numpy_layer
from scratch_rnn.trace import Trace, recording
from tests.trace.twin import traced

rng = np.random.default_rng(0)


def forward_backward(layer: Any, x: Any, d_output: Any) -> Any:
    """All that a caller gets back."""
    output, state, tape = layer.forward(x)
    return output, state, layer.backward(tape, d_output)


def flat(result: Any) -> list[Any]:
    """Every array of a nested result."""
    if isinstance(result, dict):
        result = list(result.values())
    return [a for part in result for a in flat(part)] if isinstance(result, list | tuple) else [result]


LAYERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "dropout": (LSTM, {"num_layers": 3, "dropout": 0.4, "bidirectional": True, "proj_size": 2}),
    "gru": (GRU, {"num_layers": 2, "batch_first": True}),
    "relu": (RNN, {"nonlinearity": "relu", "bidirectional": True, "bias": False}),
    "float32": (LSTM, {"dtype": np.float32}),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_the_results_are_those_of_an_untraced_run(name: str, packed: bool) -> None:
    """To the last bit, with the same dropout masks, and whichever engine the layer has."""
    kind, options = LAYERS[name]
    plain, steps, fused = (
        kind(4, 5, rng=np.random.default_rng(1), engine=engine, **{"dtype": np.float64, **options})
        for engine in ("steps", "steps", "fused")
    )
    x: Any = rng.normal(size=(3, 3, 4)).astype(plain.dtype)
    x = pack_sequence([x[0], x[1, :1], x[2]], enforce_sorted=False) if packed else x
    d_output, _ = plain.eval()(x)
    plain.train()
    expected = forward_backward(plain, x, d_output)
    for layer in (steps, fused):
        with recording(layer) as trace:
            result = forward_backward(layer, x, d_output)
        for ours, theirs in zip(flat(result), flat(expected), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert {array.dtype for array in trace.arrays().values()} == {plain.dtype}


@pytest.mark.parametrize("engine", ["steps", "fused"])
def test_the_layer_is_as_before(engine: str) -> None:
    layer, x = LSTM(4, 5, engine=engine), np.zeros((3, 2, 4), np.float32)
    before = dict(vars(layer))
    with recording(layer):
        assert layer.engine == "steps"
        layer(x)
    assert vars(layer) == before
    with pytest.raises(ValueError, match="input of shape"), recording(layer):
        layer.forward(x[:, :, :3])
    assert vars(layer) == before
    output, _, tape = layer.forward(x)
    layer.backward(tape, output)


def test_the_tape_can_be_used_after_the_block() -> None:
    layer, x = GRU(4, 5, engine="steps"), rng.normal(size=(3, 2, 4)).astype(np.float32)
    with recording(layer) as trace:
        output, _, tape = layer.forward(x)
        inside = layer.backward(tape, output)
    d_z = trace["d_z"]
    np.testing.assert_array_equal(layer.backward(tape, output)[0], inside[0])
    np.testing.assert_array_equal(trace["d_z"], d_z)


def test_a_later_pair_of_passes_takes_the_place_of_an_earlier_one() -> None:
    layer, x = RNN(4, 5), rng.normal(size=(3, 2, 4)).astype(np.float32)
    with recording(layer) as trace:
        forward_backward(layer, x, None)
        forward_backward(layer, 2 * x, None)
        np.testing.assert_array_equal(trace["x"], 2 * x)
        layer.forward(x)
        with pytest.raises(ValueError, match="a backward pass in the recording, for d_a, got none"):
            trace["d_a"]


def test_inference_can_be_recorded() -> None:
    layer = GRU(4, 5, dropout=0.5, num_layers=2)
    with recording(layer) as trace:
        output, _ = layer(np.ones((3, 2, 4), np.float32))
    np.testing.assert_array_equal(trace.at(layer=1)["h_next"], output)
    assert "d_h" not in trace.names


@pytest.mark.parametrize("rows", [None, 2, 0])
def test_the_layout_is_time_major(rows: int | None) -> None:
    case = Case("lstm", steps=3, rows=rows, batch_first=True)
    trace = traced(case)
    assert trace["f"].shape == trace["d_f"].shape == (3, 1 if rows is None else rows, 6)
    assert trace["d_weight_ih"].shape == (3, 24, 4)
    assert trace["d_bias_hh"].shape == (3, 24)


def test_one_sequence_without_its_padding() -> None:
    case = Case("gru", layers=2, bidirectional=True, lengths=(2, 5, 4))
    trace = traced(case)
    for number, length in enumerate((2, 5, 4)):
        np.testing.assert_array_equal(trace.sequence(number)["x"], make_data(case).xs[0][:length, number])
        for at in (trace.at(1), trace.at(1, reverse=True)):
            one = at.sequence(number)
            assert set(one) == {name for name in at.names if "weight" not in name and "bias" not in name}
            for name, values in one.items():
                np.testing.assert_array_equal(values, at[name][:length, number])
                assert not np.isnan(values).any()
        assert np.isnan(trace["h_next"][length:, number]).all()


def test_a_line_that_does_not_run_has_no_value() -> None:
    plain, projected = traced(Case("lstm")), traced(Case("lstm", proj=2))
    (copied, product), (both, used) = (
        [line.values for line in trace.lines("backward").values() if "d_m" in line.names]
        for trace in (plain, projected)
    )
    assert (list(copied), list(product)) == (["d_m"], [])
    assert both["d_m"].shape == (5, 3, 2)
    assert used["d_m"].shape == (5, 3, 6)
    assert list(used) == ["d_m", "d_weight_hr"]
    np.testing.assert_array_equal(projected["d_m"], used["d_m"])
    assert "d_bias_ih" not in traced(Case("lstm", bias=False)).names
    with pytest.raises(KeyError, match="got 'd_weight_hr', which has no value"):
        plain["d_weight_hr"]


def test_a_last_value_that_is_no_array_is_none() -> None:
    run = import_module("scratch_rnn.trace.recording")._Pass(batch_sizes=(1, 1), times=(1, 0))
    array = np.ones((1, 2))
    run.begin_step()
    run.note(7, {"q": array})
    run.note(8, {"q": None})
    assert (dict(run.last["q"]), run.at_line[7, "q"], dict(run.at_line[8, "q"])) == ({}, {1: array}, {})


def test_an_npz_has_every_value(tmp_path: Path) -> None:
    trace = traced(Case("lstm", layers=2, bidirectional=True))
    trace.npz(tmp_path / "trace.npz")
    with np.load(tmp_path / "trace.npz") as file:
        assert len(file.files) == 4 * len(trace.names)
        np.testing.assert_array_equal(file["f_l0"], trace["f"])
        np.testing.assert_array_equal(file["d_x_l1_reverse"], trace.at(1, reverse=True)["d_x"])


def lstm_trace(backward: bool = True) -> Trace:
    layer = numpy_layer(Case("lstm"))
    with recording(layer) as trace:
        output, _, tape = layer.forward(np.ones((3, 2, 4)))
        if backward:
            layer.backward(tape, output)
    return trace


def test_unknown_names_are_refused() -> None:
    with pytest.raises(KeyError, match=r"trace: expected one of the names x, .*d_weight_hr.*, got 'q'"):
        lstm_trace()["q"]


def test_a_gradient_needs_a_backward_pass() -> None:
    trace = lstm_trace(backward=False)
    with pytest.raises(
        ValueError, match="trace: expected a backward pass in the recording, for d_f, got none"
    ):
        trace["d_f"]
    with pytest.raises(ValueError, match="trace: expected a backward pass in the recording, for its lines"):
        trace.lines("backward")


def test_a_value_needs_a_forward_pass() -> None:
    with recording(LSTM(4, 5)) as trace:
        pass
    for read in (lambda: trace["f"], trace.lines, lambda: trace.sequence(0)):
        with pytest.raises(ValueError, match="trace: expected a forward pass in the recording, for"):
            read()
    assert trace.names == []
    assert trace._repr_png_() is None


def test_two_forward_passes_before_a_backward_pass_are_refused() -> None:
    layer, x = LSTM(4, 5), np.ones((3, 2, 4), np.float32)
    with recording(layer):
        layer.forward(x)
        with pytest.raises(ValueError, match="got two forward passes before a backward pass"):
            layer.forward(x)


def test_a_forward_pass_that_fails_is_none() -> None:
    layer, x = LSTM(4, 5), np.ones((3, 2, 4), np.float32)
    with recording(layer) as trace:
        with pytest.raises(ValueError, match="expected h of shape"):
            layer.forward(x, (np.ones((1, 2, 7), np.float32),) * 2)
        layer.forward(x)
    assert trace["f"].shape == (3, 2, 5)


@pytest.mark.parametrize("engine", ["steps", "fused"])
def test_the_tape_of_another_recording_is_refused(engine: str) -> None:
    layer, x = LSTM(4, 5, engine=engine), np.ones((3, 2, 4), np.float32)
    before = layer.forward(x)[2]
    with recording(layer):
        first = layer.forward(x)[2]
    for tape in (before, first):
        with recording(layer):
            layer.forward(x)
            with pytest.raises(ValueError, match="trace: expected the tape of this recording's forward pass"):
                layer.backward(tape)


def test_other_mistakes_are_refused() -> None:
    trace = lstm_trace()
    for arguments in ((1,), (0, True)):
        with pytest.raises(ValueError, match="trace: expected one of 1 layers in 1 directions, got layer"):
            trace.at(*arguments)
    with pytest.raises(ValueError, match="trace: expected one of 2 sequences, got number 2"):
        trace.sequence(2)
    with pytest.raises(ValueError, match="trace: expected the pass to be 'forward' or 'backward', got 'up'"):
        trace.lines("up")
    with pytest.raises(TypeError, match="trace: expected a NumPy RNN, LSTM or GRU layer, got str"):
        recording("lstm").__enter__()  # type: ignore[arg-type]
    layer = LSTM(4, 5)
    with recording(layer), pytest.raises(ValueError, match="got one that is"), recording(layer):
        pass


def test_a_cell_without_source_is_refused() -> None:
    namespace: dict[str, Any] = {}
    exec("def step(x, state, p): return state, None", namespace)
    layer: Any = LSTM(4, 5)
    layer.cell = SimpleNamespace(step=namespace["step"], step_backward=lstm.step_backward)
    with pytest.raises(OSError, match="trace: expected the source of step, got none"), recording(layer):
        pass
