"""The commands as people run them: real worker processes, the JSON they write, and errors of one line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from benchmarks import check
from benchmarks.cases import SWEEPS, Case, Size, forms, whole
from benchmarks.cli import app
from benchmarks.ladder.rungs import RUNGS
from benchmarks.options import LadderOptions, Options
from benchmarks.registry import find
from benchmarks.report.record import flags
from benchmarks.timing import oracle
from benchmarks.timing.session import Failed
from benchmarks.timing.worker import ROOT, Worker, environment
from scratch_rnn.checks import UsageError


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


TINY = ("--quick", "--rounds", "2", "--threads", "1", "--size", "3,2,4,5", "--cell", "rnn")


def invoke(*arguments: str) -> Any:
    """The same in this process: faster."""
    return CliRunner().invoke(app, arguments)


def test_a_tiny_run_from_end_to_end(tmp_path: Path) -> None:
    json_file, plot_file = tmp_path / "run.json", tmp_path / "run.png"
    chosen = ("--mode", "training", "--contender", "numpy-steps")
    done = run(*TINY, *chosen, "--json", str(json_file), "--plot", str(plot_file))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("1 case, 2 rounds each: about ")
    assert "\n1/1 RNN training padded float32 3,2,4,5: torch.nn " in done.stdout
    assert "RNN training padded float32" in done.stdout
    assert "torch.nn used ATen (not an LSTM)" in done.stdout
    assert plot_file.read_bytes().startswith(b"\x89PNG")
    check_schema(json.loads(json_file.read_text(encoding="utf-8")))


def check_schema(content: dict[str, Any]) -> None:
    assert content.keys() == {"record", "rows", "summary"}
    record = content["record"]
    assert {"machine", "cpu", "threads", "python", "versions", "flags", "revision", "rounds"} <= record.keys()
    assert record["flags"]["OMP_NUM_THREADS"] == str(record["threads"])
    assert {name: len(load) for name, load in record["load"].items()} == {"before": 3, "after": 3}
    assert record["command"][-4:] == ["--json", "run.json", "--plot", "run.png"]
    assert record["blas"].keys() == {"torch.nn", "numpy-steps", "floor-torch", "floor-numpy"}
    rows = {row["contender"]: row for row in content["rows"]}
    assert list(rows) == ["torch.nn", "numpy-steps", "floor-torch", "floor-numpy"]
    for row in rows.values():
        assert row["case"]["size"] == [3, 2, 4, 5]
        assert len(row["rounds"]) == 2
        assert row["seconds"][1] <= row["seconds"][0] <= row["seconds"][2]
        assert row["gflops"] > 0
    ours = rows["numpy-steps"]
    assert ours["error"] < 1e-5
    assert "memory" in ours
    assert ours["floor_share"] > 0
    assert ours["verdict"] in ("faster", "slower", "tie")
    ratios = sorted(a / b for a, b in zip(rows["torch.nn"]["rounds"], ours["rounds"], strict=True))
    assert ours["ratio"][0] == pytest.approx(sum(ratios) / 2)
    mean = {"form": ours["form"], "contender": "numpy-steps", "cases": 1}
    assert content["summary"] == [mean | {"ratio": ours["ratio"][0], "least": ours["ratio"][0]}]


def test_a_tiny_ladder_from_end_to_end(tmp_path: Path) -> None:
    json_file, plot_file = tmp_path / "ladder.json", tmp_path / "ladder.png"
    done = invoke("ladder", *TINY, "--mode", "inference", "--json", str(json_file), "--plot", str(plot_file))
    assert done.exit_code == 0, done.output
    rows = json.loads(json_file.read_text(encoding="utf-8"))["rows"]
    rungs = [row["contender"] for row in rows if row["contender"] not in ("torch.nn", "floor-numpy")]
    assert rungs[0] == "numpy-steps"
    assert rungs[-1] == "numpy-fused"
    assert [row["baseline"] for row in rows[1 : len(rungs)]] == rungs[:-1]
    assert all(len(row["ratio"]) == 3 for row in rows[1:])
    assert plot_file.read_bytes().startswith(b"\x89PNG")
    drawn = plot_file.read_bytes()
    shown = invoke("table", str(json_file), "--plot", str(plot_file)).output.splitlines()
    assert plot_file.read_bytes() == drawn
    assert shown[0] == "| time of the rung before / time, training / inference | RNN | GRU | LSTM |"
    factors = {row["contender"]: f"{row['ratio'][0]:.2f}" for row in rows[1 : len(rungs)]}
    assert shown[2:-2] == [f"| {name} | {factors.get(name, '')} |  |  |" for name in list(RUNGS)[1:]]
    assert shown[-1].startswith("Measured on ")
    assert invoke("table", str(json_file), str(json_file)).exit_code == 2


def test_json_is_written_after_every_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is interrupted in its second case leaves the first."""
    original, seen = Worker.round, list[str]()

    def interrupted(self: Worker) -> Any:
        seen.append(self.contender.name)
        if len(seen) > 4 * 2:  # contenders times rounds
            raise KeyboardInterrupt
        return original(self)

    monkeypatch.setattr(Worker, "round", interrupted)
    json_file = tmp_path / "run.json"
    done = invoke(*TINY, "--contender", "numpy-steps", "--json", str(json_file))
    assert done.exit_code != 0
    modes = [row["case"]["mode"] for row in json.loads(json_file.read_text())["rows"]]
    assert modes == ["training"] * 4


def test_a_sweep_has_a_picture_of_time_and_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SWEEPS, "T", tuple(Size(steps, 2, 4, 5) for steps in (1, 2, 40)))
    done = invoke(
        *("--sweep", "T", "--quick", "--rounds", "1", "--threads", "1", "--cell", "gru"),
        *("--contender", "numpy-fused", "--plot", str(tmp_path / "sweep.png"), "--json", str(tmp_path / "a")),
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
    rows = json.loads((tmp_path / "a").read_text())["rows"]
    assert {row["case"]["mode"] for row in rows} == {"training"}
    assert {row["case"]["size"][0] for row in rows} == {1, 2, 40}
    assert invoke("table", str(tmp_path / "a"), "--plot", str(tmp_path / "again.png")).exit_code == 0
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "sweep.png").read_bytes()


@pytest.mark.parametrize("arguments", [("--device", "cuda"), ("check", "--device", "cuda")])
def test_without_cuda_there_is_one_line_and_status_2(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: --device cuda: expected a CUDA device that torch can use, got none")


def test_options_of_the_ladder_come_after_its_name() -> None:
    done = invoke("--quick", "ladder")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: benchmarks: expected its options after ladder, got --quick before it\n"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (Options(cell=["elman"]), "--cell: expected one of rnn, gru, lstm, got elman"),
        (Options(size=["1,2,3"]), "--size: expected four numbers T,N,I,H of at least 1, got 1,2,3"),
        (Options(size=["1,2,3,0"]), "--size: expected four numbers"),
        (Options(dtype=["float16"]), "float16: expected --device cuda, got --device cpu"),
        (Options(tf32=["on"]), "--tf32: expected --device cuda"),
        (Options(tf32=["maybe"], device="cuda"), "--tf32: expected one of off, on, got maybe"),
        (Options(sweep=["T"], mode=["inference"]), "--sweep: expected --mode training"),
        (Options(forms=True, cell=["rnn"]), "--forms: expected no other choice of cases"),
        (Options(layers=0), "benchmarks: expected --layers to be at least 1, got 0"),
        (Options(sweep=["T"], size=["1,1,1,1"]), "--sweep: expected no --size"),
        (Options(projected=True, cell=["rnn"]), "--projected: expected --cell lstm, got --cell rnn"),
        (Options(projected=True, size=["1,1,1,1"]), "--projected: expected H of at least 2"),
        (Options(rounds=0), "benchmarks: expected --rounds to be at least 1, got 0"),
        (Options(contender=["cudnn-fused"]), "--contender: expected one of torch.nn, "),
        (LadderOptions(dtype=["float16"]), "ladder --dtype: expected one of float32 and float64"),
        (LadderOptions(mode=["forward"]), "ladder --mode: expected training or inference, got forward"),
        (LadderOptions(size=["1,1,1,1", "2,2,2,2"]), "ladder --size: expected one size, got 2"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_cannot_be_obeyed_is_refused(options: Any, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        options.check(), options.cases(), options.run("cpu")
    assert str(caught.value).startswith(text)


def test_choices_are_obeyed() -> None:
    chosen = Options(cell=["lstm"], layout=["packed"], dtype=["float64"], sweep=["T"])
    cases = chosen.cases()
    assert {(c.cell, c.mode, c.layout, c.dtype) for c in cases} == {("lstm", "training", "packed", "float64")}
    assert [case.size.steps for case in cases] == [size.steps for size in SWEEPS["T"]]
    assert Options(projected=True, size=["5,4,3,6"]).cases()[0].proj == 3
    assert Options(quick=True, cell=["gru"]).cases() == [
        c for c in Options(quick=True).cases() if c.cell == "gru"
    ]
    assert Options().cases() == whole("cpu")
    assert Options(forms=True).cases() == forms("cpu")
    stacked = Options(quick=True, layers=2, bidirectional=True).cases()
    assert {(case.layers, case.bidirectional) for case in stacked} == {(2, True)}
    both = Options(quick=True, cell=["rnn"], mode=["training"], device="cuda", tf32=["off", "on"]).cases()
    assert [(case.tf32, case.device) for case in both] == [(False, "cuda"), (True, "cuda")]
    assert both[1].form == "RNN training padded float32 TF32"


def test_check_reports_and_stops_at_a_wrong_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "LAYERS", {"cpu": ("torch-fused",)})
    monkeypatch.setattr(check, "PRECISIONS", {"cpu": [("float32", False)]})
    done = invoke("check")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith("ok    accuracy torch-fused float32: 80 cases, largest error ")
    assert "ok    launches torch-fused RNN: 2 / 4 per time step (inference / training)" in lines
    monkeypatch.setattr(oracle, "bound", lambda case: 0.0)
    wrong = invoke("check")
    assert wrong.exit_code == 1
    assert wrong.stdout.startswith(
        "WRONG accuracy torch-fused float32: RNN training padded float32 7,5,3,6 has"
    )
    assert wrong.stdout.count("\n") == 1
    assert wrong.stderr == "error: 1 check failed\n"


def test_check_reports_what_fails() -> None:
    found = check.accuracy(find("numpy-fused"), [Case("rnn", "training", Size(3, 2, 4, 5), dtype="float8")])
    assert not found.good
    assert "failed: TypeError" in found.text


@pytest.mark.parametrize(
    ("cell", "fused", "least"), [("rnn", (2, 4), 4), ("gru", (5, 9), 13), ("lstm", (7, 12), 12)]
)
def test_launches_per_time_step(cell: str, fused: tuple[int, int], least: int) -> None:
    modes = ("inference", "training")
    assert tuple(check.launches_per_step("torch-fused", cell, mode, "cpu") for mode in modes) == fused
    assert check.launches_per_step("torch-steps", cell, "inference", "cpu") == least
    assert check.launches_per_step("torch-steps", cell, "training", "cpu") > 4 * least * 0.7


def test_a_worker_says_why_it_failed() -> None:
    case = Case("rnn", "inference", Size(3, 2, 4, 5), dtype="float8")
    worker = Worker(find("numpy-steps"), case, threads=1, budget=0.0)
    try:
        with pytest.raises(Failed, match=r"^TypeError: "):
            worker.ready()
    finally:
        worker.close()


def test_workers_sleep_between_their_turns() -> None:
    """NumPy's threads spin for a while after a product; a worker answers when they have stopped."""
    worker = Worker(find("floor-numpy"), Case("lstm", "inference", Size(3, 64, 256, 256)), 2, 0.02)
    try:
        worker.ready()
        worker.round()
        assert worker.round().idle_cpu < 0.02
    finally:
        worker.close()


def test_what_holds_openblas_back_is_taken_away() -> None:
    inherited = {
        "OPENBLAS_CORETYPE": "Haswell",
        "OPENBLAS_L2_SIZE": "512",
        "PATH": "/bin",
        "OMP_NUM_THREADS": "7",
    }
    given = environment(2, inherited)
    assert given["PATH"] == "/bin"
    assert given["OMP_NUM_THREADS"] == given["MKL_NUM_THREADS"] == given["OPENBLAS_NUM_THREADS"] == "2"
    assert not {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"} & given.keys()
    recorded = flags(inherited, "cpu", 2)
    assert recorded["OPENBLAS_CORETYPE"] is None
    assert recorded["OMP_NUM_THREADS"] == "2"


def test_the_table_of_a_run_and_what_is_none(tmp_path: Path) -> None:
    places = {"machine": "M", "python": "P", "versions": {"numpy": "2"}, "revision": {}}
    means = [
        {"form": "GRU training", "contender": "numpy-fused", "cases": 7, "ratio": 2.244, "least": 1.706},
        {"form": "GRU training", "contender": "torch-fused", "cases": 7, "ratio": 1.0, "least": 0.5},
        {"form": "GRU inference", "contender": "torch-fused", "cases": 2, "ratio": 1.0, "least": 0.25},
        {"form": "GRU inference", "contender": "numpy-fused", "cases": 1, "ratio": 2.0, "least": 2.0},
    ]
    (tmp_path / "a.json").write_text(json.dumps({"record": places, "rows": [], "summary": means}))
    shown = invoke("table", str(tmp_path / "a.json"))
    assert shown.exit_code == 0, shown.output
    assert shown.output.splitlines()[2:] == [
        "| GRU training | 7 | 2.24 (1.71) | 1.00 (0.50) |",
        "| GRU inference | 2 | 2.00 (2.00) of 1 | 1.00 (0.25) |",
        "",
        "Measured on M, P, numpy 2.",
    ]
    (tmp_path / "b.json").write_text(
        json.dumps({"record": places | {"machine": "N"}, "rows": [], "summary": means})
    )
    for files in (("a.json", "b.json"), ("a.json", "a.json"), ("none.json",)):
        refused = invoke("table", *(str(tmp_path / file) for file in files))
        assert refused.exit_code == 2
        assert "expected" in refused.output


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import benchmarks.cli", "scratch_rnn.labs"),
        (
            "from benchmarks.timing import worker; worker.find('numpy-fused'); worker.find('hoisted input')",
            "torch",
        ),
    ],
)
def test_what_is_never_imported(statement: str, unwanted: str) -> None:
    """No lab; and no torch in the process of a NumPy contender, as it would share its memory and threads."""
    code = f"{statement}\nimport sys\nprint([name for name in sys.modules if name.startswith({unwanted!r})])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
