"""Where the torch tree is not torch.nn on purpose: the README's table, one row a difference.

    python -m scratch_rnn.torch_autograd.differences      prints the table

tests/torch_autograd/test_differences.py tests both behaviours of each row, and names the row. If torch fixes
one, that test fails and the row goes.
"""

from typing import NamedTuple


class Difference(NamedTuple):
    """One row: what is done, what torch makes of it, what this project does."""

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
        "the rows beyond are dropped in silence",
        "torch's own error about `len(lengths)` and the batch size",
    ),
    Difference(
        "unsorted packed input with an h_0 of more rows than the batch",
        "h_0 is trimmed in silence",
        "torch's own error about the hidden size",
    ),
    Difference(
        "LSTM with packed input",
        "no argument is checked (pytorch #195803)",
        "the checks and the texts of padded input",
    ),
    Difference(
        "unpad_sequence of a padded batch",
        "transposes its argument in place (pytorch #98499)",
        "leaves it alone",
    ),
    Difference(
        "unpad_sequence with lengths in a list",
        "AttributeError: a list has no device",
        "taken, as pack_padded_sequence takes them",
    ),
    Difference(
        "pack_sequence of a generator",
        "an error about an empty list",
        "packed, as pad_sequence pads it",
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
        "sorted_indices where lengths tie",
        "any order from 17 rows on: the sort is not stable",
        "ties keep the caller's order",
    ),
    Difference(
        "RNN or GRU with a positional proj_size",
        "slips past the check and fails in forward",
        "torch's own error about proj_size",
    ),
    Difference(
        "LSTM whose c_0 has another dtype",
        "promoted in silence, or an error from deep inside, as the dtype falls",
        "RuntimeError naming the state and both dtypes",
    ),
    Difference(
        "LSTMCell with one row and three states",
        "the third is ignored",
        "torch's own error about two hidden states",
    ),
    Difference(
        "RNNCell with one row and a batch of states",
        "an output for each state, if there are hidden_size of them",
        "RuntimeError naming the shape",
    ),
    Difference(
        "LSTM under CPU autocast",
        "bfloat16 out of padded input, float32 out of packed",
        "float32 out of both",
    ),
    Difference(
        "torch.jit.script of a layer",
        "works, with a warning that it is deprecated",
        "refused; torch.compile and torch.export work",
    ),
    Difference(
        "isinstance of a layer or a packed sequence",
        "its own classes",
        "classes of the same names that inherit nothing from torch's recurrent ones",
    ),
)


def table() -> str:
    """The rows in Markdown."""
    rows = [("case", "torch.nn", "here"), ("---", "---", "---"), *DIFFERENCES]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    print(table())
