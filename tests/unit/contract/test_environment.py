"""Variables of a process: typed, with defaults, and refused by name, value and way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dohyo.contract.environment import Environment, VariableError

if TYPE_CHECKING:
    from collections.abc import Callable

READ: dict[str, Callable[[Environment], object]] = {
    "seconds": lambda read: read.seconds("X", 5),
    "amount": lambda read: read.amount("X", 5),
    "whole": lambda read: read.whole("X", 5),
    "flag": lambda read: read.flag("X", default=True),
    "choice": lambda read: read.choice("X", ("debug", "info"), "info"),
    "url": lambda read: read.url("X"),
    "address": lambda read: read.address("X"),
    "json_map": lambda read: read.json_map("X"),
    "names": lambda read: read.names("X"),
}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("seconds", "2.5", 2.5),
        ("seconds", "", 5),
        ("amount", "8.5e8", 850_000_000),
        ("whole", "7", 7),
        ("whole", " ", 5),
        ("flag", "Off", False),
        ("flag", "", True),
        ("choice", "DEBUG", "debug"),
        ("url", "https://host:8082/", "https://host:8082"),
        ("url", "", ""),
        ("address", "host:8082", "host:8082"),
        ("json_map", '{"emptyDir": {}}', {"emptyDir": {}}),
        ("names", "b, a,b,", ("b", "a")),
    ],
)
def test_a_variable_is_read(kind: str, text: str, value: object) -> None:
    assert READ[kind](Environment({"X": text})) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("seconds", "soon"),
        ("seconds", "-1"),
        ("amount", "nan"),
        ("amount", "inf"),
        ("whole", "0"),
        ("whole", "1.5"),
        ("flag", "maybe"),
        ("choice", "loud"),
        ("url", "host:8082"),
        ("address", "host"),
        ("address", "host:70000"),
        ("json_map", "[]"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_value(kind: str, text: str) -> None:
    with pytest.raises(VariableError) as refused:
        READ[kind](Environment({"X": text}))
    assert str(refused.value).startswith(f"X={text!r} is ")


def test_what_the_chart_must_set_is_asked_for() -> None:
    assert Environment({"X": "pod-0"}).required("X") == "pod-0"
    with pytest.raises(VariableError, match="X is not set"):
        Environment({"X": " "}).required("X")
