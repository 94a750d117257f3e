"""Variables that a chart sets and a process reads: typed, and every mistake named."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TRUE: Final = ("true", "1", "yes", "on")
_FALSE: Final = ("false", "0", "no", "off")
_PORTS: Final = 65_536


class VariableError(ValueError):
    """A variable of the environment is missing or unusable; says which, and what it can be."""


@dataclass(frozen=True)
class Environment:
    """The variables of a process. One that is empty counts as absent.

    Every method takes the variable's name first and raises `VariableError` where its text is
    nothing of the kind.
    """

    variables: Mapping[str, str]

    def text(self, name: str, default: str) -> str:
        return self.variables.get(name, "").strip() or default

    def required(self, name: str) -> str:
        if found := self.text(name, ""):
            return found
        raise VariableError(f"{name} is not set; the chart sets it from the pod's metadata")

    def names(self, name: str) -> tuple[str, ...]:
        """Different names from a list with commas, in its order."""
        parts = (part.strip() for part in self.variables.get(name, "").split(","))
        return tuple(dict.fromkeys(part for part in parts if part))

    def seconds(self, name: str, default: float) -> float:
        return self._from_zero(name, default, "number of seconds")

    def amount(self, name: str, default: float) -> float:
        """A number from 0 on."""
        return self._from_zero(name, default, "number from 0 on")

    def _from_zero(self, name: str, default: float, kind: str) -> float:
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < math.inf:
            raise VariableError(f"{name}={text!r} is no {kind}; try {default:g}")
        return value

    def whole(self, name: str, default: int) -> int:
        """A whole number above 0."""
        text = self.text(name, str(default))
        if not text.isdecimal() or int(text) == 0:
            raise VariableError(f"{name}={text!r} is no whole number above 0; try {default}")
        return int(text)

    def flag(self, name: str, *, default: bool) -> bool:
        text = self.text(name, "true" if default else "false").lower()
        if text not in (*_TRUE, *_FALSE):
            raise VariableError(f"{name}={text!r} is neither true nor false")
        return text in _TRUE

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        """One of some words in lower case."""
        text = self.text(name, default).lower()
        if text not in allowed:
            raise VariableError(f"{name}={text!r} is not one of {', '.join(allowed)}")
        return text

    def url(self, name: str) -> str:
        """A URL without a slash at its end, or nothing."""
        text = self.text(name, "").rstrip("/")
        if text and not text.startswith(("http://", "https://")):
            raise VariableError(f"{name}={text!r} is no URL; try http://host:port")
        return text

    def address(self, name: str) -> str:
        """Host and port, or nothing."""
        text = self.text(name, "")
        host, _, port = text.rpartition(":")
        if text and not (host and port.isdecimal() and 0 < int(port) < _PORTS):
            raise VariableError(f"{name}={text!r} is no address; write host:port, or leave it out")
        return text

    def json_map(self, name: str) -> dict[str, Any]:
        text = self.text(name, "{}")
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise VariableError(f"{name}={text!r} is no JSON map; try {{}}")
        return value
