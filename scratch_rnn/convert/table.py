"""The README's table of gate orders, from the converters' own constants.

python -m scratch_rnn.convert.table      prints the table
"""

from scratch_rnn.convert import equinox, flax, keras, onnx
from scratch_rnn.notation import GATES

HASTE = {"lstm": "igfo", "gru": "zrh"}
"""haste has no converter here: its kernels cannot be built from its packages."""


def _row(who: str, order: dict[str, str], reset: str, states: str, biases: str) -> tuple[str, ...]:
    lstm, gru = (" ".join(order[kind]) for kind in ("lstm", "gru"))
    return who, lstm, gru, reset, states, biases


ROWS = (
    _row(
        "torch.nn, here", GATES, "after; before with `reset_after=False` here", "(h, c)", "two: b_ih and b_hh"
    ),
    _row(
        "Keras 3",
        keras.ORDER,
        "after; before with `reset_after=False`",
        "[h, c]",
        "one; two of a GRU with `reset_after=True`",
    ),
    _row(
        "ONNX",
        onnx.ORDER,
        "before by default; after with `linear_before_reset=1`",
        "Y_h, Y_c",
        "two: the halves of B",
    ),
    _row("equinox", equinox.ORDER, "after", "(h, c)", "one; of a GRU also bias_n, which is b_hn"),
    _row(
        "flax nnx (LSTMCell: one kernel for each gate)",
        flax.ORDER,
        "after",
        "(c, h)",
        "one: of an LSTM on h, of GRUCell and SimpleCell on x; no b_hn (flax #5594)",
    ),
    _row(
        "flax linen (one kernel for each gate)",
        flax.ORDER,
        "after",
        "(c, h)",
        "one: of an LSTM on h, of GRUCell and SimpleCell on x; of a GRU also hn/bias, which is b_hn",
    ),
    _row(
        "haste (layout read and run elsewhere, not tested here)",
        HASTE,
        "after",
        "(h, c)",
        "one; two of a GRU",
    ),
)


def table() -> str:
    """The rows in Markdown."""
    head = ("who", "LSTM", "GRU", "GRU's reset gate and the product", "states", "biases")
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *ROWS))


if __name__ == "__main__":
    print(table())
