"""Put the layers and cells of this package into an existing model, so that one can step through its LSTM.

>>> import torch
>>> model = torch.nn.Sequential(torch.nn.GRU(3, 4))
>>> replace(model)[0].__module__
'scratch_rnn.torch_autograd.modules'
"""

import weakref

from torch.nn import Module
from torch.nn.utils import parametrize

from scratch_rnn.checks import expect_one_of, message
from scratch_rnn.torch_autograd import cells, modules
from scratch_rnn.torch_autograd.rnn_base import ENGINES

CLASSES: dict[str, type[Module]] = {
    "RNN": modules.RNN,
    "LSTM": modules.LSTM,
    "GRU": modules.GRU,
    "RNNCell": cells.RNNCell,
    "LSTMCell": cells.LSTMCell,
    "GRUCell": cells.GRUCell,
}
"""Name of a class of torch.nn -> the class here."""
CACHES = ("_flat_weights", "_flat_weights_names", "_flat_weight_refs", "_all_weights")
"""Attributes of torch's layers that are derived from the parameters."""


def replace(model: Module, engine: str = "steps") -> Module:
    """Replace every RNN, LSTM, GRU and cell of torch.nn in `model` by the class of this package, in place.

    Returns the model, or the new layer where the model itself is one. The new modules have the same Parameter
    objects, so that an optimiser made before keeps working, the same hooks, attributes and training mode. A
    module that is used in two places is replaced by one module. Subclasses of torch's classes stay as they
    are, and so do modules that are in no attribute of a module, in a list for instance.

    Raises TypeError where `model` is no Module or a layer has parametrizations (register them afterwards),
    and ValueError for an unknown engine.
    """
    if not isinstance(model, Module):
        raise TypeError(message("replace", "model to be a Module", type(model).__name__))
    expect_one_of("replace", "engine", engine, list(ENGINES))
    found = {module: _class_here(module) for module in model.modules()}
    made = {module: _converted(module, kind, engine) for module, kind in found.items() if kind is not None}
    for parent in found:
        for name, child in parent._modules.items():
            if child in made:
                parent._modules[name] = made[child]
    return made.get(model, model)


def _class_here(module: Module) -> type[Module] | None:
    """The class here for a module whose class is exactly one of torch's six; None for any other."""
    kind = type(module)
    if parametrize.is_parametrized(module):
        kind = kind.__bases__[0]
    if kind.__module__ != "torch.nn.modules.rnn" or kind.__name__ not in CLASSES:
        return None
    if kind is not type(module):
        raise TypeError(
            message("replace", f"{kind.__name__} without parametrizations", type(module).__name__)
        )
    return CLASSES[kind.__name__]


def _converted(module: Module, kind: type[Module], engine: str) -> Module:
    """A module of class `kind` with the attributes, parameters and hooks of `module`, the same objects."""
    new = kind.__new__(kind)
    new.__dict__.update({name: value for name, value in vars(module).items() if name not in CACHES})
    new.__dict__["engine"] = engine
    for hook in new._load_state_dict_pre_hooks.values():
        if getattr(hook, "with_module", False):
            vars(hook)["module"] = weakref.ref(new)
    return new
