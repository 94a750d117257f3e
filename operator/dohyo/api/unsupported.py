"""Fields that the schema has and this release does not carry out.

The table only shrinks: a capability that arrives takes its line out. The page
`docs/reference/unsupported.md` is printed from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dohyo.api.rule import found
from dohyo.api.violations import Violation, dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dohyo.api.modeldeployment import ModelDeploymentSpec

_VERSIONS: Final = ("spec.champion", "spec.challengers[]")


def _always(_: Any) -> bool:
    return True


@dataclass(frozen=True)
class Unsupported:
    """One field, or one value of it, that is not carried out.

    Attributes:
        places: where it may stand.
        capability: what it would do.
        instead: what happens, and what to write for now.
        meant: whether a value asks for the capability.
        value: the value that does, when not all do; for the reference.
    """

    places: tuple[str, ...]
    capability: str
    instead: str
    meant: Callable[[Any], bool] = _always
    value: str = ""


def _of(field: str, places: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{place}.{field}" for place in places)


UNSUPPORTED: Final[tuple[Unsupported, ...]] = (
    Unsupported(
        places=("spec.scaling.minReplicas", *_of("scaling.minReplicas", _VERSIONS)),
        capability="scale to zero",
        instead="one replica stays; set it to 1",
        meant=lambda count: bool(count == 0),
        value="0",
    ),
    Unsupported(
        places=("spec.scaling.idleSeconds", *_of("scaling.idleSeconds", _VERSIONS)),
        capability="scale to zero",
        instead="one replica stays; remove it",
    ),
    Unsupported(
        places=("spec.traffic.routes",),
        capability="attach routes of the Gateway API",
        instead="the model is reached in the cluster and through the gateway's Service; "
        "lead your own route there",
    ),
    Unsupported(
        places=("spec.stopped",),
        capability="stop all pods and keep the resource",
        instead="the model goes on serving; delete the resource to stop it",
        meant=bool,
        value="true",
    ),
)


def unsupported(spec: ModelDeploymentSpec) -> tuple[Violation, ...]:
    """Every field of a spec that asks for something this release does not do."""
    return tuple(unsupported_fields(spec.as_raw()))


def unsupported_fields(spec: Mapping[str, Any]) -> Iterator[Violation]:
    """The same of a raw spec, which need not be valid."""
    document = {"spec": spec}
    for entry in UNSUPPORTED:
        for place in entry.places:
            for path, value in found(document, place):
                if value is None or not entry.meant(value):
                    continue
                shown = None if isinstance(value, dict | list) else value
                yield Violation(
                    dotted(path),
                    shown,
                    f"is not carried out by this release, which cannot {entry.capability}",
                    entry.instead,
                )
