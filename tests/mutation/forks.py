"""A pytest plugin: collects once, then runs the tests of every mutant in a child of fork.

The child replaces the code objects of the live functions, whoever holds them, and runs the tests that execute
the mutated lines, the likeliest to fail soon first, up to the first failure. Hypothesis draws few examples,
and does not shrink. Before that, all tests run in the same way without a mutant: none may fail.

A mutant is killed by a test that fails, and that passes alone without it; or by a crash or a time limit, if
the same tests then pass without it in a fraction of the limit. Any other end of a child ends the run. Objects
that were made while collecting were made without the mutant: a survivor may still be killed by tests that
start with its file.
"""

import gc
import multiprocessing
import os
import signal
import sys
import tempfile
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, pairwise
from multiprocessing.connection import Connection, wait
from operator import attrgetter
from time import perf_counter
from types import CodeType, FrameType, FunctionType
from typing import Any, cast

import pytest

from tests.mutation.mutate import ROOT, Mutant, sources

EXAMPLES = 10
SLOWER = 5
"""A mutant has this many times the time of the same tests without it, and 20 seconds."""
PASSED = ("", "")
NOT_USED = ("-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception")
"""Plugins that write to the working tree, or blame a test for what its process inherited."""
_identity = attrgetter("co_filename", "co_qualname", "co_firstlineno", "co_freevars")
Task = tuple[Mutant | None, list[str], int]
"""A mutant or none, the tests to run, the seconds that they have (0: no limit)."""


class Forks:
    """Calls `found` with each mutant and what killed it, or an empty text."""

    def __init__(self, mutants: list[Mutant], jobs: int, found: Callable[[Mutant, str], None]) -> None:
        self.mutants, self.jobs, self.found = mutants, jobs, found
        self.files = {str(ROOT / file): file for file in sources()}
        self.seconds: dict[str, float] = {}
        self.reaching: dict[tuple[str, int], list[str]] = defaultdict(list)
        self.kills: Counter[tuple[str, str]] = Counter()
        self.failed = PASSED

    def collect_and_run(self, options: list[str]) -> None:
        """Runs pytest, which runs all mutants instead of its tests."""
        with tempfile.TemporaryDirectory() as folder:
            quiet = ["-qq", "-n", "0", "-s", *NOT_USED, f"--basetemp={folder}/tests"]
            if status := pytest.main([*quiet, *options], plugins=[self]):
                raise SystemExit(f"the tests could not be run: pytest's exit status is {status}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = (report.nodeid, report.longreprtext)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            pytest.exit("not every test could be collected", returncode=3)
        self.items = {item.nodeid: item for item in session.items}
        for item in session.items:
            _draw_few(getattr(item, "function", None))
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        gc.collect()
        functions = [thing for thing in gc.get_objects() if type(thing) is FunctionType]
        self.functions = [f for f in functions if f.__code__.co_filename in self.files]
        gc.freeze()  # a child then writes to fewer pages
        self._control()
        sound = {""}
        tasks = map(self._task, self.mutants)
        for (mutant, tests, seconds), (name, report) in in_children(tasks, self._fail, self.jobs):
            if report is None:
                self._must_pass([(None, tests, seconds // SLOWER)])
            elif name not in sound:
                self._must_pass([(None, [name], 0)])
                sound.add(name)
            self.kills[mutant.key.file, name] += 1
            self.found(mutant, name)
        return True

    def reached(self, mutant: Mutant) -> list[str]:
        """The tests that execute a mutated line, the likeliest to fail soon first."""
        file = mutant.key.file
        lines = [line for name, line in self.reaching if name == file] if mutant.at_import else mutant.lines
        names = {name for line in lines for name in self.reaching.get((file, line), ())}
        return sorted(names, key=lambda name: self.seconds[name] / (1 + self.kills[file, name]))

    def _task(self, mutant: Mutant) -> Task:
        tests = [] if mutant.at_import else self.reached(mutant)
        return mutant, tests, int(20 + SLOWER * sum(self.seconds[name] for name in tests))

    def _control(self) -> None:
        """What every test executes, in how many seconds; then all as for a mutant: none may fail."""
        for _, measured in in_children(self._shares(list(self.items)), self._measure, self.jobs):
            for name, seconds, lines in measured:
                self.seconds[name] = seconds
                for line in lines:
                    self.reaching[line].append(name)
        quickest_first = sorted(self.seconds, key=self.seconds.__getitem__)
        self._must_pass(self._shares(quickest_first))

    def _must_pass(self, tasks: Iterable[Task]) -> None:
        for _, failed in in_children(tasks, self._fail, self.jobs):
            if failed != PASSED:
                pytest.exit("without a mutant: {} fails: {}".format(*failed), returncode=3)

    def _shares(self, tests: list[str]) -> list[Task]:
        return [(None, tests[k :: self.jobs], 0) for k in range(self.jobs)]

    def _fail(self, mutant: Mutant | None, tests: list[str]) -> tuple[str, str]:
        """(name, report) of the first of the tests that fails with the mutant, or PASSED."""
        for file, text in (sources() if mutant is None else {mutant.key.file: mutant.text}).items():
            codes = {
                _identity(code): code for code in _inside(compile(text, str(ROOT / file), "exec", 0, True))
            }
            for function in self.functions:
                function.__code__ = codes.get(_identity(function.__code__), function.__code__)
        return next((self.failed for _ in self._run(tests) if self.failed != PASSED), PASSED)

    def _run(self, tests: list[str]) -> Iterator[str]:
        """Runs the tests, and yields the name after each."""
        for name, after in pairwise([*tests, ""]):
            self.failed = PASSED
            item = self.items[name]
            item.ihook.pytest_runtest_protocol(item=item, nextitem=self.items.get(after))
            yield name

    def _measure(self, _: None, tests: list[str]) -> list[tuple[str, float, set[tuple[str, int]]]]:
        """(test, seconds, executed lines) of every test."""
        executed: set[tuple[str, int]] = set()

        def record(frame: FrameType, event: str, argument: object) -> Any:
            file = self.files.get(frame.f_code.co_filename)
            if file is not None and event == "line":
                executed.add((file, frame.f_lineno))
            return record if file is not None else None

        measured, start = [], perf_counter()
        sys.settrace(record)
        for name in self._run(tests):
            measured.append((name, perf_counter() - start, set(executed)))
            executed.clear()
            start = perf_counter()
        sys.settrace(None)
        return measured


def _draw_few(function: Any) -> None:
    """Few examples for a property, no shrinking, and no complaint about a machine that is busy."""
    from hypothesis import HealthCheck, Phase, settings  # pytest wants to be the first to import it

    own = getattr(function, "_hypothesis_internal_use_settings", None)
    if own is not None:
        few = settings(own, max_examples=min(EXAMPLES, own.max_examples))
        few = settings(few, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck))
        function._hypothesis_internal_use_settings = few


def _inside(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _inside(inner)


def in_children(tasks: Iterable[Task], run: Callable[..., Any], jobs: int) -> Iterator[tuple[Any, Any]]:
    """(task, answer of `run`) in the order in which they end; (signal, None) if a signal ended the child."""
    tasks, fork = iter(tasks), multiprocessing.get_context("fork")
    running: dict[Connection, tuple[Task, Any]] = {}
    while True:
        for task in islice(tasks, jobs - len(running)):
            receive, send = fork.Pipe(duplex=False)
            child = fork.Process(target=_be_child, args=(task, run, send))
            child.start()
            send.close()
            running[receive] = task, child
        if not running:
            return
        for receive in cast(list[Connection], wait(running)):
            task, child = running.pop(receive)
            try:
                answer = receive.recv()
            except EOFError:
                child.join()
                answer = signal.Signals(-child.exitcode).name, None
            child.join()
            receive.close()
            if isinstance(answer, str) or answer == ("SIGKILL", None):
                pytest.exit(f"{task[0]}: {answer}", returncode=3)
            yield task, answer


def _be_child(task: Task, run: Callable[..., Any], send: Connection) -> None:
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    signal.alarm(task[2])
    try:
        send.send(run(*task[:2]))
    except BaseException:
        send.send(traceback.format_exc())
    os._exit(0)  # without the clean-up of what the parent made
