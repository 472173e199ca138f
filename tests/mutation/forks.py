"""A pytest plugin: collects once, then runs the tests of every mutant in a process of its own.

A child of fork replaces the code objects of the live functions, whoever holds them, and runs the tests that
execute the mutated lines, the quickest first, up to the first failure. Hypothesis draws few examples and does
not shrink. Objects that were made while collecting were made without the mutant: a survivor here may still be
killed by tests that start with the mutated file.
"""

import gc
import os
import pickle
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

import pytest

from tests.mutation.mutate import ROOT, Mutant

EXAMPLES = 10
SECONDS = 120
"""A mutant that takes longer counts as killed: a loop may never end."""
MEMORY = 2**34


class Measured(NamedTuple):
    """What a test does without a mutant."""

    seconds: float
    lines: frozenset[tuple[str, int]]
    passed: bool


class Forks:
    """Runs all `mutants` after collecting; `survivors`, and which tests run what, are the result."""

    def __init__(self, mutants: list[Mutant], track: Callable[[Iterable[Mutant]], Iterable[Mutant]]) -> None:
        self.mutants, self.track = mutants, track
        self.survivors: list[Mutant] = []
        self.measured: dict[str, Measured] = {}
        self.failed, self.done = False, False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        for item in items.values():
            _draw_few(getattr(item, "function", None))
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        self.measured = pickle.loads(_in_child(lambda: pickle.dumps(self._measure(items)), 0) or b"")
        functions = _functions({str(ROOT / mutant.key.file) for mutant in self.mutants})
        for mutant in self.track(self.mutants):
            tests = [items[name] for name in self.reached(mutant) if self.measured[name].passed]
            if _in_child(partial(self._run, mutant, functions, tests), SECONDS) == b"passed":
                self.survivors.append(mutant)
        self.done = True
        return True

    def reached(self, mutant: Mutant) -> list[str]:
        """The tests that execute a mutated line, the quickest first."""
        lines = {(mutant.key.file, line) for line in mutant.lines}
        names = [name for name, test in self.measured.items() if lines & test.lines]
        return sorted(names, key=lambda name: self.measured[name].seconds)

    def _run(self, mutant: Mutant, functions: list[FunctionType], items: list[pytest.Item]) -> bytes:
        path = str(ROOT / mutant.key.file)
        codes = dict(_codes(compile(mutant.text, path, "exec", dont_inherit=True)))
        for function in functions:
            code = function.__code__
            new = codes.get((code.co_qualname, code.co_freevars))
            if code.co_filename == path and new is not None and code.co_name != "<lambda>":
                function.__code__ = new
        return b"passed" if all(self._passes(item, after) for item, after in _with_next(items)) else b"killed"

    def _passes(self, item: pytest.Item, after: pytest.Item | None) -> bool:
        self.failed = False
        item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
        return not self.failed

    def _measure(self, items: dict[str, pytest.Item]) -> dict[str, Measured]:
        """Seconds and executed lines of every test."""
        executed: set[tuple[str, int]] = set()
        names: dict[str, str] = {}

        def enter(frame: FrameType, event: str, argument: object) -> Any:
            name = frame.f_code.co_filename
            if name not in names:
                inside = Path(name).is_relative_to(ROOT / "scratch_rnn")
                names[name] = Path(name).relative_to(ROOT).as_posix() if inside else ""
            return record if names[name] else None

        def record(frame: FrameType, event: str, argument: object) -> Any:
            executed.add((names[frame.f_code.co_filename], frame.f_lineno))
            return record

        measured = {}
        for item, after in _with_next(list(items.values())):
            executed.clear()
            start = time.perf_counter()
            sys.settrace(enter)
            passed = self._passes(item, after)
            sys.settrace(None)
            measured[item.nodeid] = Measured(time.perf_counter() - start, frozenset(executed), passed)
        return measured


def _draw_few(function: Any) -> None:
    """Few examples for a property, and no shrinking."""
    from hypothesis import Phase, settings  # pytest wants to be the first to import it

    own = getattr(function, "_hypothesis_internal_use_settings", None)
    if own is not None:
        few = settings(
            own, max_examples=min(EXAMPLES, own.max_examples), phases=(Phase.explicit, Phase.generate)
        )
        function._hypothesis_internal_use_settings = few


def _functions(paths: set[str]) -> list[FunctionType]:
    """Every live function of these files, wherever a decorator, a class or a partial keeps it."""
    found = [thing for thing in gc.get_objects() if type(thing) is FunctionType]
    return [function for function in found if function.__code__.co_filename in paths]


def _codes(code: CodeType) -> Iterable[tuple[tuple[str, tuple[str, ...]], CodeType]]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield (inner.co_qualname, inner.co_freevars), inner
            yield from _codes(inner)


def _with_next(items: list[pytest.Item]) -> Iterable[tuple[pytest.Item, pytest.Item | None]]:
    return zip(items, [*items[1:], None], strict=False)


def _in_child(work: Callable[[], bytes], seconds: int) -> bytes | None:
    """What `work` returns in a child process, or None where that ends in another way or takes too long."""
    with tempfile.TemporaryFile() as answer:
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                silence = os.open(os.devnull, os.O_RDWR)
                for stream in (0, 1, 2):
                    os.dup2(silence, stream)
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
                signal.alarm(seconds)
                answer.write(work())
                answer.flush()
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        answer.seek(0)
        return answer.read() if status == 0 else None
