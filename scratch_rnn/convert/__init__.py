"""Weights to and from other frameworks: pure functions on NumPy arrays. No framework is imported.

Files of weights are read and written in scratch_rnn/weight_files.

    gates      what the converters share: the order of the gates, one bias or two
    keras      get_weights() of each layer
    onnx       W, R and B of the nodes RNN, LSTM and GRU
    equinox    the fields of LSTMCell and GRUCell
    flax       the parameters of its cells: nnx, nnx with one kernel for each gate, linen
    table      the README's table of the gates: `python -m scratch_rnn.convert.table`

Each converter has a constant and three functions, for kind "rnn", "lstm" or "gru":

    ORDER                              how the framework stacks the gates, in its own letters
    to_torch(kind, arrays)             the framework's arrays -> torch's names, for load_state_dict
    from_torch(kind, named)            torch's names, as state_dict() has them -> the framework's arrays
    to_torch_backward(kind, d_named)   the adjoint of to_torch: gradients by torch's names -> gradients of the
                                       framework's arrays

Where a framework has one bias b and torch has two, to_torch sets b_ih = b and b_hh = 0, and from_torch adds
the two. Framework -> torch -> framework is exact. Torch -> framework -> torch keeps the function that the
layer computes, not each of its two biases. The gradient of b is that of b_ih alone, not the sum of the two.

Shapes and gate counts are checked first; what cannot be represented raises a ValueError of one line: in
to_torch a missing or unknown array, a wrong shape, cells that are not one stack; in from_torch also
proj_size. Results are new arrays. The nonlinearity of an RNN is not a weight: except in ONNX, the arrays do
not say whether it is tanh or ReLU.
"""
