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

    @property
    def file(self) -> Path:
        """The project's own file."""
        return Path(scratch_rnn.__file__).parent / "numpy_bptt" / self.path

    def read(self) -> str:
        """Its text."""
        return self.file.read_text(encoding="utf-8")


PACKING = ("pack_padded_sequence", "pad_packed_sequence", "pad_sequence")
EXERCISES = {
    "rnn": Exercise("the RNN cell", "rnn.py", ("step_backward",)),
    "lstm": Exercise("the LSTM cell", "lstm.py", ("step_backward",)),
    "gru": Exercise("the GRU cell", "gru.py", ("step_backward",)),
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
            methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            yield from ((f"{node.name}.{each.name}", each) for each in methods)


def outline(tree: ast.Module) -> dict[str, tuple[str, ...]]:
    """The functions, methods and State of a file, with their arguments or fields; nothing private."""
    found = {
        name: tuple(each.arg for each in (*node.args.args, *node.args.kwonlyargs))
        for name, node in functions(tree)
        if not name.startswith("_")
    }
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "State":
            fields = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
            found["State"] = tuple(map(ast.unparse, fields))
    return found


def recognise(source: bytes, file: str) -> str:
    """The name of the exercise that a file is: it defines all that the project's file does.

    UsageError where it is none of them, or not Python.
    """
    try:
        found = outline(ast.parse(source, file))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        fail("grade", "a Python file", f"{file}: {error}")
    missing = {}
    for name, each in EXERCISES.items():
        wanted = outline(ast.parse(each.read()))
        missing[name] = [key for key in wanted if found.get(key) != wanted[key]]
    nearest = min(missing, key=lambda name: len(missing[name]))
    if missing[nearest]:
        expected = f"a file that defines what one of the exercises does ({', '.join(EXERCISES)})"
        lacks = f"for {nearest} it lacks {', '.join(missing[nearest])}, or has other arguments there"
        fail("grade", expected, f"{file}; {lacks}")
    return nearest
