"""The record of a run: all that a reader needs to know to believe its numbers, or to repeat them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from benchmarks import machine
from benchmarks.processes import REMOVED, ROOT, THREADS
from benchmarks.run import Run

PACKAGES = ("scratch_rnn", "numpy", "torch", "triton", "onnx")
FLAGS = (
    "OMP_",
    "KMP_",
    "MKL_",
    "OPENBLAS_",
    "CUBLAS_",
    "CUDA_",
    "CUDNN_",
    "NVIDIA_TF32",
    "TORCH",
    "PYTORCH_",
)


def record(run: Run, tf32: bool) -> dict[str, Any]:
    """Taken once, at the start."""
    device, threads = run.device, run.threads
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": [_without_folder(word) for word in sys.argv[1:]],
        "device": device,
        "machine": machine_name(device, threads),
        "cpu": machine.cpu_model(),
        "cores": machine.cores(),
        "threads": threads,
        "python": machine.python(),
        "versions": versions(),
        "flags": flags(os.environ, device, threads),
        "revision": revision(),
        "rounds": run.rounds,
        "seconds_a_round": run.budget,
    } | (_cuda(tf32) if device == "cuda" else {})


def _without_folder(word: str) -> str:
    """A record is passed on, and says nothing about its author's folders."""
    return Path(word).name if Path(word).is_absolute() else word


def where(facts: dict[str, Any]) -> str:
    """A record in a line."""
    versions = ", ".join(f"{package} {number}" for package, number in facts["versions"].items())
    revision = facts["revision"]
    commit = (
        f", revision {revision['commit'][:10]}{' and changes' if revision['dirty'] else ''}"
        if revision
        else ""
    )
    where = facts["machine"]
    if "gpu" in facts:
        tf32 = "on" if facts["tf32"] else "off"
        where += f", driver {facts['driver']}, cuDNN {facts['cudnn']}, TF32 {tf32}"
    return f"{where}, {facts['python']}, {versions}{commit}"


def machine_name(device: str, threads: int) -> str:
    """What the machine is called in files and below pictures."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{machine.cpu_model()}, {threads} thread{'s' if threads > 1 else ''}"


def versions() -> dict[str, str]:
    """Of what takes part; what is not installed is not there."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found | {"torch": torch.__version__}


def flags(environment: Mapping[str, str], device: str, threads: int) -> dict[str, str | None]:
    """Variables that change how fast libraries are, as contenders find them; None: taken away from them."""
    found: dict[str, str | None] = {k: v for k, v in environment.items() if k.startswith(FLAGS)}
    if device == "cpu":
        found |= dict.fromkeys(THREADS, str(threads))
        found |= {name: None for name in REMOVED if name in environment}
    return found


def revision() -> dict[str, Any]:
    """The commit, and whether the files differ from it; empty outside a clone."""
    told = _run(["git", "-C", str(ROOT), "rev-parse", "HEAD"])
    if not told:
        return {}
    changed = _run(["git", "--no-optional-locks", "-C", str(ROOT), "status", "--porcelain"])
    return {"commit": told, "dirty": bool(changed)}


def _cuda(tf32: bool) -> dict[str, Any]:
    cudnn: Any = torch.backends.cudnn
    driver = _run(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"])
    return {
        "gpu": torch.cuda.get_device_name(),
        "capability": list(torch.cuda.get_device_capability()),
        "driver": driver.splitlines()[0] if driver else None,
        "cuda": torch.version.cuda,
        "cudnn": cudnn.version(),
        "cudnn_benchmark": cudnn.benchmark,
        "tf32": tf32,
    }


def _run(command: Sequence[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
