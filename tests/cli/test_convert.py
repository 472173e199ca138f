"""`python -m scratch_rnn convert`: files of weights, to another layout and again to torch's."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from scratch_rnn.cli.app import app
from scratch_rnn.cli.convert import Format
from scratch_rnn.numpy_bptt import GRU, LSTM
from scratch_rnn.weight_files import FORMATS
from tests.labs.running import refused


def convert(*words: object) -> str:
    done = CliRunner().invoke(app, ["convert", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_options_are_all_formats() -> None:
    assert [str(each) for each in Format] == list(FORMATS)


@pytest.mark.parametrize("target", ["keras", "flax-linen"])
def test_another_layout_computes_the_same(target: str, tmp_path: Path) -> None:
    layer = LSTM(2, 3, num_layers=2, bidirectional=True, rng=0)
    first, middle, last = (tmp_path / f"{name}.npz" for name in ("first", "middle", "last"))
    np.savez(first, allow_pickle=False, **layer.state_dict())
    size = "LSTM(2, 3, num_layers=2, bidirectional=True)"
    assert convert(first, "--from", "torch", "--to", target, "--out", middle) == f"Wrote {middle}: {size}\n"
    convert(middle, "--from", target, "--to", "torch", "--out", last)
    with np.load(last) as file:
        again = LSTM.from_state_dict({name: file[name] for name in file.files})
    x = np.random.default_rng(1).normal(size=(5, 4, 2)).astype(np.float32)
    np.testing.assert_allclose(again(x)[0], layer(x)[0], atol=1e-6)


def test_the_reset_gate_before_the_product(tmp_path: Path) -> None:
    layer = GRU(2, 3, reset_after=False, rng=0)
    first, middle = tmp_path / "first.npz", tmp_path / "middle.npz"
    np.savez(first, allow_pickle=False, **layer.state_dict())
    convert(first, "--from", "torch", "--to", "keras", "--out", middle, "--no-reset-after")
    with np.load(middle) as file:
        assert file["0/2"].shape == (9,), "one bias"


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    path, out = tmp_path / "a.npz", tmp_path / "b.npz"
    np.savez(path, allow_pickle=False, **GRU(2, 3).state_dict())
    words = ("convert", path, "--from", "torch", "--to")
    assert refused(*words, "onnx", "--out", out).startswith("--to: expected onnx in a file .onnx, got ")
    assert refused(*words, "keras", "--out", tmp_path / "none" / "b.npz").startswith(
        "--out: expected a file in "
    )
    assert not out.exists()
    assert refused("convert", out, "--from", "torch", "--to", "keras", "--out", out).count("expected") == 1


def test_the_input_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, allow_pickle=False, **GRU(2, 3, rng=0).state_dict())
    before = path.read_bytes()
    (tmp_path / "link.npz").symlink_to(path)
    for out in (path, tmp_path / "x" / ".." / "a.npz", tmp_path / "link.npz"):
        error = refused("convert", path, "--from", "torch", "--to", "keras", "--out", out)
        assert error == f"--out: expected another file than FILE, got {out}"
        assert path.read_bytes() == before
