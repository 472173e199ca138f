"""The record of a run: what a reader needs in order to judge its numbers, or to repeat them."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from benchmarks.timing import gpu, machine
from benchmarks.timing.run import Run
from benchmarks.timing.worker import REMOVED, ROOT, THREADS

PACKAGES = ("scratch_rnn", "numpy", "torch", "triton")
FLAGS = ("OMP", "KMP", "MKL", "OPENBLAS", "CUBLAS", "CUDA", "CUDNN", "NVIDIA_TF32", "TORCH", "PYTORCH")


def record(run: Run) -> dict[str, Any]:
    """At the start; `finished` adds what is known at the end."""
    device, threads = run.device, run.threads
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        # A record is published, and must not show its author's folders.
        "command": [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]],
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
        "load": {"before": machine.load()},
    } | (gpu.facts() if device == "cuda" else {})


def finished(facts: dict[str, Any], run: Run) -> dict[str, Any]:
    """The record with the load of the machine now, and on a GPU the peak rates measured so far."""
    load = facts["load"] | {"after": machine.load()}
    return facts | {"load": load} | ({"peaks": run.peaks} if run.peaks else {})


def where(facts: dict[str, Any]) -> str:
    """A record in a line."""
    versions = ", ".join(f"{package} {number}" for package, number in facts["versions"].items())
    revision = facts["revision"]
    changes = " and changes" if revision and revision["dirty"] else ""
    commit = f", revision {revision['commit'][:10]}{changes}" if revision else ""
    where = facts["machine"]
    if "gpu" in facts:
        where += f", driver {facts['driver']}, cuDNN {facts['cudnn']}"
    return f"{where}, {facts['python']}, {versions}{commit}"


def machine_name(device: str, threads: int) -> str:
    """The name of the machine in files and below pictures."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{machine.cpu_model()}, {threads} thread{'s' if threads > 1 else ''}"


def versions() -> dict[str, str]:
    """Of the packages that are installed."""
    found = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found | {"torch": torch.__version__}


def flags(environment: Mapping[str, str], device: str, threads: int) -> dict[str, str | None]:
    """Environment variables that change speed, as contenders get them; None: removed for them."""
    found: dict[str, str | None] = {k: v for k, v in environment.items() if k.startswith(FLAGS)}
    if device == "cpu":
        found |= dict.fromkeys(THREADS, str(threads))
        found |= {name: None for name in REMOVED if name in environment}
    return found


def revision() -> dict[str, Any]:
    """The commit, and whether the files differ from it; empty outside a clone."""
    commit = machine.program("git", "-C", str(ROOT), "rev-parse", "HEAD")
    if not commit:
        return {}
    changed = machine.program("git", "--no-optional-locks", "-C", str(ROOT), "status", "--porcelain")
    return {"commit": commit, "dirty": bool(changed)}
