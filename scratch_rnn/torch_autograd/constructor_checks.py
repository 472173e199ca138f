"""The checks of the constructors of RNN, LSTM and GRU. Types, texts and order of the errors are torch's."""

from collections.abc import Sequence
from numbers import Number
from warnings import warn


def arguments(
    input_size: object,
    hidden_size: object,
    num_layers: int,
    bias: object,
    batch_first: object,
    dropout: float,
    proj_size: int,
) -> None:
    """Check the arguments of a constructor, and warn about dropout that has no effect.

    Raises ValueError or TypeError with torch's texts.
    """
    if not isinstance(dropout, Number) or not 0 <= dropout <= 1 or isinstance(dropout, bool):
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element "
            "being zeroed"
        )
    if dropout > 0 and num_layers == 1:
        warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
            f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=4,
        )
    _is_bool("bias", bias)
    _is_bool("batch_first", batch_first)
    _is_size("input_size", input_size)
    hidden = _is_size("hidden_size", hidden_size)
    if num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if not hasattr(proj_size, "__index__"):
        raise TypeError(f"proj_size should be of type int, got: {type(proj_size).__name__}")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden:
        raise ValueError("proj_size has to be smaller than hidden_size")


def _is_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name} should be of type bool, got: {type(value).__name__}")


def _is_size(name: str, value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
    if value <= 0:
        raise ValueError(f"{name} must be greater than zero")
    return value


def no_projection(proj_size: object) -> None:
    """ValueError unless proj_size is 0: RNN and GRU have no projection."""
    if proj_size != 0:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


def nonlinearity(name: object) -> None:
    """ValueError unless `name` is "tanh" or "relu"."""
    if name not in ("tanh", "relu"):
        raise ValueError(f"Unknown nonlinearity '{name}'. Select from 'tanh' or 'relu'.")


def mode(name: str, known: Sequence[str]) -> None:
    """ValueError unless `name` is one of the `known` modes of RNNBase, which select the cell."""
    if name not in known:
        raise ValueError("Unrecognized RNN mode: " + name)
