"""The legend: one letter an axis, one order of gates, one way to write a prime and a gradient.

Every shape in the project is written with these letters, in docstrings, in error messages and in the
annotations that the tests enforce (``Float[ndarray, "N H"]`` is a float array of N rows and H columns).

Names in code:

    x_next      a prime: the value of x one time step later (h' is `h_next`)
    d_q         the gradient of the loss with respect to q, ∂loss/∂q; always shaped like q
    weight_ih   torch's name for W_ih, the weights from input to hidden; W_hh and b_ih alike
    a ⊙ b       the elementwise product, `a * b`
    σ           the logistic sigmoid, 1 / (1 + e⁻ˣ)

Time comes first inside the project; `batch_first` is a transpose at the public edge and nowhere else.
"""

AXES = {
    "T": "time steps",
    "N": "rows of a batch (sequences)",
    "R": "real steps of a whole batch, laid end to end in time order; T·N when no row is padded",
    "I": "input features of a layer",
    "H": "hidden units: the width of c, and of h unless it is projected",
    "P": "width of h: H, or proj_size where an LSTM projects it",
    "G": "gate rows: gates × H, the gates stacked in the order of GATES",
    "D": "directions of a layer: 1, or 2 when it is bidirectional",
    "L": "layers of a stack",
    "S": "states of a stack, D·L; direction d of layer k is number k·D + d",
    "O": "output features of a linear map",
    "V": "classes, or words of a vocabulary (source or target)",
    "E": "features of an embedded word",
    "F": "features of any kind",
    "K": "blocks of features that lie side by side",
    "M": "rows of some steps: fewer than R where a batch is walked in parts, more where a state precedes it",
}
"""What each letter of a shape stands for."""

GATES = {"rnn": "h", "lstm": "ifgo", "gru": "rzn"}
"""The order in which each cell stacks its gates along the first axis of its weights (torch's order)."""
