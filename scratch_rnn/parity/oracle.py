"""Where the parity code finds torch.nn: in reference/layers.py of the project's clone, and nowhere else."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from scratch_rnn.checks import fail

if TYPE_CHECKING:
    from scratch_rnn.parity.cases import Case


def library(name: str = "layers") -> Any:
    """A module of reference/, by name; UsageError where the clone's folder is missing."""
    try:
        return import_module(f"reference.{name}")
    except ModuleNotFoundError as error:
        if error.name not in ("reference", f"reference.{name}"):
            raise
        fail("parity", "the folder reference/ of the project's clone beside scratch_rnn", error)


def parameter_shapes(case: "Case") -> dict[str, tuple[int, ...]]:
    """torch.nn's names and shapes of a layer's parameters."""
    layer = getattr(library(), case.name)(**case.arguments, device="meta")
    return {name: tuple(parameter.shape) for name, parameter in layer.state_dict().items()}
