"""The same mathematics arranged for speed: what `engine="fused"` runs. Optional reading.

Each cell runs one direction of one layer over all steps, there and back, in place of numpy_bptt/layer.py
or torch_autograd/layer.py with a cell file: the same arguments, the same results.

    spans, rnn, lstm, gru     in NumPy, the default engine of scratch_rnn.numpy_bptt
    in_torch/                 in torch: one autograd.Function a cell, for scratch_rnn.torch_autograd
"""
