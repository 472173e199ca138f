"""A file of the project with the bodies of some functions removed: docstrings and equations are left."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from scratch_rnn.exercises.catalogue import Exercise, functions
from scratch_rnn.trace.instrument import NUMBER

UNFINISHED = 'raise NotImplementedError("not written yet")'


def exercise_text(exercise: Exercise) -> str:
    """The file to complete. Below the docstring of each function to write are its equations, as comments."""
    source = exercise.read()
    lines = source.splitlines()
    for name, node in sorted(functions(ast.parse(source)), key=lambda pair: -pair[1].lineno):
        if name in exercise.blanks:
            start, last = node.body[0].end_lineno or 0, node.end_lineno
            body = [*_equations("\n".join(lines[start:last]), source), UNFINISHED]
            lines[start:last] = [" " * node.body[0].col_offset + line for line in body]
    task = f"# Exercise: write {', '.join(exercise.blanks)}; then run: python -m scratch_rnn grade FILE"
    return "\n".join([task, *lines]) + "\n"


def _equations(body: str, source: str) -> Iterator[str]:
    """The comments of a body; a number on a line of code gets its equation from the head of the file."""
    for token in tokenize.generate_tokens(io.StringIO(f"if 1:\n{body}\n").readline):
        if token.type == tokenize.COMMENT:
            alone, number = not token.line[: token.start[1]].strip(), NUMBER.match(token.string)
            head = number and re.search(rf"^ *\({number[1]}\) .*$", source, re.MULTILINE)
            if alone:
                yield token.string
            elif head:
                yield f"# {head[0].strip()}"
