"""torch.fx.symbolic_trace records a layer or cell as one node, as it does with the modules of torch.nn."""

from typing import Any

from torch.fx import Proxy
from torch.nn import Module


def is_proxy(input: object) -> bool:
    """Whether a call is being recorded instead of computed."""
    return isinstance(input, Proxy)


def record(module: Module, input: Any, hx: Any) -> Any:
    """The result of module(input, hx), as one node of the graph that is being recorded."""
    arguments = (input,) if hx is None else (input, hx)
    tracer = input.tracer
    return tracer.create_proxy("call_module", tracer.path_of_module(module), arguments, {})
