"""The lab `packed`: its figures for five words, its words against torch.nn, its picture, and bad files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch.nn.utils.rnn import pack_sequence, pad_sequence, unpack_sequence

from scratch_rnn.cli.app import make
from scratch_rnn.labs.harness.implementations import first_weights, load, trainer
from tests.labs.running import IMPLS, lab, refused

FIVE = ["liechtenstein", "afghanistan", "netherlands", "anguilla", "chad"]


@pytest.fixture
def five(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("\n".join(["chad", "", *FIVE[:4]]) + "\n")
    return path


def by_torch(words: list[str]) -> tuple[Any, Any, Any, Any]:
    """Packed and padded outputs at real letters, packed and padded h_n, by a bidirectional torch.nn.RNN
    whose two directions have the lab's weights.
    """
    chosen: Any = make("packed", {})
    weights = {name[4:]: torch.tensor(array) for name, array in first_weights(chosen).items()}
    weights |= {f"{name}_reverse": tensor for name, tensor in weights.items()}
    layer = torch.nn.RNN(len(chosen.alphabet), 30, bidirectional=True, batch_first=True).double()
    layer.load_state_dict(weights)
    x = [torch.tensor(chosen.alphabet.one_hot(chosen.alphabet.encode(word))) for word in words]
    with torch.no_grad():
        packed, packed_n = layer(pack_sequence(x, enforce_sorted=False))
        padded, padded_n = layer(pad_sequence(x, batch_first=True))
    real = [row[: len(word)] for row, word in zip(padded, words, strict=True)]
    return unpack_sequence(packed), real, packed_n, padded_n


def test_the_figures_of_five_words(five: Path) -> None:
    report = lab("packed", "--words", five)
    assert [run["impl"] for run in report["runs"]] == list(IMPLS)
    assert report["max_relative_loss_difference"] is None
    for run in report["runs"]:
        result = run["result"]
        assert run["losses"] == []
        assert (result["padded_cells"], result["packed_cells"]) == (65, 47)
        assert result["batch_sizes"] == [5, 5, 5, 5, 4, 4, 4, 4, 3, 3, 3, 1, 1]
        assert result["max_difference_from_one_by_one"] < 1e-15
        assert result["padded_difference_at_real_letters"] < 1e-15
        wrong = {each["word"]: each["padding"] for each in result["wrong_final_states"]}
        assert wrong == {"chad": 9, "afghanistan": 2, "netherlands": 2, "anguilla": 5}
        assert all(each["difference"] > 0.1 for each in result["wrong_final_states"])
        second = result["bidirectional"]
        assert (second["letters"], second["wrong_letters"]) == (47, 34)
        assert {each["word"]: each["wrong_letters"] for each in second["words"]} == {
            word: len(word) for word in wrong
        }
        np.testing.assert_allclose(result["outputs"], report["runs"][2]["result"]["outputs"], rtol=1e-9)


def test_the_default_words_against_torch() -> None:
    report = lab("packed")
    chosen: Any = make("packed", {})
    packed, padded, packed_n, padded_n = by_torch(chosen.words)
    forward = (packed_n - padded_n)[0].abs().amax(dim=1)
    wrong = {word: float(d) for word, d in zip(chosen.words, forward, strict=True) if len(word) < 13}
    letters = {
        word: (a - b)[:, 30:].abs().amax(dim=1).tolist()
        for word, a, b in zip(chosen.words, packed, padded, strict=True)
        if len(word) < 13
    }
    assert len(wrong) == len(chosen.words) - 1 == 19
    for run in report["runs"]:
        result = run["result"]
        np.testing.assert_allclose(result["outputs"], packed_n[0], atol=1e-14)
        found = {each["word"]: each["difference"] for each in result["wrong_final_states"]}
        assert found == pytest.approx(wrong, rel=1e-9)
        second = {each["word"]: each["difference_at"] for each in result["bidirectional"]["words"]}
        assert list(second) == list(letters)
        for word, differences in letters.items():
            assert second[word] == pytest.approx(differences, abs=1e-14)
        worst = max(map(max, letters.values()))
        assert result["bidirectional"]["max_difference"] == pytest.approx(worst, rel=1e-9)


@pytest.mark.parametrize(
    "options",
    [("--cell", "lstm", "--layers", 2), ("--cell", "gru", "--hidden", 3), ("--dtype", "float32")],
    ids=lambda options: options[1],
)
def test_other_nets(options: tuple[object, ...]) -> None:
    for run in lab("packed", *options)["runs"]:
        result = run["result"]
        assert result["max_difference_from_one_by_one"] < (1e-6 if "float32" in options else 1e-14)
        assert len(result["wrong_final_states"]) == 19
        assert result["bidirectional"]["wrong_letters"] == 160 - 13


def test_the_outputs_of_an_lstm_are_its_last_layer_s_h() -> None:
    chosen: Any = make("packed", {"cell": "lstm", "layers": 2})
    work = trainer(chosen, load("numpy"), first_weights(chosen))
    alone = [work.predict(x[None])[0][0, -1] for x in chosen.x]
    np.testing.assert_allclose(chosen.result(work)["outputs"], alone, atol=1e-14)


def test_words_of_one_length_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("abc\nbca\nbca\n")
    result = lab("packed", "--words", path, "--impl", "numpy")["runs"][0]["result"]
    assert result["padded_cells"] == result["packed_cells"] == 9
    assert result["wrong_final_states"] == result["bidirectional"]["words"] == []
    assert make("packed", {"words": str(path)}).summary(result) == (
        "9 cells padded, 9 packed; packed equals one by one except for rounding; padded, h_n is wrong for "
        "0 of 3 words, and a second direction's outputs at 0 of 9 real letters, by up to 0.000"
    )


def test_the_picture(five: Path) -> None:
    report = lab("packed", "--words", five, "--impl", "numpy")
    axes = Figure().subplots()
    make("packed", {"words": str(five)}).picture(axes, {"numpy": report["runs"][0]["result"]})
    cells = [tuple(np.asarray(cell.get_facecolor())[0, :3]) for cell in axes.collections]
    assert len(cells) == 65 + 47 + 33  # the strip is as wide as both parts
    assert cells.count((0.75, 0.75, 0.75)) == 65 - 47
    texts = {(text.get_position(), text.get_text()) for text in axes.texts}
    assert {((0, 0), "c"), ((0, 1), "l"), ((20, 0), "l"), ((20, 4), "c"), ((32, 0), "n")} <= texts
    under = [t.get_text() for t in axes.texts if t.get_position()[1] == 5]
    assert under == ["5"] * 4 + ["4"] * 4 + ["3"] * 3 + ["1"] * 2 + ["batch_sizes"]
    wrong = {row["word"] for row in report["runs"][0]["result"]["wrong_final_states"]}
    notes = [t.get_text().startswith("h_n off by") for t in axes.texts if t.get_text().startswith("h_n")]
    assert notes == [word in wrong for word in five.read_text().split()]
    strip = [t.get_text() for t in axes.texts if t.get_position()[1] == 8]
    first = [word[0] for word in sorted(five.read_text().split(), key=len, reverse=True)]
    assert strip[:5] == first
    assert axes.get_ylabel() == "word n (its colour)"


def test_the_picture_leaves_out_what_cannot_be_printed(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("a\x07b\ncd\n")
    report = lab("packed", "--words", path, "--impl", "numpy")
    axes = Figure().subplots()
    make("packed", {"words": str(path)}).picture(axes, {"numpy": report["runs"][0]["result"]})
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert [texts.get((t, 0)) for t in range(3)] == ["a", None, "b"]
    assert [texts.get((t, 1)) for t in range(3)] == ["c", "d", ""]
    assert not any("\x07" in text for text in texts.values())
    cells = [tuple(np.asarray(cell.get_facecolor())[0, :3]) for cell in axes.collections]
    assert cells[1] == cells[0] != (0.75, 0.75, 0.75), "the cell has the colour of its word"


BAD = {
    "empty": (b"", "--words: expected at least 2 words, one per line, got 0 in {}"),
    "blank lines": (b"\n \n\n", "--words: expected at least 2 words, one per line, got 0 in {}"),
    "one word": (b"chad\n", "--words: expected at least 2 words, one per line, got 1 in {}"),
    "not UTF-8": (b"chad\nfi\xffji\n", "--words: expected UTF-8, got {}, line 2: the byte 0xff"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files(case: str, tmp_path: Path) -> None:
    content, error = BAD[case]
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    assert refused("lab", "packed", "--words", path) == error.format(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none.txt"
    assert refused("lab", "packed", "--words", path).startswith(
        f"--words: expected a file that can be read, got {path} "
    )
