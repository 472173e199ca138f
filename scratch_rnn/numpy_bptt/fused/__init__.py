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
    hoisted input: x W_ihᵀ for all steps before the loop     1.14 / 1.76   1.22 / 0.92   1.21 / 0.90
    in-place activations, one tanh; one GEMM for d_W_hh      1.54 / 1.00   0.92 / 2.42   0.95 / 2.62
    feature-major arrays: gates are contiguous blocks                      2.16 / 1.61   1.24 / 1.80
    fused loop: no call of a cell file                       1.92 / 2.06   0.68 / 1.15   1.03 / 1.13
    spans in cache: some steps at a time                     0.99 / 1.01   1.65 / 0.90   1.96 / 0.93
    numpy-fused: the workspace, reused from call to call     1.02 / 1.00   0.99 / 1.05   0.97 / 1.02

Each factor was measured at one size on one machine, and depends on the rows above it: one below 1 means that
the technique alone did not pay there.
"""
