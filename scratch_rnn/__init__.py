"""The recurrent networks of torch.nn, written by hand twice and proven equal to torch.nn.

    notation           the legend: axes, gate orders, `_next`, `d_`, terms          read this first
    numpy_bptt         NumPy only, every backward pass by hand                      read this next
    torch_autograd     the same files in torch tensors, the forward pass only       compare with numpy_bptt
    */fused            the same equations arranged for speed, one folder per tree   optional
    trace, page        every value of a cell's step recorded; the same as a web page
    exercises          the files with blanks, and the program that grades them
    parity             random cases against torch.nn, for the tests and the command
    convert            weights to and from other frameworks; weight_files: in files
    labs, cli          a course on RNNs, each lab on three implementations; the command line
    parameters, spans  torch's parameter names and shapes; ragged batches as runs of steps
    seq2seq_common     what both seq2seq models share; model_checks: checks of the other models
    snapshot           what a trainer saves
    checks, outputs    error messages; writing files; fonts: Korean text in pictures

Importing this package imports none of them: numpy_bptt works without torch.
"""

__version__ = "0.1.0"
