"""Lab one-to-many: names of unseen digits, English and Korean, and files of the user."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imsave

from scratch_rnn.cli.app import make
from scratch_rnn.labs.inputs.image import read_image
from scratch_rnn.labs.one_to_many import NAMES
from tests.labs.running import assert_one_curve, lab, refused, run

IMAGE = " ".join(["0", "16"] * 32)


def test_default_digits() -> None:
    done = run("one-to-many")
    assert done.result["exact_match"] >= 0.88
    assert (done.result["images"], len(done.losses)) == (450, 20 * 22)


def test_korean() -> None:
    done = run("one-to-many", language="ko", epochs=8)
    assert done.result["exact_match"] >= 0.8
    assert set(done.result["names"]) & set(NAMES["ko"]) == set(NAMES["ko"])


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_one_curve(cell: str) -> None:
    report = lab("one-to-many", "--steps", 25, "--cell", cell, "--layers", 2, "--hidden", 12)
    assert_one_curve(report)
    assert len({str(each["result"]) for each in report["runs"]}) == 1


@pytest.mark.parametrize("language", ["en", "ko"])
def test_batches_teach_the_next_letter(language: str) -> None:
    chosen: Any = make("one-to-many", {"language": language, "batch_size": 9})
    images, words, target = chosen.batch(3)
    assert images.shape == (9, 64)
    assert images.min() >= 0
    assert 0.9 < images.max() <= 1
    labels = chosen.labels[chosen.batches.rows(3)]
    for label, word, wanted in zip(labels, words, target, strict=True):
        assert chosen._word(wanted.tolist()) == NAMES[language][label]
        assert (word[0], wanted[-1]) == (0, 1)
        assert np.array_equal(word[1:], wanted[:-1])
    assert max(map(len, target)) <= chosen.max_length


class Speller:
    """A trainer that predicts every name, or every name without its end."""

    def __init__(self, chosen: Any, cut: int) -> None:
        self.chosen, self.cut = chosen, cut

    def predict(self, images: Any, start: int, max_length: int) -> tuple[Any, None]:
        predicted = np.full((len(images), max_length), 1)
        for row, label in enumerate(self.chosen.test_labels):
            name = self.chosen.spelled[label][: None if self.cut == 0 else -1 - self.cut]
            predicted[row, : len(name)] = name
        return predicted, None


def test_exact_means_every_letter() -> None:
    chosen: Any = make("one-to-many", {})
    assert chosen.result(Speller(chosen, 0))["exact_match"] == 1
    assert chosen.result(Speller(chosen, 1))["exact_match"] == 0


@pytest.mark.parametrize("wrong", ["three", ""])
def test_only_a_wrong_name_is_red_and_says_the_right_one(wrong: str) -> None:
    chosen: Any = make("one-to-many", {})
    right = [NAMES["en"][label] for label in chosen.test_labels]
    place = next(n for n, name in enumerate(right) if n > 5 and name != "three")
    said = [*right[:place], wrong, *right[place + 1 :]]
    axes = Figure().subplots()
    chosen.picture(axes, {"numpy": {"names": said}})
    others = right[:place] + right[place + 1 : 24]
    written = [(text.get_text(), text.get_color()) for text in axes.texts]
    assert written[0] == (wrong or "(nothing)", "#b00020")
    assert written[1][0] == f"is {right[place]}"
    assert written[2:] == [(name, "k") for name in others]
    assert axes.get_title() == "one-to-many, numpy: 1 of 450 unseen images named wrongly (red, first)"


def test_files_of_the_user(tmp_path: Path) -> None:
    path = tmp_path / "digits.tsv"
    path.write_text("".join(f"{n % 10}\t{IMAGE}\n" for n in range(31)), encoding="utf-8")
    chosen: Any = make("one-to-many", {"digits": str(path)})
    assert (chosen.labels.tolist(), chosen.test_labels.tolist()) == ([n % 10 for n in range(28)], [8, 9, 0])
    both: Any = make("one-to-many", {"digits": str(path), "test_digits": str(path)})
    assert len(both.images) == len(both.test_images) == 31
    report = lab("one-to-many", "--digits", path, "--epochs", 2, "--batch-size", 10, "--impl", "numpy")
    assert len(report["runs"][0]["losses"]) == 2 * 3


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("3 0 0 0", "expected label TAB 64 pixels, got {}, line 2: 0 tabs"),
        (f"3\t{IMAGE}\t", "expected label TAB 64 pixels, got {}, line 2: 2 tabs"),
        (f"three\t{IMAGE}", "expected a label 0 to 9, got 'three' in {}, line 2"),
        (f"10\t{IMAGE}", "expected a label 0 to 9, got '10' in {}, line 2"),
        ("3\t ", "expected a 64 pixels, got {}, line 2: an empty one"),
        ("3\t1 2 3", "expected 64 pixels from 0 to 16, got 3 from 1 to 3 in {}, line 2"),
        (
            f"3\t{IMAGE.replace('16', '17')}",
            "expected 64 pixels from 0 to 16, got 64 from 0 to 17 in {}, line 2",
        ),
        (f"3\t{IMAGE.replace('16', 'x')}", "expected a number, got 'x' in {}, line 2"),
        (f"3\t{IMAGE.replace('16', 'nan')}", "expected a number, got 'nan' in {}, line 2"),
    ],
)
@pytest.mark.parametrize("option", ["--digits", "--test-digits"])
def test_refusals(tmp_path: Path, line: str, error: str, option: str) -> None:
    path = tmp_path / "bad.tsv"
    path.write_text(f"1\t{IMAGE}\n{line}\n", encoding="utf-8")
    assert refused("lab", "one-to-many", option, path) == f"{option}: {error.format(path)}"


def test_too_few_lines_to_hold_any_out(tmp_path: Path) -> None:
    path = tmp_path / "few.tsv"
    path.write_text(f"1\t{IMAGE}\n" * 9, encoding="utf-8")
    assert refused("lab", "one-to-many", "--digits", path) == (
        f"--digits: expected at least 10 lines, or --test-digits, got 9 in {path}"
    )


def drawn(tmp_path: Path, pixels: Any, name: str = "digit.png") -> Path:
    imsave(tmp_path / name, pixels, cmap="gray", vmin=0, vmax=1)
    return tmp_path / name


def test_images_are_reduced_to_their_areas(tmp_path: Path) -> None:
    ink = np.zeros((8, 8))
    ink[2:6, 3] = [0.25, 0.5, 0.75, 1]
    small, large = drawn(tmp_path, 1 - ink), drawn(tmp_path, np.kron(1 - ink, np.ones((5, 3))), "large.png")
    for path in (small, large, drawn(tmp_path, ink, "white on black.png")):
        np.testing.assert_allclose(read_image("--image", path), ink.reshape(-1), atol=0.003)
    uneven = drawn(tmp_path, np.ones((12, 9)) * 0.6, "uneven.png")
    np.testing.assert_allclose(read_image("--image", uneven), np.full(64, 0.4), atol=0.003)
    clear = np.zeros((8, 8, 4))
    clear[2:6, 3, 3] = ink[2:6, 3]
    imsave(tmp_path / "clear.png", clear)
    np.testing.assert_allclose(read_image("--image", tmp_path / "clear.png"), ink.reshape(-1), atol=0.003)


def test_a_saved_model_names_an_image(tmp_path: Path) -> None:
    chosen: Any = make("one-to-many", {})
    row = int(np.flatnonzero(chosen.test_labels == 0)[0])
    path = drawn(tmp_path, 1 - chosen.test_images[row].reshape(8, 8))
    saved, options = tmp_path / "m.npz", ("--impl", "numpy")
    lab("one-to-many", "--engine", "fused", "--epochs", 8, "--save", saved, *options)
    result = lab("one-to-many", "--load", saved, "--image", path, *options)["runs"][0]["result"]
    assert result["image"] == result["names"][row] == "zero"
    lab("one-to-many", "--load", saved, "--save", saved, "--image", path, *options)
    assert "image" not in lab("one-to-many", "--load", saved, *options)["runs"][0]["result"]
    made: Any = make("one-to-many", {"image": str(path)})
    assert made.summary(result).endswith(f"; {path} → zero")


def test_what_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no image")
    error = refused("lab", "one-to-many", "--image", tmp_path / "x.png")
    assert error.startswith(f"--image: expected a PNG image, got {tmp_path / 'x.png'} (")
    assert "a file that can be read" in refused("lab", "one-to-many", "--image", tmp_path / "none.png")
