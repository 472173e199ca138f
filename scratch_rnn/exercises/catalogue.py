"""The exercises, and how a reader's file is recognised: by the functions that it defines, not by its name."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import scratch_rnn
from scratch_rnn.checks import fail


class Exercise(NamedTuple):
    """One file of numpy_bptt, and the functions to write; a method is "Class.method"."""

    title: str
    path: str
    blanks: tuple[str, ...]
    in_torch: bool = True  # whether torch.nn has the same

    @property
    def file(self) -> Path:
        """The project's own file."""
        return Path(scratch_rnn.__file__).parent / "numpy_bptt" / self.path

    def read(self) -> str:
        """Its text."""
        return self.file.read_text(encoding="utf-8")


STEP, PACKING = ("step_backward",), ("pack_padded_sequence", "pad_packed_sequence", "pad_sequence")
EXERCISES = {
    "rnn": Exercise("the RNN cell", "rnn.py", STEP),
    "lstm": Exercise("the LSTM cell", "lstm.py", STEP),
    "gru": Exercise("the GRU cell", "gru.py", STEP),
    "gru-reset-before": Exercise("the other GRU cell", "gru_reset_before.py", STEP, in_torch=False),
    "layer": Exercise("the loops over time", "layer.py", ("forward", "backward")),
    "pack": Exercise("packing and padding", "packed.py", PACKING),
    "seq2seq": Exercise("the seq2seq model", "models/seq2seq.py", ("Seq2Seq.backward",)),
}


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions and methods of a file."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{name}", each) for name, each in functions(ast.Module(node.body, [])))


def outline(tree: ast.Module) -> dict[str, tuple[str, ...]]:
    """The functions and methods of a file, with their arguments; nothing private."""
    return {
        name: tuple(each.arg for each in (*node.args.args, *node.args.kwonlyargs))
        for name, node in functions(tree)
        if not name.startswith("_")
    }


def recognise(source: bytes, file: str) -> str:
    """The name of the exercise that a file is: it defines all that the project's file does.

    Where several do, it is the one with the most lines in common. UsageError where none does.
    """
    try:
        found = outline(ast.parse(source, file))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        fail("grade", "a Python file", f"{file}: {error}")
    lines, candidates = set(source.splitlines()), list[tuple[int, int, str, str]]()
    for name, each in EXERCISES.items():
        wanted = outline(ast.parse(each.read()))
        missing = [key for key in wanted if found.get(key) != wanted[key]]
        common = lines & set(each.read().encode().splitlines())
        candidates.append((len(missing), -len(common), name, ", ".join(missing)))
    nearest, lacks = min(candidates)[2:]
    if lacks:
        expected = f"a file that defines what one of the exercises does ({', '.join(EXERCISES)})"
        fail("grade", expected, f"{file}; for {nearest} it lacks {lacks}, or has other arguments there")
    return nearest
