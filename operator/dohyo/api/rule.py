"""What a rule across fields is, where it stands, and how it is evaluated without a cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dohyo.api.violations import Violation, dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Path = tuple[str | int, ...]

# In a rule's place: every item of a list, every value of a map.
ITEMS: Final = "[]"
VALUES: Final = "{}"
# Metadata has no schema of ours; a rule about the name stands at the root and names it in full.
ROOT_NAME: Final = "metadata.name"
VERSIONS: Final = ("spec.champion", "spec.challengers[]")
# Sums of shares such as 33.33 are not exact.
TOLERANCE: Final = 1e-6


@dataclass(frozen=True)
class Rule:
    """One rule, told twice: to the API server in CEL, to lint and the operator in Python.

    Attributes:
        name: what tests and the reference call it.
        places: where it stands, such as ``spec.challengers[].bento``.
        cel: true where the rule holds; ``self`` is the value at the place.
        holds: the same of the plain JSON value, defaults applied.
        message: what is wrong where it does not hold, and after a semicolon the way out.
        field: the field below the place that is shown as the culprit.
        culprit: what lint shows where the value is too much to show.
    """

    name: str
    places: tuple[str, ...]
    cel: str
    holds: Callable[[Any], bool]
    message: str
    field: str = ""
    culprit: Callable[[Any], str] | None = None


@dataclass(frozen=True)
class TransitionRule:
    """A rule about a value and the one it replaces (``self`` and ``oldSelf``).

    Attributes:
        name: as of a `Rule`, like all that is not named here.
        difference: of the old value and the new one, in words that follow the message; CEL has
            no such words.
    """

    name: str
    places: tuple[str, ...]
    cel: str
    holds: Callable[[Any, Any], bool]
    message: str
    field: str
    difference: Callable[[Any, Any], str]


def violations(rule: Rule, document: Any, sick: frozenset[Path]) -> Iterator[Violation]:
    """Where the rule does not hold.

    Args:
        rule: the rule.
        document: the whole resource as JSON values, defaults applied.
        sick: places whose shape is wrong already; a rule that would look at them is left out.
    """
    for place in rule.places:
        for path, value in found(document, place):
            if any(_within(path, bad) for bad in sick) or rule.holds(value):
                continue
            shown = rule.culprit(value) if rule.culprit else None
            yield violation(rule, path, value, shown)


def violation(
    rule: Rule | TransitionRule, path: Path, value: Any, shown: str | None = None
) -> Violation:
    """What the rule says about that value at that place; `shown` stands for the value."""
    message, _, way_out = rule.message.partition("; ")
    if rule.field:
        path = (*path, rule.field)
        value = value.get(rule.field) if isinstance(value, dict) else None
    if shown is None and not isinstance(value, dict | list):
        return Violation(dotted(path), value, message, way_out, rule.name)
    return Violation(dotted(path), shown, message, way_out, rule.name)


def found(document: Any, place: str) -> Iterator[tuple[Path, Any]]:
    """Every value that stands at the place, with its path."""
    yield from _walk(document, steps(place), ())


def steps(place: str) -> tuple[str, ...]:
    """``spec.challengers[].bento`` → ``("spec", "challengers", "[]", "bento")``."""
    spaced = place.replace(ITEMS, f".{ITEMS}").replace(VALUES, f".{VALUES}")
    return tuple(step for step in spaced.split(".") if step)


def _walk(value: Any, rest: tuple[str, ...], path: Path) -> Iterator[tuple[Path, Any]]:
    if not rest:
        yield path, value
        return
    head, tail = rest[0], rest[1:]
    if head == ITEMS:
        children: Any = enumerate(value) if isinstance(value, list) else ()
    elif head == VALUES:
        children = value.items() if isinstance(value, dict) else ()
    else:
        children = ((head, value[head]),) if isinstance(value, dict) and head in value else ()
    for key, child in children:
        yield from _walk(child, tail, (*path, key))


def _within(path: Path, bad: Path) -> bool:
    """Whether a rule at the path would look at the bad place or lies below it."""
    shorter = min(len(path), len(bad))
    return path[:shorter] == bad[:shorter]


def formatted(name: str, places: tuple[str, ...], pattern: str, message: str) -> Rule:
    """A rule about the whole text of a string.

    Args:
        name: of the rule.
        places: where the string stands.
        pattern: of all of it, in what RE2 and Python have in common.
        message: what is wrong, and after a semicolon the way out.
    """
    compiled = re.compile(pattern)
    return Rule(
        name=name,
        places=places,
        cel=f"self.matches('^({pattern})$')",
        holds=lambda value: compiled.fullmatch(value) is not None,
        message=message,
    )


def below(field: str, places: tuple[str, ...]) -> tuple[str, ...]:
    """The places of a field below places."""
    return tuple(f"{place}.{field}" for place in places)
