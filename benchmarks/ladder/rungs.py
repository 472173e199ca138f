"""The rungs in order, as contenders; each is compared with the rung before it."""

from collections.abc import Callable
from typing import Any

from benchmarks.cases import CELLS, Case
from benchmarks.contenders.contender import Contender, Prepared
from benchmarks.contenders.numpy_layers import NumpyLayer
from benchmarks.ladder.by_feature import ByFeature
from benchmarks.ladder.by_row import ByRow
from benchmarks.ladder.hoisted import HoistedInput
from scratch_rnn import spans
from scratch_rnn.numpy_bptt.fused import arrays

COMPARED_WITH = ("torch.nn", "floor-numpy")
"""Timed next to the ladder, and compared with its last rung."""


class Rung(NumpyLayer):
    """A layer of scratch_rnn.numpy_bptt with another engine, for some cells."""

    def __init__(self, name: str, engine: Callable[[str], Any], cells: tuple[str, ...] = CELLS) -> None:
        super().__init__(name, "fused")
        self.rung, self.cells = engine, cells

    def unsupported_reason(self, case: Case) -> str:
        """A rung that changes nothing is left out."""
        if case.cell not in self.cells:
            return "with one gate there is nothing to rearrange"
        if not case.plain:
            return "a rung is one padded layer, unprojected"
        return super().unsupported_reason(case)

    def layer_class(self, case: Case) -> Any:
        """The class with the engine of the rung in place of the fused one."""
        kind = super().layer_class(case)
        return type(kind.__name__, (kind,), {"fused": self.rung(case.cell)})


class WithoutWorkspace(NumpyLayer):
    """engine="fused" with new memory in every call, its spans as they are or all steps in one span."""

    def __init__(self, name: str, one_span: bool) -> None:
        super().__init__(name, "fused")
        self.one_span = one_span

    def prepare(self, case: Case) -> Prepared:
        """During a step, the two limits of the engine are changed."""
        prepared = super().prepare(case)

        def step() -> object:
            before = arrays.HUGE_PAGE_BYTES, spans.MAX_NUMBERS_PER_SPAN
            arrays.HUGE_PAGE_BYTES = 0
            spans.MAX_NUMBERS_PER_SPAN = 2**62 if self.one_span else before[1]
            try:
                return prepared.step()
            finally:
                arrays.HUGE_PAGE_BYTES, spans.MAX_NUMBERS_PER_SPAN = before

        return prepared._replace(step=step)


RUNGS: dict[str, Callable[[str], Contender]] = {
    "numpy-steps": lambda name: NumpyLayer(name, "steps"),
    "hoisted input": lambda name: Rung(name, HoistedInput),
    "in-place activations": lambda name: Rung(name, ByRow),
    "feature-major": lambda name: Rung(name, ByFeature, cells=("gru", "lstm")),
    "fused loop": lambda name: WithoutWorkspace(name, one_span=True),
    "spans in cache": lambda name: WithoutWorkspace(name, one_span=False),
    "numpy-fused": lambda name: NumpyLayer(name, "fused"),
}


def baselines(case: Case) -> dict[str, str]:
    """What each rung is compared with: the one before; COMPARED_WITH, with the last rung."""
    present = [name for name, make in RUNGS.items() if not make(name).unsupported_reason(case)]
    before = dict(zip(present[1:], present, strict=False))
    return before | dict.fromkeys(COMPARED_WITH, present[-1])
