"""float64 torch.nn on the numbers of a case, and how far off an outcome is. Never our own code."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from benchmarks.cases import Case
from benchmarks.contenders.contender import Outcome
from benchmarks.contenders.kernels import only_aten
from benchmarks.contenders.torch_step import Step, load
from benchmarks.data import make_data

BOUNDS = {"float64": 1e-10, "float32": 1e-5, "float16": 1e-2, "bfloat16": 1e-1}
"""The most that a contender may be off: rounding, some three times what torch.nn's own comes to."""
TF32 = 1e-2
"""Where products of float32 are allowed ten bits of mantissa."""


def bound(case: Case) -> float:
    """What is allowed in this precision."""
    return max(BOUNDS[case.dtype], TF32 if case.tf32 and case.dtype == "float32" else 0)


def error(case: Case, outcome: Outcome) -> float:
    """max|a - b| / max(1, max|b|), the largest of all outputs and gradients; infinite where a name or a shape
    differs, or something is not a number.
    """
    whole = _oracle(replace(case, what="training", device="cpu", tf32=False))
    wanted = {name: b for name, b in whole.items() if case.training or not name.startswith("d_")}
    if outcome.keys() != wanted.keys():
        return float("inf")
    return max(_off(outcome[name], b) for name, b in wanted.items())


def _off(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape:
        return float("inf")
    off = np.abs(a.astype(np.float64) - b).max() / max(1.0, np.abs(b).max())
    return float(off) if np.isfinite(off) else float("inf")


@lru_cache(maxsize=1)
def _oracle(case: Case) -> Outcome:
    """The data keep the precision in which the contenders get them; the computation is float64."""
    exact, data = replace(case, dtype="float64"), make_data(case)
    options = {"proj_size": case.proj} if case.proj else {}
    kind = getattr(torch.nn, case.cell.upper())
    module = kind(case.size.inputs, case.size.hidden, **options, dtype=torch.float64)
    load(module, data, exact)
    step = Step(module, module, exact, data, only_aten)
    return step.outcome(step.train())
