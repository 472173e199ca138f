"""The deliberate differences between the torch tree and torch.nn: the table of docs/differences.md.

    python -m scratch_rnn.torch_autograd.differences      prints the table

tests/torch_autograd/test_differences.py has a test named after each row, of both behaviours. If torch fixes a
case, its test fails and the row is removed.
"""

from typing import NamedTuple


class Difference(NamedTuple):
    """One row: the case, what torch.nn does, what this project does."""

    case: str
    torch: str
    here: str


DIFFERENCES = (
    Difference(
        "pack_padded_sequence with a length above T",
        "accepted: a corrupt PackedSequence (pytorch #146744, #144207)",
        "ValueError naming the row, its length and T",
    ),
    Difference(
        "enforce_sorted=False with fewer lengths than rows",
        "the remaining rows are dropped without an error",
        "torch's own error about `len(lengths)` and the batch size",
    ),
    Difference(
        "unsorted packed input with an h_0 of more rows than the batch",
        "h_0 is trimmed without an error",
        "torch's own error about the hidden size",
    ),
    Difference(
        "LSTM with packed input",
        "no argument is checked (pytorch #195803)",
        "the checks and texts of padded input",
    ),
    Difference(
        "unpad_sequence of a padded batch",
        "transposes its argument in place (pytorch #98499)",
        "does not modify its argument",
    ),
    Difference(
        "unpad_sequence with lengths in a list",
        "AttributeError: a list has no device",
        "accepted, as in pack_padded_sequence",
    ),
    Difference(
        "pack_sequence of a generator",
        "an error about an empty list",
        "accepted, as in pad_sequence",
    ),
    Difference(
        "PackedSequence with inconsistent batch_sizes",
        "accepted; later data is ignored, or a crash (pytorch #169213)",
        "ValueError",
    ),
    Difference(
        "invert_permutation with duplicates",
        "uninitialised memory",
        "ValueError",
    ),
    Difference(
        "sorted_indices where lengths are equal",
        "any order from 17 rows on: the sort is not stable",
        "the caller's order",
    ),
    Difference(
        "RNN or GRU with a positional proj_size",
        "not checked; forward fails",
        "torch's own error about proj_size, before any other check",
    ),
    Difference(
        "RNN or GRU with proj_size=0",
        "ValueError, although 0 means no projection",
        "accepted; the signature shows proj_size",
    ),
    Difference(
        "an unknown, missing or repeated argument",
        "TypeError that names RNNBase",
        "TypeError that names the class called",
    ),
    Difference(
        "an unknown argument and a wrong proj_size or nonlinearity",
        "the proj_size or nonlinearity is refused",
        "the unknown argument is refused",
    ),
    Difference(
        "a subclass that overrides check_forward_args or permute_hidden",
        "forward calls the override",
        "forward does not call it",
    ),
    Difference(
        "LSTM whose c_0 has another dtype",
        "promoted without an error, or an internal error, depending on the dtype",
        "RuntimeError naming the state and both dtypes",
    ),
    Difference(
        "LSTMCell with one row and three states",
        "the third is ignored",
        "torch's own error about two hidden states",
    ),
    Difference(
        "RNNCell with one row and a batch of states",
        "one output per state, if there are hidden_size of them",
        "RuntimeError naming the shape",
    ),
    Difference(
        "LSTM under CPU autocast",
        "bfloat16 for padded input, float32 for packed",
        "float32 for both",
    ),
    Difference(
        "a weight under a parametrization",
        "computed several times per forward",
        "computed once per forward",
    ),
    Difference(
        "quantize_dynamic of a model",
        "layers are found by their type and replaced",
        "layers are not replaced",
    ),
    Difference(
        'biases whose sum overflows, with engine="fused"',
        "finite where the whole sum is: each bias is added to its own product",
        "infinite: the biases are added to each other first",
    ),
    Difference(
        'a second derivative, forward mode or vmap with engine="fused"',
        "no such engine; derivatives of any order on the CPU",
        'RuntimeError that names engine="steps", which supports them',
    ),
    Difference(
        'torch.export, ONNX export or torch.compile(fullgraph=True) with engine="fused"',
        "export works; its layers do not compile with fullgraph=True",
        'RuntimeError that names engine="steps", which supports all; torch.compile works with both engines',
    ),
    Difference(
        "torch.jit.trace of a layer",
        "the trace runs at any number of steps",
        'it runs at the traced number of steps and any batch size; engine="fused" is refused',
    ),
    Difference(
        "torch.jit.trace of a packed sequence",
        "the trace runs at any lengths",
        "RuntimeError",
    ),
    Difference(
        "torch.jit.script of a layer",
        "works, with a warning that it is deprecated",
        "RuntimeError that names torch.compile and torch.export, which work",
    ),
    Difference(
        "isinstance of a layer or a cell",
        "its own classes",
        "classes of the same names that inherit from torch.nn.Module alone",
    ),
)


def table() -> str:
    """The rows in Markdown."""
    rows = [("case", "torch.nn", "here"), ("---", "---", "---"), *DIFFERENCES]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    print(table())
