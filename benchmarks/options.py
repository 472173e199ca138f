"""What the two commands take, as dataclasses, and what that means in cases."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import contenders, machine
from benchmarks.cases import (
    CELLS,
    DTYPES,
    LAYOUTS,
    QUICK,
    SWEEPS,
    WHATS,
    Case,
    Selection,
    Size,
    placed,
    select,
    whole,
)
from benchmarks.run import Run
from scratch_rnn.checks import expect_int, message
from scratch_rnn.labs import UsageError

ROUNDS, QUICK_ROUNDS = 11, 5
BUDGET, QUICK_BUDGET = 0.2, 0.05
"""Seconds of a round."""


WHO = f"beside torch.nn; default all that take part, of {', '.join(contenders.MAKERS)}"


def _one_of(choices: Sequence[str], text: str) -> Any:
    return typer.Option(metavar="|".join(choices), help=text)


CHOICES = {
    "cell": CELLS,
    "what": WHATS,
    "dtype": DTYPES,
    "layout": LAYOUTS,
    "sweep": tuple(SWEEPS),
    "device": ("cpu", "cuda"),
    "contender": tuple(contenders.MAKERS),
}


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What both commands take."""

    cell: Annotated[list[str] | None, _one_of(CHOICES["cell"], "may be repeated; default all")] = None
    what: Annotated[list[str] | None, _one_of(CHOICES["what"], "may be repeated; default both")] = None
    dtype: Annotated[list[str] | None, _one_of(CHOICES["dtype"], "may be repeated; default float32")] = None
    size: Annotated[list[str] | None, typer.Option(metavar="T,N,I,H", help="may be repeated")] = None
    rounds: Annotated[int | None, typer.Option(metavar="N", help=f"turns of each contender [{ROUNDS}]")] = (
        None
    )
    threads: Annotated[int | None, typer.Option(metavar="N", help="of each contender; default all cores")] = (
        None
    )
    quick: Annotated[bool, typer.Option("--quick", help="fewer and shorter rounds")] = False
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="write the record and every row")] = None
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="draw them")] = None

    def check(self) -> None:
        """UsageError for what is no choice."""
        for name, choices in CHOICES.items():
            given = getattr(self, name, None) or ()
            for value in (given,) if isinstance(given, str) else given:
                if value not in choices:
                    raise UsageError(message(f"--{name}", f"one of {', '.join(choices)}", value))

    def sizes(self) -> list[Size]:
        """Those given; UsageError for what is no size."""
        found = []
        for text in self.size or ():
            numbers = text.split(",")
            if len(numbers) != 4 or not all(number.isdecimal() and int(number) for number in numbers):
                raise UsageError(message("--size", "four numbers T,N,I,H of at least 1", text))
            found.append(Size(*map(int, numbers)))
        return found

    def run(self, device: str) -> Run:
        """How everything will be timed."""
        rounds, budget = (QUICK_ROUNDS, QUICK_BUDGET) if self.quick else (ROUNDS, BUDGET)
        try:
            rounds = expect_int("benchmarks", "--rounds", rounds if self.rounds is None else self.rounds, 1)
            threads = machine.cores() if self.threads is None else self.threads
            return Run(device, expect_int("benchmarks", "--threads", threads, 1), rounds, budget)
        except ValueError as error:
            raise UsageError(str(error)) from None


@dataclass(frozen=True, kw_only=True)
class Options(Timing):
    """What `python -m benchmarks` takes."""

    layout: Annotated[list[str] | None, _one_of(CHOICES["layout"], "may be repeated; default padded")] = None
    sweep: Annotated[list[str] | None, _one_of(CHOICES["sweep"], "sizes along T, or along H")] = None
    projected: Annotated[bool, typer.Option("--projected", help="LSTM with h projected to H/2")] = False
    contender: Annotated[list[str] | None, typer.Option(metavar="NAME", help=WHO)] = None
    compiled: Annotated[bool, typer.Option("--compile", help="torch.compile too: a minute a case")] = False
    device: Annotated[str, _one_of(CHOICES["device"], "where torch computes")] = "cpu"
    tf32: Annotated[bool, typer.Option("--tf32", help="on a GPU: allowed, to all contenders")] = False

    @property
    def whole(self) -> bool:
        """Whether nothing was chosen."""
        lists = (self.cell, self.what, self.dtype, self.size, self.layout, self.sweep, self.contender)
        return not any((*lists, self.projected, self.quick))

    def check(self) -> None:
        """And for what does not go together."""
        super().check()
        half = {"float16", "bfloat16"} & set(self.dtype or ())
        if self.device == "cpu" and (half or self.tf32):
            raise UsageError(message(half.pop() if half else "--tf32", "--device cuda", "--device cpu"))
        if self.size and self.sweep:
            raise UsageError(message("--sweep", "no --size, as it has its own", self.size[0]))
        if self.projected and set(self.cell or ()) - {"lstm"}:
            raise UsageError(
                message("--projected", "--cell lstm", f"--cell {' --cell '.join(self.cell or ())}")
            )

    def cases(self) -> list[Case]:
        """All that is asked for, on its device."""
        sizes = self.sizes() + [size for letter in self.sweep or () for size in SWEEPS[letter]]
        chosen = Selection(
            self.cell or (), self.what or (), self.layout or (), self.dtype or (), sizes, self.projected
        )
        if self.whole:
            cases = whole(self.device)
        else:
            cases = select(chosen._replace(sizes=sizes or ([QUICK] if self.quick else [])))
        if self.projected and any(case.size.hidden < 2 for case in cases):
            raise UsageError(message("--projected", "H of at least 2", "H = 1"))
        return placed(cases, self.device, self.tf32)


@dataclass(frozen=True, kw_only=True)
class LadderOptions(Timing):
    """What `python -m benchmarks ladder` takes."""

    def cases(self) -> list[Case]:
        """One size, padded."""
        dtypes = self.dtype or []
        if set(dtypes) - {"float32", "float64"} or len(dtypes) > 1:
            raise UsageError(message("ladder --dtype", "one of float32 and float64", ", ".join(dtypes)))
        sizes = self.sizes() or [QUICK]
        if len(sizes) > 1:
            raise UsageError(message("ladder --size", "one size", len(sizes)))
        return select(Selection(self.cell or (), self.what or (), dtypes=dtypes, sizes=sizes))


def command(options: type[Timing], run: Callable[[Any], None]) -> Any:
    """A function that typer can read: the fields of `options` are its options."""

    def called(**values: Any) -> None:
        run(options(**values))

    function: Any = called
    function.__signature__ = inspect.signature(options)
    function.__doc__ = run.__doc__
    return function
