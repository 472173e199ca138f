"""Where something is measured: processor, threads, BLAS and the kernels that it chose. Needs no torch."""

import ctypes
import os
import platform
import re
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np


def cpu_model() -> str:
    """As the processor calls itself."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", path.read_text(), flags=re.MULTILINE)
        if found is not None:
            return found[1].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def blas(library: str) -> str:
    """What multiplies matrices in this process, for NumPy or for torch."""
    return _torch_blas() if library == "torch" else _numpy_blas()


def _numpy_blas() -> str:
    """NumPy's, by threadpoolctl where that is installed, else by asking the OpenBLAS in NumPy's wheel."""
    if find_spec("threadpoolctl") is not None:
        pools: Any = import_module("threadpoolctl").threadpool_info()
        keys = ("internal_api", "version", "architecture", "num_threads")
        found = [" ".join(str(pool.get(key)) for key in keys) for pool in pools if pool["user_api"] == "blas"]
        if found:
            return f"{found[0]} threads"
    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{built['name']} {built['version']} {_openblas_kernel()}".strip()


def _openblas_kernel() -> str:
    """The name of the kernels, chosen when the library was loaded; empty where it cannot be asked."""
    beside = Path(np.__file__).parent.parent / "numpy.libs"
    for path in beside.glob("*openblas*"):
        loaded = ctypes.CDLL(str(path))
        for name in ("scipy_openblas_get_corename64_", "scipy_openblas_get_corename"):
            if hasattr(loaded, name):
                ask = getattr(loaded, name)
                ask.restype = ctypes.c_char_p
                return bytes(ask()).decode()
    return ""


def _torch_blas() -> str:
    """The libraries in torch's build, and the instructions that it found."""
    torch: Any = import_module("torch")
    told = torch.__config__.show()
    found = (
        re.search(pattern, told) for pattern in (r"Math Kernel Library Version (\S+?)-", r"MKL-DNN (v\S+)")
    )
    names = [f"{name} {m[1]}" for name, m in zip(("MKL", "oneDNN"), found, strict=True) if m is not None]
    return ", ".join([*names, torch.backends.cpu.get_cpu_capability(), f"{torch.get_num_threads()} threads"])


def slug(name: str) -> str:
    """A part of a file's name.

    >>> slug("AMD EPYC 7B13, 2 threads")
    'amd-epyc-7b13-2-threads'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def python() -> str:
    """Which Python this is."""
    return f"{platform.python_implementation()} {platform.python_version()} on {sys.platform}"
