"""float64 torch.nn on the numbers of a case, and the error of an outcome. No code of scratch_rnn."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from benchmarks.cases import Case
from benchmarks.contenders.contender import Outcome
from benchmarks.contenders.data import make_data
from benchmarks.contenders.kernels import only_aten
from benchmarks.contenders.torch_step import Step, load

BOUNDS = {"float64": 1e-10, "float32": 1e-5, "float16": 1e-2, "bfloat16": 1e-1}
"""The largest error allowed: about three times the rounding error of torch.nn itself."""
TF32 = 4e-3
"""The same where products of float32 may use ten bits of mantissa."""


def bound(case: Case) -> float:
    """The error allowed in this precision. Gradients are sums over T steps: rounding errors add up."""
    precise = max(BOUNDS[case.dtype], TF32 if case.tf32 and case.dtype == "float32" else 0)
    return precise * max(1, case.size.steps / 1000) ** 0.5


def error(case: Case, outcome: Outcome) -> float:
    """max|a - b| / max(1, max|b|), the largest of all outputs and gradients; infinite if a name or a shape
    differs, or a value is not finite.
    """
    whole = _oracle(replace(case, mode="training", device="cpu", tf32=False))
    expected = {name: b for name, b in whole.items() if case.has_grads or not name.startswith("d_")}
    if outcome.keys() != expected.keys():
        return float("inf")
    return max(_error(outcome[name], b) for name, b in expected.items())


def _error(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape:
        return float("inf")
    off = np.abs(a.astype(np.float64) - b).max() / max(1.0, np.abs(b).max())
    return float(off) if np.isfinite(off) else float("inf")


@lru_cache(maxsize=1)
def _oracle(case: Case) -> Outcome:
    """The data keep the precision in which the contenders get them; the computation is float64."""
    exact, data = replace(case, dtype="float64"), make_data(case)
    kind = getattr(torch.nn, case.cell.upper())
    module = kind(case.size.inputs, case.size.hidden, **case.layer_options, dtype=torch.float64)
    load(module, data, exact)
    step = Step(module, module, exact, data, only_aten)
    return step.outcome(step.train())
