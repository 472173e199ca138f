"""The same equations arranged for speed: what `engine="fused"` runs. Optional reading.

Each file computes one direction of one layer over all steps, forward and backward, in place of
numpy_bptt/layer.py with a cell file: the same arguments, the same results.

    rnn, lstm, gru, gru_reset_before
                       one file per cell
    arrays             what they share: views of a span, the workspace, reordered gates

The table says how many times as fast each technique made a call, training / inference, on two cores of an
AMD EPYC with T,N,I,H = 50,32,64,64 in float32. Each row is compared with the row above it, the first one with
engine="steps". `python -m benchmarks ladder` measures them again; the rows of this run are under
benchmarks/results/.

                                                             RNN           GRU           LSTM
    hoisted input: x W_ihᵀ for all steps before the loop     1.47 / 1.63   1.22 / 0.93   1.16 / 0.93
    in-place activations, one tanh; one GEMM for d_W_hh      1.00 / 0.99   0.89 / 2.37   0.94 / 2.13
    feature-major arrays: gates are contiguous blocks                      2.17 / 1.72   1.30 / 2.10
    fused loop: no call of a cell file                       1.76 / 1.94   0.67 / 1.12   1.06 / 1.11
    spans in cache: some steps at a time                     0.98 / 1.00   1.61 / 0.90   1.77 / 0.88
    numpy-fused: the workspace, reused from call to call     1.07 / 1.00   1.01 / 1.05   1.00 / 1.06

Each factor was measured at one size on one machine, and depends on the rows above it: one below 1 means that
the technique alone did not pay there.
"""
