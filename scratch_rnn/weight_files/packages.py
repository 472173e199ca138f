"""Packages that only some files need, imported when one of these is read or written."""

import importlib
from types import ModuleType

from scratch_rnn.checks import message


def package(name: str, who: str) -> ModuleType:
    """The package; ValueError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ValueError(message(who, f"the package {name} to be installed", "none")) from None
