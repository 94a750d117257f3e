"""What a check finds: the place, the value, what is wrong with it, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_SHOWN: Final = 80


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong in a document.

    Attributes:
        path: the place, such as ``spec.challengers[0].weight``; empty for the whole document.
        value: what stands there; None also when nothing does.
        message: what is wrong with it.
        way_out: what to do about it; empty when the message says it.
        rule: the rule of `dohyo.api.rules` that it breaks; empty for all else.
    """

    path: str
    value: Any
    message: str
    way_out: str = ""
    rule: str = ""

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        shown = "" if self.value is None else f"{_shown(self.value)} "
        way_out = f"; {self.way_out}" if self.way_out else ""
        return f"{place}{shown}{self.message}{way_out}"


class InvalidResource(ValueError):  # noqa: N818
    """The document is no valid resource.

    Attributes:
        violations: at least one.
    """

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(str(v) for v in self.violations))


def dotted(path: Iterable[str | int]) -> str:
    """A path as people write it: ``spec.challengers[0].weight``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
