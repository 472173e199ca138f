"""Which library computes torch.nn's layer, as observed, and by which rule of torch's source
(aten/src/ATen/native).

    CPU     lstm() in RNN.cpp: oneDNN's fused layer for a padded LSTM in float32 without projection; RNN, GRU
            and everything else run ATen's loop over time
    CUDA    use_cudnn() in RNN.cpp: cuDNN unless it is switched off; get_algo() in cudnn/RNN.cpp picks the
            algorithm, for forward and backward separately

torch does not say which algorithm it asked cuDNN for: `python -m benchmarks check` prints the names of the
kernels that ran beside the rule.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.cases import Case

MARKS = {"mkldnn_rnn_layer": "oneDNN", "_cudnn_rnn": "cuDNN"}
"""Operators that are a whole layer in one call."""


class Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records every operator called, except views and empty tensors, which launch nothing."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        returns = func._schema.returns
        is_view = any(r.alias_info is not None and not r.alias_info.is_write for r in returns)
        name = str(func).split(".")[1]
        if not is_view and "empty" not in name:
            self.names.append(name)
        return func(*args, **(kwargs or {}))


def taken(forward: Callable[[], object], case: Case, module: nn.Module) -> tuple[str, str]:
    """(the library whose layer a forward pass called, the rule that leads there)."""
    with torch.set_grad_enabled(case.mode != "inference"), Operators() as seen:
        forward()
    kernel = next((kernel for mark, kernel in MARKS.items() if mark in seen.names), "ATen")
    text = rule(case, kernel)
    buffers = {weight.untyped_storage().data_ptr() for weight in module.parameters()}
    if kernel == "cuDNN" and len(buffers) > 1:  # flatten_parameters() does nothing for bfloat16
        text += "; the weights are not in one buffer, so that every call copies them"
    return kernel, text


def expected(case: Case) -> str:
    """The library that torch.nn uses if nothing is switched off."""
    if case.device == "cuda":
        return "cuDNN"
    fused = case.cell == "lstm" and case.layout == "padded" and case.dtype == "float32" and not case.proj
    built: Any = torch.backends.mkldnn
    return "oneDNN" if fused and built.is_available() else "ATen"


def rule(case: Case, kernel: str) -> str:
    """Why this library, in a few words."""
    if kernel == "cuDNN":
        device = torch.cuda.current_device()
        major, minor = torch.cuda.get_device_capability(device)
        processors = torch.cuda.get_device_properties(device).multi_processor_count
        passes = {"backward": (False,), "training": (True, False)}.get(case.mode, (True,))
        algorithms = [cudnn_algorithm(case, forward, major, minor, processors) for forward in passes]
        return " / ".join(dict.fromkeys(algorithms))
    if kernel == "oneDNN":
        return "LSTM, padded, float32, no projection"
    if (library := expected(case)) != "ATen":
        backend: Any = torch.backends.cudnn if library == "cuDNN" else torch.backends.mkldnn
        if not backend.enabled:
            return f"{library} is switched off"
        return f"{library} does not support {case.dtype} here"
    reasons = [
        (case.cell != "lstm", "not an LSTM"),
        (case.layout == "packed", "packed"),
        (bool(case.proj), "projected"),
        (case.dtype != "float32", case.dtype),
    ]
    return ", ".join(reason for holds, reason in reasons if holds)


def cudnn_algorithm(case: Case, forward: bool, major: int, minor: int, processors: int) -> str:
    """get_algo(): on a GPU of this capability and number of multiprocessors."""
    if case.proj or case.layout == "packed":
        return "standard"
    limit = {"rnn": (384, 256)}.get(case.cell, (192, 128))[0 if forward else 1]
    if case.dtype != "float64" and major >= 6 and case.size.hidden <= limit:
        return "persistent, small H"
    if case.dtype == "float16" and _persists(case, major, minor, processors):
        return "persistent"
    return "standard"


def _persists(case: Case, major: int, minor: int, processors: int) -> bool:
    """use_persist_common_heuristics() and use_persist_device_heuristics()."""
    steps, rows, inputs, hidden = case.size
    if case.layers > 1 or case.bidirectional or hidden > 1024 or hidden % 128 or inputs % 128:
        return False
    if major == 7 and minor != 5:
        long = (steps >= 40 and rows <= 128) or (steps >= 20 and rows <= 96) or (steps >= 10 and rows <= 32)
        return long and (rows == 8 or (rows % 16 == 0 and rows not in (80, 112)))
    if major < 8 or minor == 6 or processors < 98 or case.cell == "gru":
        return False
    return rows % 8 == 0 and rows <= 128 and (case.cell == "lstm" or rows < 96 or hidden < 896)


@contextmanager
def only_aten() -> Iterator[None]:
    """With oneDNN and cuDNN switched off."""
    switches: Any = torch.backends.mkldnn, torch.backends.cudnn
    before = [switch.enabled for switch in switches]
    for switch in switches:
        switch.enabled = False
    try:
        yield
    finally:
        for switch, enabled in zip(switches, before, strict=True):
            switch.enabled = enabled
