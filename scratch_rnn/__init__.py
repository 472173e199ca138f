"""The recurrent networks of torch.nn, written out by hand twice and proven equal to torch.nn.

    notation         the legend: axes, gate orders, what `_next` and `d_` mean      read this first
    numpy_bptt       NumPy only, every backward pass by hand                        then this
    torch_autograd   the same files in torch tensors, the forward pass alone        beside it
    fused            the same mathematics arranged for speed                        for those who ask how
    parameters       torch's names and shapes, the one place that knows them
    checks           the one voice of errors
    differences      where torch_autograd is louder than torch.nn
    labs, cli        a course on RNNs, each lab on three implementations

Importing this package imports none of them: numpy_bptt works where torch is not installed.
"""
