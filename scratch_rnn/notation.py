"""The legend: one letter per axis, the order of gates, how a prime and a gradient are written, and terms.

Every shape in the project is written with these letters: in docstrings, in error messages and in annotations,
which the tests enforce (``Float[ndarray, "N H"]`` is a float array with N rows and H columns).

Names in code:

    x_next      a prime: the value of x one time step later (h' is `h_next`)
    d_q         the gradient of the loss with respect to q, ∂loss/∂q; always shaped like q
    weight_ih   torch's name for W_ih, the weights from input to hidden; W_hh and b_ih alike
    a ⊙ b       the elementwise product, `a * b`
    σ           the logistic sigmoid, 1 / (1 + e⁻ˣ)

Terms, for a function y = f(x) and a loss computed from y:

    Jacobian        J, the matrix of all ∂y_j/∂x_i. It is never stored
    cotangent       ∂loss/∂y, in code d_y; it has the shape of y
    vector-Jacobian product
                    Jᵀ d_y, which is d_x: the chain rule from the cotangent of y to that of x
    adjoint         the linear function d_y -> d_x that computes this product. In ops.py the adjoint of
                    `linear` is `linear_backward`, and so on
    backward pass   the adjoints of all operations of the forward pass, in reverse order
    BPTT            back-propagation through time: the backward pass of a loop over time steps
    cache, tape     values of the forward pass that the backward pass needs: of one step, of a whole call
    GEMM            general matrix-matrix multiplication. One large GEMM is faster than many small ones

Arrays are time-major inside the project. Only the public classes transpose, for `batch_first`.
"""

AXES = {
    "T": "time steps",
    "N": "rows of a batch (sequences)",
    "R": "real steps of a whole batch, in time order; T·N if no row is padded",
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
    "K": "adjacent blocks of features",
    "M": "rows of some steps: fewer than R for a part of a batch, more if a state is included",
}
"""The meaning of each letter of a shape."""

GATES = {"rnn": "h", "lstm": "ifgo", "gru": "rzn"}
"""The order in which each cell stacks its gates along the first axis of its weights (torch's order)."""
