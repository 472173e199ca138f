"""The README's table of the lab memory: `python -m docs.memory_table` trains every cell and prints it."""

import numpy as np

from scratch_rnn.labs import run_lab
from scratch_rnn.labs.memory import BASELINE, CELLS, Memory, Options, gradient_norms, label

SEEDS = 3
"""Runs of each cell; the table has their median."""


def error(cell: str, forget_bias: float, seed: int) -> float:
    """The mean squared error on new sequences of one default run with NumPy."""
    bias = forget_bias if cell == "lstm" else None
    lab = Memory(Options(cell=cell, forget_bias=bias, seed=seed, engine="fused"))
    return float(run_lab(lab, ["numpy"], lambda impl, done: False).runs[0].result["mse"])


def table() -> str:
    """Every cell: the median error of its runs, and how much of the gradient reaches the first step."""
    options = Options()
    lines = [
        f"| cell | mean squared error (median of {SEEDS} seeds) | ‖∂loss/∂h_1‖ / ‖∂loss/∂h_T‖, untrained |",
        "| --- | --- | --- |",
    ]
    for cell, bias in CELLS:
        median = np.median([error(cell, bias, seed) for seed in range(SEEDS)])
        norm = gradient_norms(cell, bias, options.length, options.hidden, seed=0)[-1]
        lines.append(f"| {label(cell, bias)} | {median:.4f} | {norm:.0e} |")
    return "\n".join([*lines, f"| always the mean | {BASELINE:.4f} | |"])


if __name__ == "__main__":
    print(table())
