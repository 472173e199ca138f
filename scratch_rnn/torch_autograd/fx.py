"""Graphs of layers and cells: torch.fx records one as a node, as torch.nn's are; no torch.jit.script."""

from typing import Any, NoReturn

from torch.fx import Proxy
from torch.nn import Module

from scratch_rnn.checks import message


def is_proxy(input: object) -> bool:
    """Whether a call is being recorded instead of computed."""
    return isinstance(input, Proxy)


def record(module: Module, input: Any, hx: Any) -> Any:
    """The result of module(input, hx), as one node of the graph that is being recorded."""
    arguments = (input,) if hx is None else (input, hx)
    tracer = input.tracer
    return tracer.create_proxy("call_module", tracer.path_of_module(module), arguments, {})


def refuse_script(module: Module) -> NoReturn:
    """The method that torch.jit.script calls before it compiles a module."""
    who = type(module).__name__
    raise RuntimeError(message(who, "no torch.jit.script (use torch.compile or torch.export)", "a script"))
