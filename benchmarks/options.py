"""The options of the commands, as dataclasses, and the cases that they select."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import cases as known
from benchmarks import registry
from benchmarks.cases import QUICK, SWEEPS, TF32, Case, Selection, Size, forms, select, whole
from benchmarks.timing import machine
from benchmarks.timing.run import Run
from scratch_rnn.checks import fail

ROUNDS = {"cpu": (7, 0.2), "cuda": (5, 0.1), "quick": (5, 0.05)}
"""Rounds, and seconds of a round."""
CONTENDER_HELP = f"may be repeated, beside torch.nn; default all, of {', '.join(registry.CONTENDERS)}"

CHOICES = {
    "cell": known.CELLS,
    "mode": known.MODES,
    "dtype": known.DTYPES,
    "layout": known.LAYOUTS,
    "sweep": tuple(SWEEPS),
    "device": ("cpu", "cuda"),
    "tf32": tuple(TF32),
    "contender": tuple(registry.CONTENDERS),
}


def _one_of(name: str, text: str) -> Any:
    return typer.Option(metavar="|".join(CHOICES[name]), help=text)


def _number(text: str) -> Any:
    return typer.Option(metavar="N", help=text)


def _positive(option: str, value: int) -> int:
    if value < 1:
        fail("benchmarks", f"{option} to be at least 1", value)
    return value


Words = list[str] | None


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The options that both timing commands have."""

    cell: Annotated[Words, _one_of("cell", "may be repeated; default all")] = None
    mode: Annotated[Words, _one_of("mode", "may be repeated; default training, inference")] = None
    dtype: Annotated[Words, _one_of("dtype", "may be repeated; default float32")] = None
    size: Annotated[Words, typer.Option(metavar="T,N,I,H", help="may be repeated")] = None
    rounds: Annotated[int | None, _number("turns of each contender; default 7, on a GPU 5")] = None
    threads: Annotated[int | None, _number("of each contender; default all cores")] = None
    quick: Annotated[bool, typer.Option("--quick", help="fewer and shorter rounds")] = False
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="record and rows, after each case")] = None
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="draw the rows")] = None

    @property
    def chosen(self) -> set[str]:
        """The options given that choose cases."""
        given = {name for name, value in vars(self).items() if value != getattr(type(self), name)}
        return given - {"rounds", "threads", "json", "plot", "compiled", "device"}

    def check(self) -> None:
        """UsageError for a value that is not a choice."""
        for name, choices in CHOICES.items():
            given = getattr(self, name, None) or ()
            for value in (given,) if isinstance(given, str) else given:
                if value not in choices:
                    fail(f"--{name}", f"one of {', '.join(choices)}", value)

    def sizes(self) -> list[Size]:
        """The sizes given; UsageError for text that is not a size."""
        found = []
        for text in self.size or ():
            numbers = text.split(",")
            if len(numbers) != 4 or not all(number.isdecimal() and int(number) for number in numbers):
                fail("--size", "four numbers T,N,I,H of at least 1", text)
            found.append(Size(*map(int, numbers)))
        return found

    def run(self, device: str) -> Run:
        """How everything will be timed."""
        rounds, budget = ROUNDS["quick" if self.quick else device]
        rounds = rounds if self.rounds is None else self.rounds
        threads = machine.cores() if self.threads is None else self.threads
        return Run(device, _positive("--threads", threads), _positive("--rounds", rounds), budget)


@dataclass(frozen=True, kw_only=True)
class Options(Timing):
    """The options of `python -m benchmarks`."""

    layout: Annotated[Words, _one_of("layout", "may be repeated; default padded")] = None
    sweep: Annotated[Words, _one_of("sweep", "training at sizes along T, or along H")] = None
    projected: Annotated[bool, typer.Option("--projected", help="LSTM with h projected to H/2")] = False
    layers: Annotated[int, _number("of a stack")] = 1
    bidirectional: Annotated[bool, typer.Option("--bidirectional", help="two directions")] = False
    forms: Annotated[bool, typer.Option("--forms", help="a run over the less common forms")] = False
    contender: Annotated[Words, typer.Option(metavar="NAME", help=CONTENDER_HELP)] = None
    compiled: Annotated[bool, typer.Option("--compile", help="torch.compile too: a minute a case")] = False
    device: Annotated[str, _one_of("device", "the device of the torch contenders")] = "cpu"
    tf32: Annotated[Words, _one_of("tf32", "on a GPU, may be repeated; default off")] = None

    def check(self) -> None:
        """UsageError also for options that contradict each other."""
        super().check()
        half = {"float16", "bfloat16"} & set(self.dtype or ())
        if self.device == "cpu" and (half or self.tf32):
            fail(half.pop() if half else "--tf32", "--device cuda", "--device cpu")
        if self.size and self.sweep:
            fail("--sweep", "no --size, as it has its own", self.size[0])
        if self.sweep and self.mode not in (None, ["training"]):
            fail("--sweep", "--mode training", f"--mode {' --mode '.join(self.mode or ())}")
        if self.forms and (others := self.chosen - {"forms", "contender"}):
            fail("--forms", "no other choice of cases", f"--{min(others)}")
        if self.projected and set(self.cell or ()) - {"lstm"}:
            fail("--projected", "--cell lstm", f"--cell {' --cell '.join(self.cell or ())}")

    def cases(self) -> list[Case]:
        """The cases, on their device: those chosen, or one of the two lists of cases.py."""
        if self.forms or not self.chosen:
            return forms(self.device) if self.forms else whole(self.device)
        sizes = self.sizes() + [size for letter in self.sweep or () for size in SWEEPS[letter]]
        chosen = Selection(
            self.cell or (),
            ["training"] if self.sweep else self.mode or (),
            self.layout or (),
            self.dtype or (),
            sizes or ([QUICK] if self.quick else []),
            self.projected,
            _positive("--layers", self.layers),
            self.bidirectional,
            [TF32[value] for value in self.tf32 or ()],
            self.device,
        )
        if self.projected and any(size.hidden < 2 for size in sizes):
            fail("--projected", "H of at least 2", "H = 1")
        return select(chosen)


@dataclass(frozen=True, kw_only=True)
class LadderOptions(Timing):
    """The options of `python -m benchmarks ladder`."""

    def cases(self) -> list[Case]:
        """One size, padded."""
        dtypes = self.dtype or []
        if set(dtypes) - {"float32", "float64"} or len(dtypes) > 1:
            fail("ladder --dtype", "one of float32 and float64", ", ".join(dtypes))
        if set(self.mode or ()) - {"training", "inference"}:
            fail("ladder --mode", "training or inference", ", ".join(self.mode or ()))
        sizes = self.sizes() or [QUICK]
        if len(sizes) > 1:
            fail("ladder --size", "one size", len(sizes))
        return select(Selection(self.cell or (), self.mode or (), dtypes=dtypes, sizes=sizes))


def command(options: type[Timing], run: Callable[[Any], None]) -> Any:
    """A function whose signature typer reads: the fields of `options` are its options."""

    def called(**values: Any) -> None:
        run(options(**values))

    function: Any = called
    function.__signature__ = inspect.signature(options)
    function.__doc__ = run.__doc__
    return function
