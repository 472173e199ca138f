"""The table of gate orders says what the converters do, and the recorded runs prove."""

import subprocess
import sys

import pytest

from scratch_rnn.convert import equinox, flax, keras, onnx
from scratch_rnn.convert.table import ROWS, table
from scratch_rnn.notation import GATES


@pytest.mark.parametrize(
    ("who", "order"),
    [("Keras", keras.ORDER), ("ONNX", onnx.ORDER), ("equinox", equinox.ORDER), ("flax", flax.ORDER)],
)
def test_orders(who: str, order: dict[str, str]) -> None:
    rows = [row for row in ROWS if row[0].startswith(who)]
    assert rows
    for row in rows:
        assert row[1:3] == (" ".join(order["lstm"]), " ".join(order["gru"]))


def test_here() -> None:
    assert ROWS[0][1:3] == tuple(" ".join(GATES[kind]) for kind in ("lstm", "gru"))


def test_the_command_prints_the_table() -> None:
    command = [sys.executable, "-m", "scratch_rnn.convert.table"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == table()
    assert len({line.count("|") for line in table().splitlines()}) == 1
