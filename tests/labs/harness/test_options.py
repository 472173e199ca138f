"""Options: the fields of a lab's settings, with limits that hold for every source of a value."""

from dataclasses import dataclass, fields
from typing import Any

import pytest

from scratch_rnn.cli.app import make
from scratch_rnn.labs import LABS, Settings, UsageError
from scratch_rnn.labs.harness.options import Option, make_settings, options_of
from tests.labs.running import refused, run


@pytest.mark.parametrize("name", LABS)
def test_every_field_is_described(name: str) -> None:
    settings = LABS[name].options
    described = options_of(settings)
    assert [option.name for option in described] == [field.name for field in fields(settings)]
    for option in described:
        assert option.help
        assert option.check(name, option.default) == option.default
        assert option.repeatable or option.kind in (int, float, str, bool)


@pytest.mark.parametrize(
    ("name", "option", "value", "error"),
    [
        ("hihello", "steps", 0, "hihello: expected --steps of at least 1, got 0"),
        ("hihello", "hidden", -3, "hihello: expected --hidden of at least 1, got -3"),
        ("hihello", "seed", -1, "hihello: expected --seed of at least 0, got -1"),
        (
            "hihello",
            "seed",
            2**64,
            "hihello: expected --seed of at most 18446744073709551615, got 18446744073709551616",
        ),
        ("hihello", "lr", 0.0, "hihello: expected --lr above 0, got 0.0"),
        ("hihello", "lr", float("nan"), "hihello: expected a finite --lr, got nan"),
        ("charlm", "clip", float("inf"), "charlm: expected a finite --clip, got inf"),
        ("longseq", "batch_size", 0, "longseq: expected --batch-size of at least 1, got 0"),
        ("timeseries", "window", 0, "timeseries: expected --window of at least 1, got 0"),
    ],
)
def test_limits(name: str, option: str, value: Any, error: str) -> None:
    assert refused("lab", name, f"--{option.replace('_', '-')}", value) == error
    with pytest.raises(UsageError, match="expected"):
        make_settings(name, LABS[name].options, {option: value})


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"cell": "elman"}, "hihello: expected --cell rnn or lstm or gru, got 'elman'"),
        ({"layers": 2.0}, "hihello: expected --layers of type int, got 2.0"),
        ({"layers": True}, "hihello: expected --layers of type int, got True"),
        ({"layers": None}, "hihello: expected --layers of type int, got None"),
        ({"head": 1}, "hihello: expected --head of type bool, got 1"),
        ({"lr": "fast"}, "hihello: expected --lr of type float, got 'fast'"),
        ({"text": "a"}, "hihello: expected options among --cell, --hidden, --layers, "),
    ],
)
def test_settings_from_elsewhere(given: dict[str, Any], error: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_settings("hihello", LABS["hihello"].options, given)
    assert str(caught.value).startswith(error)


@pytest.mark.parametrize("given", ["good", 3, {"good": 1}], ids=repr)
def test_an_option_that_may_be_repeated_is_a_list(given: object) -> None:
    options = LABS["many-to-one"].options
    with pytest.raises(UsageError) as caught:
        make_settings("many-to-one", options, {"classify": given})
    assert str(caught.value) == f"many-to-one: expected a list of --classify, got {given!r}"
    assert vars(make_settings("many-to-one", options, {"classify": ["good"]}))["classify"] == ("good",)


def test_a_field_that_is_not_described_has_no_help_and_no_limits() -> None:
    @dataclass(frozen=True)
    class Plain(Settings):
        rate: float = 0.5

    assert options_of(Plain)[-1] == Option("rate", float, 0.5)
    assert make_settings("plain", Plain, {"rate": -1e9}).rate == -1e9


def test_an_int_is_a_float_too() -> None:
    settings = make_settings("hihello", LABS["hihello"].options, {"lr": 1, "hidden": None})
    assert type(vars(settings)["lr"]) is float


def test_steps_or_epochs() -> None:
    assert refused("lab", "hihello", "--steps", 3, "--epochs", 4) == (
        "hihello: expected --steps or --epochs, got both"
    )


def test_the_largest_seed() -> None:
    assert run("hihello", "torch", seed=2**64 - 1, steps=1).losses


@pytest.mark.parametrize("name", ["lr", "clip"])
def test_a_rate_that_the_dtype_cannot_hold_is_refused(name: str) -> None:
    refusal = rf"^hihello: expected --{name} of at most 3\.4e\+38, got 1e\+39$"
    with pytest.raises(UsageError, match=refusal):
        make("hihello", {name: 1e39, "dtype": "float32"})
    make("hihello", {name: 1e39})
