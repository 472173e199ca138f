"""The same equations arranged for speed: what `engine="fused"` runs. Optional reading.

Each file computes one direction of one layer over all steps, forward and backward, in place of
numpy_bptt/layer.py with a cell file: the same arguments, the same results.

    rnn, lstm, gru, gru_reset_before
                       one file per cell
    arrays             what they share: views of a span, the workspace, reordered gates

The table says how many times as fast each technique made a call, training / inference, on two cores of an
AMD EPYC with T,N,I,H = 50,32,64,64 in float32. `python -m benchmarks ladder` measures all but the last again,
each against the one before it; the rows of this run are under benchmarks/results/. The last one compares two
versions of the code, before and after the change, in five alternating runs.

                                                          RNN           GRU           LSTM
    all gates of a step from one GEMM                                   1.09 / 0.95   1.21 / 1.06
    x W_ihᵀ for all steps before the loop                 1.35 / 1.40   1.12 / 1.10   1.16 / 1.07
    activations in place, and one tanh for σ and tanh     1.01 / 1.02   1.13 / 1.37   1.40 / 2.14
    the backward written out, buffers allocated once      0.84 / 1.00   1.36 / 1.48   1.01 / 1.03
    the weights' gradients after the loop, one GEMM each  1.34          0.83          1.15
    feature-major arrays: gates are contiguous blocks     1.10 / 1.43   1.96 / 1.74   1.59 / 1.89
    workspace reused from call to call (arrays.workspace) 1.11 / 0.98   1.70 / 1.60   1.65 / 1.49

The ladder's names for them, in order: one GEMM for the gates, hoisted input, in-place activations, manual
backward, batched weight gradients, feature-major. Each factor was measured at one size on one machine: a
factor below 1 means that the technique alone did not pay there.
"""
