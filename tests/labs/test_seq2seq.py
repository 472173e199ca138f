"""The lab `seq2seq`: the course's pairs, a user's file, resuming, counts, and refusals."""

import random
from pathlib import Path
from typing import Any

import pytest
from numpy import ndarray
from typer.testing import CliRunner

from scratch_rnn.cli.app import app, make
from scratch_rnn.labs.harness.implementations import first_weights, load, trainer
from scratch_rnn.labs.inputs.pairs import COURSE
from scratch_rnn.seq2seq_common import Decoded
from tests.labs.running import IMPLS, assert_one_curve, lab, refused, run

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """Two digits, to be decoded in the other order: 100 pairs."""
    path = tmp_path / "pairs.tsv"
    both = [(a, DIGITS[n - shift]) for shift in range(10) for n, a in enumerate(DIGITS)]
    lines = [f"{a} {b}\t{b[::-1]} {a[::-1]}" for a, b in both]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("forcing", [1.0, 0.5])
def test_one_curve_on_the_courses_pairs(forcing: float) -> None:
    report = lab("seq2seq", "--steps", 40, "--teacher-forcing", forcing)
    assert_one_curve(report)
    losses = report["runs"][0]["losses"]
    published = pytest.approx([12.638961931564825, 12.489889132, 9.681114641], rel=1e-6)
    assert (losses[:3] == published) is (forcing == 1)
    assert report["runs"][0]["parameters"] == 3965
    results = [run["result"] for run in report["runs"]]
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("options", [(), ("--teacher-forcing", 0.5, "--cell", "lstm", "--layers", 2)])
def test_one_curve_on_a_file(numbers: Path, options: tuple[object, ...]) -> None:
    options = ("--hidden", 12, "--steps", 30, "--batch-size", 32, *options)
    report = lab("seq2seq", "--pairs", numbers, *options)
    assert_one_curve(report)
    assert report["runs"][0]["losses"][0] < 4, "the mean over tokens"


def test_the_courses_pairs_memorized() -> None:
    result = run("seq2seq", steps=400, lr=0.1).result
    assert result["exact_match"] == 1
    assert result["examples"] == [{"source": a, "wanted": b, "said": b} for a, b in COURSE]
    summary = make("seq2seq", {}).summary(result)
    assert summary.startswith(
        "4 of 4 pairs reproduced: memory, not translation, since these are the training pairs"
    )


def test_unseen_pairs_of_a_file(numbers: Path) -> None:
    settings: dict[str, Any] = {"pairs": str(numbers), "hidden": 32, "lr": 0.02, "epochs": 20}
    done = run("seq2seq", **settings)
    assert len(done.losses) == 20 * 2
    assert (done.result["training_pairs"], done.result["test_pairs"]) == (90, 10)
    sources = [each["source"] for each in done.result["examples"]]
    assert sources == [f"{a} {DIGITS[n - 9]}" for n, a in enumerate(DIGITS)]
    assert done.result["exact_match"] >= 0.8, done.result


def test_a_course_step_is_one_pair_drawn_with_the_seed() -> None:
    chance = random.Random(7)
    drawn = [chance.choice(COURSE) for _ in range(50)]
    chosen: Any = make("seq2seq", {"seed": 7, "steps": 50})
    source, target = chosen.vocabularies
    assert source.tokens[:3] == ("<SOS>", "<EOS>", "i")
    for step, (a, b) in enumerate(drawn):
        source_rows, source_lengths, target_rows, target_lengths, forcing, draws, divide_by = chosen.batch(
            step
        )
        assert source_rows.tolist() == [source.encode(a).indices]
        assert target_rows.tolist() == [target.encode(b).indices]
        assert (source_lengths, target_lengths) == ([source_rows.shape[1]], [target_rows.shape[1]])
        assert (forcing, draws, divide_by) == (1.0, None, None)


def test_a_file_s_batch_is_padded_and_its_draws_are_its_own(numbers: Path) -> None:
    chosen: Any = make("seq2seq", {"pairs": str(numbers), "teacher_forcing": 0.5, "level": "char", "seed": 3})
    sources, lengths, _, _, forcing, draws, divide_by = chosen.batch(1)
    assert (forcing, divide_by) == (0.5, "tokens")
    assert len(sources) == 90 - 64
    for row, length in zip(sources, lengths, strict=True):
        assert row[length - 1] == 2, "<EOS>"
        assert set(row[length:]) <= {0}
    assert draws.random() == chosen.batch(1)[5].random() != chosen.batch(0)[5].random()


def test_what_is_chosen_with_and_without_a_file(numbers: Path) -> None:
    names = ("cell", "hidden", "lr", "optimizer", "clip", "batch_size", "level", "teacher_forcing")
    alone, given = make("seq2seq", {}), make("seq2seq", {"pairs": str(numbers)})
    settings = [tuple(getattr(each.settings, name) for name in names) for each in (alone, given)]
    assert settings[0] == ("gru", 16, 0.01, "sgd", None, None, "word", 1.0)
    assert settings[1] == ("gru", 128, 0.003, "adam", 1.0, 64, "word", 1.0)
    assert (alone.steps, given.steps) == (5000, 20 * 2)
    own = {
        "hidden": 5,
        "lr": 0.5,
        "optimizer": "sgd",
        "clip": 7.0,
        "batch_size": 9,
        "layers": 2,
        "cell": "rnn",
    }
    chosen = make("seq2seq", {"pairs": str(numbers), **own})
    assert {name: getattr(chosen.settings, name) for name in own} == own
    weights = first_weights(chosen)
    assert weights["encoder.rnn.weight_hh_l1"].shape == (5, 5)
    assert weights["encoder.embedding.weight"].shape == (4 + 10, 5)


@pytest.mark.parametrize("impl", IMPLS)
@pytest.mark.parametrize("file", [False, True], ids=["course", "file"])
def test_resumed_is_uninterrupted(impl: str, file: bool, numbers: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "half.npz"
    options: list[object] = ["--impl", impl, "--teacher-forcing", 0.5, "--hidden", 6]
    options += ["--pairs", numbers, "--batch-size", 40] if file else []
    whole = lab("seq2seq", *options, "--steps", 14)["runs"][0]
    lab("seq2seq", *options, "--steps", 5, "--save", checkpoint)
    resumed = lab("seq2seq", "--impl", impl, "--load", checkpoint, "--steps", 14)["runs"][0]
    assert resumed["losses"] == whole["losses"]
    assert resumed["result"] == whole["result"]


def test_what_is_counted(tmp_path: Path) -> None:
    train, test = tmp_path / "train.tsv", tmp_path / "test.tsv"
    nine, eleven = "w " * 9, "v " * 11
    train.write_text(f"A  b\tx Y\nb\ty\n{nine}\t{eleven}\n{nine} w\tx\nb\t{eleven} v\n", encoding="utf-8")
    test.write_text(f"a q\tx y\nb\tz\nb\ty\nr\tx\n{'q ' * 10}\tx\n", encoding="utf-8")
    settings = {"pairs": str(train), "test_pairs": str(test), "hidden": 4, "steps": 1}
    chosen: Any = make("seq2seq", settings)
    assert chosen.warnings == ["1 of 4 test pairs are training pairs too"]
    assert (chosen.dropped, chosen.max_length) == (3, 12)
    x, y, z = (chosen.vocabularies[1].encode(word, end=False).indices[0] for word in ("x", "y", "z"))
    decoded = [
        Decoded([x, y], "eos"),
        Decoded([z], "eos"),
        Decoded([y, x], "eos"),
        Decoded([x], "max_length"),
    ]
    result = chosen.result(Scripted(decoded))
    assert result == {
        "exact_match": 0.25,
        "right": 1,
        "test_pairs": 4,
        "training_pairs": 3,
        "dropped_as_too_long": 3,
        "unknown_source_words": 2,
        "unknown_target_words": 1,
        "stopped_at_max_length": 1,
        "examples": [
            {"source": "a q", "wanted": "x y", "said": "x y"},
            {"source": "b", "wanted": "z", "said": "<UNK>"},
            {"source": "b", "wanted": "y", "said": "y x"},
            {"source": "r", "wanted": "x", "said": "x"},
        ],
    }
    assert chosen.summary(result).startswith(
        "25.00% of 4 test pairs exact, 3 training pairs; 3 dropped as too long; 2 unknown words in sources, "
        "1 in targets; 1 stopped at the maximal length\n  a q → x y\n  b → <UNK>  (target: z)\n"
    )


class Scripted:
    """A trainer, and its model, that returns given translations."""

    def __init__(self, decoded: list[Decoded]) -> None:
        self.model, self.decoded = self, decoded

    def greedy(self, source: ndarray, lengths: list[int], max_length: int) -> list[Decoded]:
        assert len(source) == len(lengths) == len(self.decoded)
        assert max_length == 12
        return self.decoded


def test_many_sentences_are_decoded_some_at_a_time(numbers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: Any = make("seq2seq", {"pairs": str(numbers), "test_pairs": str(numbers), "level": "char"})
    work = trainer(chosen, load("numpy"), first_weights(chosen))
    whole = chosen.result(work)
    assert len(whole["examples"]) == 10
    assert whole["stopped_at_max_length"] > 0
    monkeypatch.setattr("scratch_rnn.labs.seq2seq.AT_ONCE", 7)
    assert chosen.result(work) == whole


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--test-pairs", "x.tsv"), "seq2seq: expected --pairs with --test-pairs, got none"),
        (("--batch-size", 2), "seq2seq: expected --pairs with --batch-size, got none"),
        (("--teacher-forcing", 1.5), "seq2seq: expected --teacher-forcing of at most 1, got 1.5"),
        (("--teacher-forcing", -0.5), "seq2seq: expected --teacher-forcing of at least 0, got -0.5"),
        (("--max-source-words", 1), "seq2seq: expected --max-source-words of at least 2, got 1"),
        (
            ("--max-source-words", 3),
            "seq2seq: expected limits that leave one of the course's pairs, got (3, 12)",
        ),
    ],
)
def test_refused_options(options: tuple[object, ...], error: str) -> None:
    assert refused("lab", "seq2seq", *options) == error


def test_pairs_are_drawn_as_the_run_goes() -> None:
    chosen: Any = make("seq2seq", {"steps": 10**12, "seed": 7})
    assert chosen.steps == 10**12
    later = str(chosen.batch(40))
    other: Any = make("seq2seq", {"steps": 50, "seed": 7})
    assert [str(other.batch(step)) for step in range(41)][-1] == later


def test_a_saved_model_translates(tmp_path: Path) -> None:
    saved, options = tmp_path / "m.npz", ("--impl", "numpy", "--steps", 400, "--lr", 0.1)
    lab("seq2seq", *options, "--save", saved)
    words = ["lab", "seq2seq", "--impl", "numpy", "--load", str(saved), "--translate"]
    done = CliRunner().invoke(app, [*words, "I  feel HUNGRY.", "--translate", "pytorch is a banana"])
    assert done.exit_code == 0, done.output
    first, second = done.stdout.split("translations:\n")[1].splitlines()
    assert first == f"  i feel hungry. → {COURSE[0][1]}"
    assert second.endswith("  (unknown words: 1)")
    lines = "pytorch is very easy.\r\n\ni feel hungry.\n"
    done = CliRunner().invoke(app, [*words, "-"], input=lines)
    told = done.stdout.split("translations:\n")[1].splitlines()
    assert told == [f"  {COURSE[n][0]} → {COURSE[n][1]}" for n in (1, 0)]


def test_translations_of_all_implementations() -> None:
    report = lab("seq2seq", "--steps", 20, "--translate", "i feel")
    translations = [each["result"]["translations"] for each in report["runs"]]
    assert translations[0] == translations[1] == translations[2]
    assert (translations[0][0]["source"], translations[0][0]["unknown"]) == ("i feel", 0)


def test_what_cannot_be_translated() -> None:
    assert refused("lab", "seq2seq", "--translate", " ") == "--translate: expected a text, got ' '"
    done = CliRunner().invoke(app, ["lab", "seq2seq", "--translate", "-"], input="\n")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: --translate: expected a text, got an empty standard input\n",
    )
    done = CliRunner().invoke(app, ["lab", "seq2seq", "--translate", "-"], input=b"a\n\xff\n")
    assert done.stderr == "error: --translate: expected UTF-8, got standard input, line 2: the byte 0xff\n"
