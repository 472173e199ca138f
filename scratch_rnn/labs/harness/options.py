"""A lab's options: the fields of a frozen dataclass, each with its help and the values that it takes.

The command line shows them; their limits are checked for settings from options and from a checkpoint alike. A
subclass may give a field another default; it inherits help and limits.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from scratch_rnn.checks import UsageError, message

S = TypeVar("S")


@dataclass(frozen=True)
class Option:
    """One option.

    `least` and `most` are inclusive bounds, `above` is an exclusive lower bound; `file` marks the path of an
    input file. An option of the kind tuple[str, ...] may be repeated.
    """

    name: str
    kind: type
    default: object
    help: str = ""
    least: float | None = None
    most: int | None = None
    above: float | None = None
    choices: Sequence[str] = ()
    file: bool = False

    @property
    def flag(self) -> str:
        """As typed on the command line."""
        return flag(self.name)

    @property
    def repeatable(self) -> bool:
        """Whether the option may be given more than once."""
        return get_origin(self.kind) is tuple

    def check(self, who: str, given: object) -> Any:
        """The value, converted to `kind`; UsageError for a wrong type or a value out of range."""
        if given is None and self.default is None:
            return given
        if self.repeatable:
            if not isinstance(given, list | tuple):
                raise UsageError(message(who, f"a list of {self.flag}", repr(given)))
            one = replace(self, kind=str)
            return tuple(one.check(who, each) for each in given) or None
        kinds = (int, float) if self.kind is float else (self.kind,)
        if type(given) not in kinds:  # refuses True as an int
            raise UsageError(message(who, f"{self.flag} of type {self.kind.__name__}", repr(given)))
        value: Any = self.kind(given)
        if self.kind is float and not math.isfinite(value):
            raise UsageError(message(who, f"a finite {self.flag}", value))
        if self.least is not None and value < self.least:
            raise UsageError(message(who, f"{self.flag} of at least {self.least:g}", value))
        if self.most is not None and value > self.most:
            raise UsageError(message(who, f"{self.flag} of at most {self.most}", value))
        if self.above is not None and value <= self.above:
            raise UsageError(message(who, f"{self.flag} above {self.above:g}", value))
        if self.kind is str and not self.file and not _is_unicode(value):
            raise UsageError(message(who, f"{self.flag} in UTF-8", ascii(value)))
        if self.choices and value not in self.choices:
            raise UsageError(message(who, f"{self.flag} {' or '.join(self.choices)}", repr(value)))
        return value


def option(default: Any, help: str, **limits: Any) -> Any:
    """A field of a lab's settings; `limits` are fields of Option."""
    return field(default=default, metadata={"help": help, **limits})


def flag(name: str) -> str:
    """The option of a field.

    >>> flag("batch_size")
    '--batch-size'
    """
    return f"--{name.replace('_', '-')}"


def options_of(settings: type[Any]) -> list[Option]:
    """The options of a settings class, in the order of its fields."""
    kinds = get_type_hints(settings)
    return [
        Option(each.name, (get_args(kinds[each.name]) or (kinds[each.name],))[0], each.default, **described)
        for each in fields(settings)
        for described in [_described(settings, each.name)]
    ]


def make_settings(who: str, settings: type[S], given: Mapping[str, object]) -> S:
    """Settings from options; UsageError for an unknown option, and for a value out of range."""
    known = {each.name: each for each in options_of(settings)}
    for name in given:
        if name not in known:
            expected = f"options among {', '.join(each.flag for each in known.values())}"
            raise UsageError(message(who, expected, flag(name)))
    return settings(**{name: known[name].check(who, value) for name, value in given.items()})


def _is_unicode(text: str) -> bool:
    """Whether a text has no surrogates. Python decodes bytes of an argument that are not UTF-8 to them."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _described(settings: type[object], name: str) -> Mapping[str, Any]:
    """Help and limits, from the nearest base class that gives them."""
    for each in settings.__mro__:
        described = getattr(each, "__dataclass_fields__", {}).get(name)
        if described is not None and described.metadata:
            return dict(described.metadata)
    return {}
