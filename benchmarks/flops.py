"""How much arithmetic a case is: the multiplications and additions of its matrix products, nothing else.

    forward     R · 2G(I + P),  and R · 2PH where h is projected
    backward    twice that: every product of the forward pass has two adjoints, towards its input and
                towards its weights

Axes (scratch_rnn/notation.py): R real steps of the batch, G gate rows, I inputs, P width of h, H hidden.
"""

from benchmarks.cases import Case


def flops(case: Case) -> int:
    """Of one forward pass, or of one training step.

    >>> from benchmarks.cases import Size
    >>> flops(Case("rnn", "inference", Size(5, 2, 3, 4)))  # 10 rows, 2·4·(3 + 4) each
    560
    """
    row = 2 * case.gate_rows * (case.size.inputs + case.width) + 2 * case.proj * case.size.hidden
    return sum(case.batch_sizes) * row * (3 if case.training else 1)
