"""From a lab's options to a command line: what typer shows and parses, and which files a command may write.

Limits of values are checked in labs/harness/options.py, which also sees settings from a checkpoint.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from scratch_rnn.checks import message
from scratch_rnn.labs import Lab, Settings, Training, UsageError
from scratch_rnn.labs.harness.options import Option, flag, options_of
from scratch_rnn.labs.inputs.files import check_readable_again
from scratch_rnn.outputs import PICTURES, check_writable, same_file

Impl = StrEnum("Impl", ["numpy", "torch", "reference"])


@dataclass(frozen=True)
class Common:
    """Options of all labs. The last four exist only for labs that train, or that can share a batch."""

    impl: Annotated[list[Impl] | None, typer.Option(help="may be repeated; default: all three")] = None
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="write losses and results")] = None
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="draw; .png, .svg or .pdf")] = None
    quiet: Annotated[bool, typer.Option("--quiet", help="no table, no progress bar")] = False
    save: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="write a checkpoint; needs one --impl")
    ] = None
    save_every: Annotated[
        int | None, typer.Option(metavar="STEPS", help="save after every STEPS steps, too; else every minute")
    ] = None
    load: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="continue from a checkpoint; needs one --impl")
    ] = None
    distributed: Annotated[
        bool, typer.Option("--distributed", help="under torchrun, with --impl torch: divide every batch")
    ] = False

    @property
    def impls(self) -> list[str]:
        """The implementations to run, without duplicates, in the order given."""
        return [str(impl) for impl in dict.fromkeys(self.impl or Impl)]


def command(
    lab: type[Lab[Settings]],
    call: Callable[[str, Mapping[str, object], Any], None],
    common_options: Callable[..., object] = Common,
    without: Collection[str] = (),
) -> Callable[..., None]:
    """The function that typer turns into `lab NAME`.

    `call` gets the name, the lab's own options that the user gave, and the common options. `without` names
    options of the lab that the command does not take.
    """
    own = [_parameter(option) for option in options_of(lab.options) if option.name not in without]
    common = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(common_options).parameters.values()
        if _takes(lab, parameter.name)
    ]

    def run(**values: object) -> None:
        given = {each.name: values[each.name] for each in own if values[each.name] is not None}
        given = {key: str(value) if isinstance(value, StrEnum) else value for key, value in given.items()}
        call(lab.name, given, common_options(**{each.name: values[each.name] for each in common}))

    vars(run)["__signature__"] = inspect.Signature([*own, *common])
    return run


def check_outputs(chosen: Lab[Settings], common: Any) -> None:
    """UsageError if an output cannot be written, or if it is also an input or another output."""
    if common.plot is not None and common.plot.suffix.lower() not in PICTURES:
        raise UsageError(message("--plot", f"a name that ends in {', '.join(PICTURES)}", common.plot))
    named = [*_files(type(chosen), asdict(chosen.settings))]
    named += [(option, each.path) for option, each in chosen.inputs.items()]
    load = getattr(common, "load", None)
    named += [("--load", load)] if load is not None else []
    for name in ("save", "npz", "json", "plot"):
        path, own = getattr(common, name, None), flag(name)
        if path is None:
            continue
        for option, other in named:
            if same_file(path, other) and (own, option) != ("--save", "--load"):
                raise UsageError(message(own, f"another file than {option}", path))
        named.append((own, path))
        check_writable(own, path)


def check_inputs(kind: type[Lab[Settings]], settings: Mapping[str, object]) -> None:
    """UsageError if an input cannot be read again by the run that continues this one."""
    lasting = {name: value for name, value in settings.items() if name not in kind.requests}
    for option, path in _files(kind, lasting):
        check_readable_again(option, path)


def _files(kind: type[Lab[Settings]], settings: Mapping[str, object]) -> list[tuple[str, Path]]:
    """The input files that the settings name, by option."""
    given = [(each.flag, settings.get(each.name)) for each in options_of(kind.options) if each.file]
    return [(option, Path(path)) for option, path in given if isinstance(path, str)]


def _takes(lab: type[Lab[Settings]], option: str) -> bool:
    trains, shares = ("save", "save_every", "load"), ("distributed",)
    if option in shares:
        return lab.distributes
    return option not in trains or issubclass(lab.options, Training)


def _parameter(option: Option) -> inspect.Parameter:
    """An option as typer takes it. None means "not given"; limits are checked in labs/harness/options.py."""
    kind: Any = StrEnum(option.name, [(c, c) for c in option.choices]) if option.choices else option.kind
    kind = list[str] if option.repeatable else kind
    name = f"{option.flag}/--no-{option.flag[2:]}" if kind is bool else option.flag
    default = "" if option.default is None else f" [{option.default}]"
    described = typer.Option(name, help=option.help + default, metavar="FILE" if option.file else None)
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, described],
    )
