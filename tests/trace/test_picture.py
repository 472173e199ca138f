"""Which names are drawn, on which scale, and that nothing is drawn which the font or the sizes forbid."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from scratch_rnn.numpy_bptt import GRU, LSTM, RNN
from scratch_rnn.parity.cases import Case
from scratch_rnn.trace import Trace, picture, recording
from tests.trace.twin import traced

DRAWN = {
    "lstm": {"i": "gate", "f": "gate", "g": "signed", "o": "gate", "c_next": "signed", "h_next": "signed"},
    "gru": {"r": "gate", "z": "gate", "n": "signed", "h_next": "signed"},
    "rnn_relu": {"h_next": "signed"},
}


@pytest.mark.parametrize("kind", DRAWN)
def test_what_is_drawn_follows_from_the_source(kind: str) -> None:
    trace = traced(Case(kind, lengths=(2, 5, 4)))
    block = trace.block(sequence=2)
    assert {value.name: value.kind for value, _ in block.rows} == DRAWN[kind]
    for value, gradient in block.rows:
        assert (gradient.name, gradient.kind) == (f"d_{value.name}", "gradient")
        np.testing.assert_array_equal(value.values, trace[value.name][:4, 2])
        np.testing.assert_array_equal(gradient.values, trace[gradient.name][:4, 2])
    assert block.labels == ["0", "1", "2", "3"]


def trace_of(kind: Any, steps: int, hidden: int, backward: bool = True) -> Trace:
    layer = kind(3, hidden)
    with recording(layer) as trace:
        output, _, tape = layer.forward(np.ones((steps, 1, 3), np.float32))
        if backward:
            layer.backward(tape, output)
    return trace


@pytest.mark.parametrize(
    ("kind", "steps", "hidden", "backward"),
    [(LSTM, 3, 2, True), (GRU, 70, 20, True), (RNN, 1, 1, False)],
)
def test_pictures_of_any_size(tmp_path: Path, kind: Any, steps: int, hidden: int, backward: bool) -> None:
    trace = trace_of(kind, steps, hidden, backward)
    labels = [("a", " ", "\n", "한", "$", "_", "^")[t % 7] for t in range(steps)]
    trace.plot(tmp_path / "t.png", title="100 % of $x_1 {", inputs=labels)
    assert imread(tmp_path / "t.png").shape[0] > 200
    assert str(trace._repr_png_()).startswith(r"b'\x89PNG")


def test_formats(tmp_path: Path) -> None:
    trace = trace_of(RNN, 3, 2)
    trace.plot(tmp_path / "t.SVG")
    assert "<svg" in (tmp_path / "t.SVG").read_text(encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"trace: expected the picture's suffix to be '.png' or .*, got '.gif'"
    ):
        trace.plot(tmp_path / "t.gif")


def test_labels_must_fit() -> None:
    with pytest.raises(ValueError, match="trace: expected labels for 3 steps, got 2"):
        trace_of(RNN, 3, 2).block(inputs=["a", "b"])


def test_scales() -> None:
    """0 is in the middle; a quarter of the largest gradient has half of the colour."""
    signed, gradient = picture._norm("signed", 2.0), picture._norm("gradient", 2.0)
    values = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
    np.testing.assert_allclose(signed(values), [0, 0.375, 0.5, 0.625, 1])
    np.testing.assert_allclose(gradient(values), [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(gradient.inverse(gradient(values)), values)


def test_text() -> None:
    assert picture.plain_text(" ") == "␣"
    assert picture.plain_text("a b") == "a b"
    assert picture.plain_text("\U0010fffd$") == "□\\$"
