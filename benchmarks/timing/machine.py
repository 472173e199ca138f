"""The machine: processor, threads, load, memory of a call, BLAS and its kernels. Needs no torch."""

import ctypes
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def cpu_model() -> str:
    """The name that the processor reports."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", path.read_text(), flags=re.MULTILINE)
        if found is not None:
            return found[1].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> list[float] | None:
    """Mean number of runnable processes over 1, 5 and 15 minutes; None where it is not known."""
    return [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None


def peak_bytes(call: Callable[[], object]) -> int | None:
    """Run `call`: the most resident memory during it, beyond what was resident before. None outside Linux."""
    try:
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)  # free memory back to the system, so that it is not counted as resident before
        RESET.write_text("5")  # resets the peak
    except (OSError, TypeError):
        call()
        return None
    before = _resident("VmRSS")
    call()
    return max(0, _resident("VmHWM") - before)


def _resident(name: str) -> int:
    found = re.search(rf"^{name}:\s*(\d+) kB$", STATUS.read_text(), flags=re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def blas(library: str) -> str:
    """The library of matrix products in this process, for NumPy or for torch."""
    if library == "torch":
        return _torch_blas()
    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{built['name']} {built['version']} {_openblas_kernel()}".strip()


def _openblas_kernel() -> str:
    """The name of the kernels, chosen when the library was loaded; empty where it cannot be asked."""
    folder = Path(np.__file__).parent.parent / "numpy.libs"
    for path in folder.glob("*openblas*"):
        loaded = ctypes.CDLL(str(path))
        for name in ("scipy_openblas_get_corename64_", "scipy_openblas_get_corename"):
            if hasattr(loaded, name):
                ask = getattr(loaded, name)
                ask.restype = ctypes.c_char_p
                return bytes(ask()).decode()
    return ""


def _torch_blas() -> str:
    """The libraries in torch's build, and the instruction set that it detected."""
    torch: Any = import_module("torch")
    built = torch.__config__.show()
    patterns = {"MKL": r"Math Kernel Library Version (\S+?)-", "oneDNN": r"MKL-DNN (v\S+)"}
    names = [f"{name} {m[1]}" for name, pattern in patterns.items() if (m := re.search(pattern, built))]
    return ", ".join([*names, torch.backends.cpu.get_cpu_capability(), f"{torch.get_num_threads()} threads"])


def program(*command: str) -> str:
    """What a program prints; empty if it is not installed."""
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def slug(name: str) -> str:
    """A part of a file's name.

    >>> slug("AMD EPYC 7B13, 2 threads")
    'amd-epyc-7b13-2-threads'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def python() -> str:
    """Name, version and platform of this Python."""
    return f"{platform.python_implementation()} {platform.python_version()} on {sys.platform}"
