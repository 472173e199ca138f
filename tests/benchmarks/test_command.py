"""The command as people run it: real worker processes, the JSON they leave, and errors of one line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from benchmarks.cases import Case, Size
from benchmarks.cli import app
from benchmarks.contenders import find
from benchmarks.options import LadderOptions, Options
from benchmarks.processes import ROOT, Worker, environment
from benchmarks.record import flags
from benchmarks.session import Failed
from scratch_rnn.labs import UsageError


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


TINY = ("--quick", "--rounds", "2", "--threads", "1", "--size", "3,2,4,5", "--cell", "rnn")


def invoke(*arguments: str) -> Any:
    """The same in this process: faster."""
    return CliRunner().invoke(app, arguments)


def test_a_tiny_run_from_end_to_end(tmp_path: Path) -> None:
    json_file, plot_file = tmp_path / "run.json", tmp_path / "run.png"
    chosen = ("--what", "training", "--contender", "numpy-steps")
    done = run(*TINY, *chosen, "--json", str(json_file), "--plot", str(plot_file))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "RNN training padded float32" in done.stdout
    assert "torch.nn took ATen (not an LSTM)" in done.stdout
    assert plot_file.read_bytes().startswith(b"\x89PNG")
    check_schema(json.loads(json_file.read_text(encoding="utf-8")))


def check_schema(content: dict[str, Any]) -> None:
    assert content.keys() == {"record", "rows", "summary"}
    record = content["record"]
    assert {"machine", "cpu", "threads", "python", "versions", "flags", "revision", "rounds"} <= record.keys()
    assert record["flags"]["OMP_NUM_THREADS"] == str(record["threads"])
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
    assert ours["memory"] > 0
    assert ours["floor_share"] > 0
    assert ours["verdict"] in ("faster", "slower", "tie")
    ratios = sorted(a / b for a, b in zip(rows["torch.nn"]["rounds"], ours["rounds"], strict=True))
    assert ours["ratio"][0] == pytest.approx(sum(ratios) / 2)
    mean = {"form": ours["form"], "contender": "numpy-steps", "cases": 1}
    assert content["summary"] == [mean | {"ratio": ours["ratio"][0], "least": ours["ratio"][0]}]


def test_a_tiny_ladder_from_end_to_end(tmp_path: Path) -> None:
    json_file, plot_file = tmp_path / "ladder.json", tmp_path / "ladder.png"
    done = invoke("ladder", *TINY, "--what", "inference", "--json", str(json_file), "--plot", str(plot_file))
    assert done.exit_code == 0, done.output
    summary = json.loads(json_file.read_text(encoding="utf-8"))["summary"]
    rungs = [each["rung"] for each in summary]
    assert rungs[0] == "separate gates"
    assert rungs[-1] == "feature-major"
    assert [each["below"] for each in summary[1:]] == rungs[:-1]
    assert all(len(each["factor"]) == 3 for each in summary[1:])
    assert plot_file.read_bytes().startswith(b"\x89PNG")


def test_without_cuda_there_is_one_line_and_status_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    done = invoke("--device", "cuda")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: --device cuda: expected a CUDA device that torch can use, got none")


def test_options_of_the_ladder_stand_behind_its_name() -> None:
    done = invoke("--quick", "ladder")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: benchmarks: expected its options behind ladder, got --quick before it\n"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (Options(cell=["elman"]), "--cell: expected one of rnn, gru, lstm, got elman"),
        (Options(size=["1,2,3"]), "--size: expected four numbers T,N,I,H of at least 1, got 1,2,3"),
        (Options(size=["1,2,3,0"]), "--size: expected four numbers"),
        (Options(dtype=["float16"]), "float16: expected --device cuda, got --device cpu"),
        (Options(tf32=True), "--tf32: expected --device cuda"),
        (Options(sweep=["T"], size=["1,1,1,1"]), "--sweep: expected no --size"),
        (Options(projected=True, cell=["rnn"]), "--projected: expected --cell lstm, got --cell rnn"),
        (Options(projected=True, size=["1,1,1,1"]), "--projected: expected H of at least 2"),
        (Options(rounds=0), "benchmarks: expected --rounds to be at least 1, got 0"),
        (Options(contender=["nobody"]), "--contender: expected one of torch.nn, "),
        (LadderOptions(dtype=["float16"]), "ladder --dtype: expected one of float32 and float64"),
        (LadderOptions(size=["1,1,1,1", "2,2,2,2"]), "ladder --size: expected one size, got 2"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_cannot_be_obeyed_is_refused(options: Any, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        options.check(), options.cases(), options.run("cpu")
    assert str(caught.value).startswith(text)


def test_choices_are_obeyed() -> None:
    chosen = Options(cell=["lstm"], what=["training"], layout=["packed"], dtype=["float64"], sweep=["T"])
    cases = chosen.cases()
    assert {(c.cell, c.what, c.layout, c.dtype) for c in cases} == {("lstm", "training", "packed", "float64")}
    assert [case.size.steps for case in cases] == [25, 50, 100, 200, 400]
    assert Options(projected=True, size=["5,4,3,6"]).cases()[0].proj == 3
    assert Options(quick=True, cell=["gru"]).cases() == [
        c for c in Options(quick=True).cases() if c.cell == "gru"
    ]
    assert Options().whole
    assert not Options(quick=True).whole


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
    (tmp_path / "a.json").write_text(json.dumps({"record": places, "summary": means}))
    shown = invoke("table", str(tmp_path / "a.json"))
    assert shown.exit_code == 0, shown.output
    assert shown.output.splitlines()[2:] == [
        "| GRU training | 7 | 2.24 (1.71) | 1.00 (0.50) |",
        "| GRU inference | 2 | 2.00 (2.00) of 1 | 1.00 (0.25) |",
        "",
        "Measured on M, P, numpy 2.",
    ]
    (tmp_path / "b.json").write_text(json.dumps({"record": places | {"machine": "N"}, "summary": means}))
    for files in (("a.json", "b.json"), ("a.json", "a.json"), ("none.json",)):
        refused = invoke("table", *(str(tmp_path / file) for file in files))
        assert refused.exit_code == 2
        assert "expected" in refused.output
