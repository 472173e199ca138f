"""A whole run: every case in turn. On a terminal a progress bar, in a pipe one line per case."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.cases import Case
from benchmarks.contenders.contender import Contender
from benchmarks.registry import find
from benchmarks.timing import gpu
from benchmarks.timing.flops import flops
from benchmarks.timing.rounds import Row, measure
from benchmarks.timing.session import InProcess, Session
from benchmarks.timing.worker import Worker
from scratch_rnn.checks import Failure, fail

Baselines = Callable[[Case], Mapping[str, str]]
START_SECONDS = {"cpu": {"numpy": 0.5, "torch": 1.5}, "cuda": {"torch": 0.5}}  # rough, for `announce` only
COMPILE_SECONDS, SLEEP_SECONDS = 60.0, {"cpu": 0.2, "cuda": 0.0}
FLOPS_PER_SECOND = {"cpu": 1e11, "cuda": 2e12}  # of the slowest contender at a large size


@dataclass(frozen=True)
class Run:
    """How everything is timed: `budget` is the seconds of a round."""

    device: str
    threads: int
    rounds: int
    budget: float
    peaks: dict[str, dict[str, float]] = field(default_factory=dict)
    """On a GPU the peak rates of each precision, measured when its first case comes."""

    def open(self, contender: Contender, case: Case) -> Session:
        """In a process of its own on a CPU; in this one on a GPU."""
        if self.device == "cuda":
            timer = partial(gpu.time_on_gpu, budget=self.budget)
            return InProcess(contender, case, timer, gpu.peak_bytes, gpu.launches)
        return Worker(contender, case, self.threads, self.budget)

    def rows(self, cases: Sequence[Case], names: Sequence[str], baselines: Baselines) -> Iterator[list[Row]]:
        """The rows of each case, as soon as it is finished."""
        contenders = [find(name) for name in names]
        with _progress(len(cases) * self.rounds) as tick:
            for case in cases:
                tick(str(case), 0)
                yield self._case(case, contenders, baselines, partial(tick, str(case), 1))

    def _case(
        self, case: Case, contenders: Sequence[Contender], baselines: Baselines, tick: Callable[[], None]
    ) -> list[Row]:
        if self.device == "cpu":
            return measure(case, contenders, self.open, self.rounds, baselines(case), tick)
        torch.compiler.reset()  # torch stops compiling after 8 sizes in one process
        torch.cuda.empty_cache()
        precision = f"{case.dtype}{' TF32' if case.tf32 else ''}"
        if precision not in self.peaks:
            self.peaks[precision] = gpu.peak_rates(case)
        peak = self.peaks[precision]["flops"]
        rows = measure(case, contenders, self.open, self.rounds, baselines(case), tick, peak)
        conditions = gpu.conditions()
        return [replace(row, conditions=conditions) for row in rows]

    def seconds(self, cases: Sequence[Case], names: Sequence[str]) -> float:
        """About how long `rows` takes."""
        contenders, device = [find(name) for name in names], self.device
        oracles = {replace(case, mode="training", device="cpu", tf32=False) for case in cases}
        total = sum(map(flops, oracles)) / FLOPS_PER_SECOND["cpu"]
        for case in cases:
            step = flops(case) / FLOPS_PER_SECOND[device] + 1e-4 * case.size.steps
            for contender in contenders:
                if not contender.unsupported_reason(case):
                    total += START_SECONDS[device][contender.library] + COMPILE_SECONDS * contender.compiles
                    total += 3 * step + self.rounds * (max(self.budget, step) + SLEEP_SECONDS[device])
        return total

    def announce(self, cases: Sequence[Case], names: Sequence[str]) -> str:
        """One line: how many cases, and about how long they take."""
        seconds = self.seconds(cases, names)
        time = f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{max(1, seconds):.0f} seconds"
        return f"{len(cases)} case{'s' * (len(cases) != 1)}, {self.rounds} rounds each: about {time}"


def against_torch(names: Sequence[str]) -> Baselines:
    """Eager contenders are compared with eager torch.nn, CUDA graphs with torch.nn as a CUDA graph."""
    timed = [name for name in names if not name.startswith("floor")]
    found = {name: "torch.nn-graph" if name.endswith("-graph") else "torch.nn" for name in timed}
    return lambda case: found


def check_present(chosen: Sequence[str], cases: Sequence[Case]) -> None:
    """UsageError for a contender that was asked for and can run none of the cases."""
    for name in chosen:
        reasons = [find(name).unsupported_reason(case) for case in cases]
        if all(reasons):
            fail(f"--contender {name}", "a case that it can run", reasons[0])


def judge(rows: Sequence[Row]) -> None:
    """Failure if a contender was not timed."""
    refused = [f"{row.contender} in {row.case} ({row.refused})" for row in rows if row.refused]
    if refused:
        more = f", and {len(refused) - 1} more" if len(refused) > 1 else ""
        raise Failure(f"not timed: {refused[0]}{more}")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str, int], None]]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda text, done: bar.update(task, description=text, advance=done)
