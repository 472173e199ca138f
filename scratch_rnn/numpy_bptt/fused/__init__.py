"""The same mathematics arranged for speed: what `engine="fused"` runs. Optional reading.

Each cell runs one direction of one layer over all steps, there and back, in place of numpy_bptt/layer.py
or torch_autograd/layer.py with a cell file: the same arguments, the same results.

    spans, rnn, lstm, gru     in NumPy, the default engine of scratch_rnn.numpy_bptt
    in_torch/                 in torch: one autograd.Function a cell, for scratch_rnn.torch_autograd

The tricks, and what each bought on two cores of an AMD EPYC with T,N,I,H = 50,32,64,64 in float32: how
many times as fast as without it, training / inference. `python -m benchmarks ladder` measures all but the
last anew, each against the one above it; the rows of this run are under benchmarks/results/. The last was
measured apart, the commit before it came against the commit after, five runs in turn.

                                                          RNN           GRU           LSTM
    all gates of a step from one GEMM                                   1.09 / 0.95   1.21 / 1.06
    x W_ihᵀ for all steps before the loop                 1.35 / 1.40   1.12 / 1.10   1.16 / 1.07
    activations in place, and one tanh for σ and tanh     1.01 / 1.02   1.13 / 1.37   1.40 / 2.14
    the backward written out, room for steps made once    0.84 / 1.00   1.36 / 1.48   1.01 / 1.03
    the weights' gradients after the loop, one GEMM each  1.34          0.83          1.15
    feature-major arrays: gates are contiguous blocks     1.10 / 1.43   1.96 / 1.74   1.59 / 1.89
    memory of its own from call to call (spans.scratch)   1.11 / 0.98   1.70 / 1.60   1.65 / 1.49

In the ladder's order these are: one GEMM for the gates, hoisted input, in-place activations, manual backward,
batched weight gradients, feature-major. A factor is that of one step on one machine: below 1, the trick did
not pay by itself at this size.
"""
