"""Grading: what is right, what is wrong and where, what is unfinished, and what is no exercise."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scratch_rnn.cli.app import app
from scratch_rnn.exercises import run
from scratch_rnn.exercises.blanks import UNFINISHED, exercise_text
from scratch_rnn.exercises.catalogue import EXERCISES, recognise
from scratch_rnn.exercises.grade import _report
from scratch_rnn.numpy_bptt import engines, modules
from scratch_rnn.parity import contenders, seq2seq
from tests.labs.running import refused
from tests.mutants import ROOT, Mutant, load

Grade = Callable[[str], dict[str, Any]]
FILES = {str(each.file.relative_to(ROOT)): name for name, each in EXERCISES.items()}
MUTANTS = [mutant for mutant in load() if mutant.file in FILES]


@pytest.fixture
def grade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grade:
    """Grades a text as the child process does, in this process; afterwards the project is as it was."""
    for kind in (modules.RNN, modules.LSTM, modules.GRU):
        monkeypatch.setattr(kind, "cell", kind.cell)
    for module, attribute in ((engines, "layer"), (seq2seq, "NumpySeq2Seq")):
        monkeypatch.setattr(module, attribute, vars(module)[attribute])

    def graded(text: str) -> dict[str, Any]:
        file, report = tmp_path / "mine.txt", tmp_path / "report.json"
        file.write_text(text, encoding="utf-8")
        run.main(recognise(text.encode(), str(file)), file, report, tmp_path / "stopped.txt")
        result: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return result

    return graded


def planted(name: str, old: str, new: str) -> str:
    source = EXERCISES[name].read()
    assert source.count(old) == 1
    return source.replace(old, new)


def wrong(result: dict[str, Any]) -> set[str]:
    return {name for name, verdict in result["verdicts"].items() if verdict != "right"}


def command(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)
    assert done.stderr == ""
    return done.exit_code, done.stdout


@pytest.mark.parametrize("name", EXERCISES)
def test_the_projects_own_file_is_right_under_any_name(name: str, grade: Grade) -> None:
    result = grade(EXERCISES[name].read())
    assert wrong(result) == set()
    assert (result["found"], result["torch"]) == (None, EXERCISES[name].in_torch)


def test_the_exercise_is_the_one_with_most_lines_in_common() -> None:
    """Both GRU cells define the same functions; the RNN cell too."""
    for name in ("rnn", "gru", "gru-reset-before"):
        assert recognise(exercise_text(EXERCISES[name]).encode(), "mine.py") == name


def expected_place(mutant: Mutant) -> str:
    """Where the planted bug is to be found: an equation, or what a function returns.

    The same rule as a reader's: the number on the line, else the comment above (backward) or the next number.
    """
    source = EXERCISES[FILES[mutant.file]].read()
    before, after = source.split(mutant.old)
    line = before.rpartition("\n")[2] + mutant.old + after.partition("\n")[0]
    function = re.findall(r"^ *def (\w+)", before + mutant.old, re.MULTILINE)[-1]
    body = re.split(r"^ *def \w+", before, flags=re.MULTILINE)[-1] + line + re.split(r"\ndef ", after)[0]
    if "return" in line or not re.search(r"# \(\d", body):
        return f"wrong in what {function} returns"
    if own := re.search(r"# \((\d+)\)", line):
        return f"wrong at ({own[1]})"
    if "backward" in function:
        return f"wrong at ({re.findall(r'^ +# .(.+?).  ', before, re.MULTILINE)[-1]})"
    found = re.search(r"# \((\d+)\)", after)
    assert found
    return f"wrong at ({found[1]})"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_graded_wrong_with_its_equation(mutant: Mutant, grade: Grade) -> None:
    result = grade(planted(FILES[mutant.file], mutant.old, mutant.new))
    assert wrong(result)
    if "rng" in mutant.old:  # first weights: no numbered line, so the result is named
        assert wrong(result) == {"two unseeded models differ"}
    elif "generator" in mutant.name:  # no value is wrong before the exception: the function is named
        assert wrong(result) == {"pack_sequence"}
    else:
        assert expected_place(mutant) in result["found"]


@pytest.mark.parametrize(
    ("name", "old", "new", "found"),
    [
        (
            "lstm",
            "d_i, d_g = d_c_next * g,",
            "d_i, d_g = d_c_next * c,",
            "d_i: wrong at (3); expected d_c_next ⊙ g",
        ),
        (
            "lstm",
            "State(d_h, d_c), Params",
            "State(0 * d_h, d_c), Params",
            "d_h: wrong in what step_backward returns",
        ),
        (
            "gru",
            "d_h = d_h_1 + d_h_4",
            "d_h = d_h_1",
            "d_h: wrong at (1); expected d_h_1 + d_h_4",
        ),
        (
            "layer",
            "h=d_moved.h + d_y_at[t]",
            "h=d_y_at[t]",
            "d_moved: wrong at (2); expected d_moved._replace(h=d_moved.h + d_y_at[t])",
        ),
        ("layer", "steps[::-1] if reverse else steps", "steps", "the result: wrong in what times returns"),
        (
            "pack",
            'np.argsort(-lengths, kind="stable")',
            'np.argsort(lengths, kind="stable")[::-1]',
            "data, sorted_indices, unsorted_indices: wrong in what pack_padded_sequence returns",
        ),
        (
            "seq2seq",
            "d_state = zeros(d_state)",
            "d_state = d_state",
            "d_state: wrong at (3); expected zeros(d_state)",
        ),
        ("seq2seq", "token = logits.argmax(axis=1)", "token = logits.argmin(axis=1)", "token: wrong at (9)"),
    ],
)
def test_the_sentence_names_the_value_and_what_was_expected(
    name: str, old: str, new: str, found: str, grade: Grade
) -> None:
    result = grade(planted(name, old, new))
    assert wrong(result)
    assert result["found"].startswith(found)


def test_gradients_are_graded_one_by_one(grade: Grade) -> None:
    result = grade(planted("gru", "return d_x, State", "return 2 * d_x, State"))
    assert wrong(result) == {"d_x"}
    assert result["verdicts"]["d_x"].startswith("wrong: off by ")


def test_a_wrong_number_is_printed_beside_the_right_one(grade: Grade) -> None:
    result = grade(planted("seq2seq", "return float(loss), Tape(", "return 2 * float(loss), Tape("))
    assert re.fullmatch(r"wrong: \d+\.\d+, not \d+\.\d+", result["verdicts"]["loss"])


def test_a_missing_gradient_is_named(grade: Grade) -> None:
    old = 'under("encoder", d_encoder) | under("decoder", d_decoder)'
    result = grade(planted("seq2seq", old, 'under("decoder", d_decoder)'))
    assert {name.partition(".")[0] for name in wrong(result)} == {"d_encoder"}
    assert result["verdicts"]["d_encoder.embedding.weight"] == "wrong: missing"


def test_another_way_to_write_it_is_right(grade: Grade) -> None:
    text = planted(
        "lstm",
        "d_c_next = d_c_next + tanh_backward(d_m * o, tanh_c_next)",
        "for _ in [0]:\n        s = o * d_m\n        s *= 1 - tanh_c_next**2\n    d_c_next = s + d_c_next",
    )
    assert wrong(grade(text)) == set()


def test_in_place_updates_and_own_names_are_followed(grade: Grade) -> None:
    old = "d_c_next = d_c_next + tanh_backward(d_m * o, tanh_c_next)"
    text = planted("lstm", old, "d_c_next = d_c_next.copy()\n    d_c_next += d_m * o")
    result = grade(text)
    assert (
        "d_c_next: wrong at (4); expected d_c_next + tanh_backward(d_m ⊙ o, tanh_c_next)" in result["found"]
    )


def test_an_exception_is_a_wrong_result(grade: Grade) -> None:
    result = grade(planted("rnn", "d_a = backward(d_h_next, h_next)", "d_a = backward(d_h_next, nothing)"))
    line = EXERCISES["rnn"].read().split("d_a = backward")[0].count("\n") + 1
    assert wrong(result) == {"step_backward"}
    told = f"wrong: line {line}: NameError: name 'nothing' is not defined"
    assert result["verdicts"]["step_backward"] == told


@pytest.mark.parametrize("new", ["    Params(", "    return d_x, Params("])
def test_a_result_of_another_form_is_named_with_its_function(new: str, grade: Grade) -> None:
    result = grade(planted("lstm", "    return d_x, State(d_h, d_c), Params(", new))
    assert wrong(result) == {"step_backward"}
    told = result["verdicts"]["step_backward"]
    assert re.match(r"wrong: what it returns cannot be used: \w+Error: ", told)


@pytest.mark.parametrize("name", EXERCISES)
def test_an_unfinished_function_is_named(name: str, grade: Grade) -> None:
    result = grade(exercise_text(EXERCISES[name]))
    blanks = EXERCISES[name].blanks
    unfinished = {key for key, verdict in result["verdicts"].items() if verdict == "not written yet"}
    assert unfinished == set(blanks)
    assert wrong(result) == unfinished


def test_a_finished_forward_pass_is_graded_before_the_backward_pass_is_written(grade: Grade) -> None:
    result = grade(exercise_text(EXERCISES["lstm"]))
    assert result["verdicts"] == {
        "output": "right",
        "h_n": "right",
        "c_n": "right",
        "step_backward": "not written yet",
    }


@pytest.mark.parametrize("name", EXERCISES)
def test_each_exercise_can_be_solved(name: str, grade: Grade) -> None:
    """The bodies of the project's file, pasted back."""
    text, source = exercise_text(EXERCISES[name]), EXERCISES[name].read()
    assert text.count(UNFINISHED) == len(EXERCISES[name].blanks)
    for blank in EXERCISES[name].blanks:
        function = blank.rpartition(".")[2]
        head = rf"def {function}\((?:.|\n)*?\n( +)\"\"\"(?:.|\n)*?\"\"\"\n"
        real, mine = re.search(head, source), re.search(head, text)
        assert real
        assert mine
        body = re.match(rf"(?:{real[1]}.*\n|\n(?={real[1]}))*", source[real.end() :])
        assert body
        end = text.index(UNFINISHED, mine.end()) + len(UNFINISHED) + 1
        text = text[: mine.end()] + body[0] + text[end:]
    assert UNFINISHED not in text
    assert text.partition("\n")[2] == source
    assert wrong(grade(text)) == set()


def test_without_the_clone_it_says_so(grade: Grade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "find_spec", lambda name: None)
    result = grade(EXERCISES["seq2seq"].read())
    assert (wrong(result), result["torch"]) == (set(), False)
    lines, right = _report(EXERCISES["seq2seq"], Path("mine.py"), result)
    assert right
    assert " ".join(map(str.strip, lines[1:3])) == (
        "compared with scratch_rnn/numpy_bptt/models/seq2seq.py; "
        "not with torch.nn: the clone's folder reference/ is missing"
    )


def test_the_command_grades_a_file(tmp_path: Path) -> None:
    status, printed = command("grade", EXERCISES["rnn"].file)
    assert status == 0
    assert printed.splitlines()[1] == "compared with scratch_rnn/numpy_bptt/rnn.py and torch.nn"
    assert printed.splitlines()[2] == "d_q is the gradient of the loss with respect to q"
    assert printed.splitlines()[-1] == "all right"
    file = tmp_path / "a name.py"
    assert command("exercise", "rnn", "--out", file) == (0, "")
    status, printed = command("grade", file)
    assert status == 1
    assert printed.splitlines()[-1].split() == ["step_backward", "not", "written", "yet"]


def test_the_cell_that_torch_does_not_have_is_compared_with_the_projects() -> None:
    status, printed = command("grade", EXERCISES["gru-reset-before"].file)
    assert (status, printed.splitlines()[-1]) == (0, "all right")
    assert "not with torch.nn: it has no such cell" in " ".join(printed.split())


def test_a_report_fits_into_80_columns(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    text = planted("lstm", "d_c_next * c, d_c_next * f", "d_c_next * c, np.stack([d_c_next, f[:, :0]])")
    file.write_text(text, encoding="utf-8")
    status, printed = command("grade", file)
    assert (status, len(printed.splitlines()) > 7) == (1, True)
    assert max(map(len, printed.splitlines()[1:])) <= 80


def test_an_endless_loop_is_stopped(tmp_path: Path) -> None:
    file = tmp_path / "loop.py"
    text = planted("rnn", "    d_a = backward(d_h_next, h_next)", "    while True:\n        d_a = 0")
    file.write_text(text, encoding="utf-8")
    status, printed = command("grade", file)
    assert status == 1
    assert re.search(r"stopped after 5 seconds at line \d+, in step_backward", printed)


def test_a_file_that_ends_the_process_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "exit.py"
    file.write_text(EXERCISES["rnn"].read() + "\nimport os\nos._exit(0)\n", encoding="utf-8")
    status, printed = command("grade", file)
    assert (status, printed.splitlines()[-1]) == (1, "the file ended the process that ran it")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"def step(:\n", "grade: expected a Python file, got {}: invalid syntax (mine.py, line 1)"),
        (
            b"x = '\x00'\n",
            "grade: expected a Python file, got {}: source code string cannot contain null bytes",
        ),
        (b"\xff\xfe", "grade: expected a Python file, got {}: "),
        (b"def step(x): return x\n", "grade: expected a file that defines what one of the exercises does"),
    ],
)
def test_a_file_that_is_no_exercise_is_refused(content: bytes, error: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_bytes(content)
    assert refused("grade", file).startswith(error.format(file))


def test_what_cannot_be_read_or_imported_is_refused(tmp_path: Path) -> None:
    assert "a file that can be read, got" in refused("grade", tmp_path / "none.py")
    assert "a file that can be read, got" in refused("grade", tmp_path)
    file = tmp_path / "mine.py"
    file.write_text("import nothing_of_this_name\n" + EXERCISES["rnn"].read(), encoding="utf-8")
    assert "mine.py, line 1: ModuleNotFoundError" in refused("grade", file)


def test_the_torch_twin_of_a_cell_is_no_exercise() -> None:
    told = refused("grade", ROOT / "scratch_rnn/torch_autograd/lstm.py")
    assert "for lstm it lacks step_backward" in told


def test_the_exercise_is_printed_or_written_to_a_new_file(tmp_path: Path) -> None:
    status, printed = command("exercise", "layer")
    assert (status, printed) == (0, exercise_text(EXERCISES["layer"]))
    file = tmp_path / "layer.py"
    file.write_text("mine", encoding="utf-8")
    told = refused("exercise", "layer", "--out", file)
    assert told.endswith(f"yet, got {file}; delete it or choose another name with --out")
    assert file.read_text(encoding="utf-8") == "mine"


def test_equations_are_left_and_code_is_not() -> None:
    text = exercise_text(EXERCISES["lstm"])
    assert "    # (3)  c' = f ⊙ c + i ⊙ g\n" in text
    assert "d_c_next *" not in text
    loops = exercise_text(EXERCISES["layer"])
    assert "    # (2)  y_t = h'[:N_t]\n" in loops
    assert "moved.h" not in loops
