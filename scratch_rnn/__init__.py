"""The recurrent networks of torch.nn, written by hand twice and proven equal to torch.nn.

    notation           the legend: axes, gate orders, `_next`, `d_`, terms          read this first
    numpy_bptt         NumPy only, every backward pass by hand                      read this next
    torch_autograd     the same files in torch tensors, the forward pass only       compare with numpy_bptt
    */fused            the same equations arranged for speed, one folder per tree   optional
    parameters, spans  torch's parameter names and shapes; ragged batches as runs of steps
    checks, outputs    error messages; writing files
    labs, cli          a course on RNNs, each lab on three implementations

Importing this package imports none of them: numpy_bptt works without torch.
"""

__version__ = "0.1.0"
