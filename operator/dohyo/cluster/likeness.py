"""Whether a live object already is what a manifest asks for.

The API server fills in defaults, writes quantities in its own way and lets others add to lists
that are keyed; none of that is drift. What the manifest names has to be there as it names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dohyo.api.quantities import amount

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# Lists that the API server merges by a key: whatever else is in them belongs to others.
KEYED: Final[Mapping[str, Callable[[Any], Any]]] = {
    "containers": lambda item: item.get("name"),
    "initContainers": lambda item: item.get("name"),
    "env": lambda item: item.get("name"),
    "volumes": lambda item: item.get("name"),
    "imagePullSecrets": lambda item: item.get("name"),
    "volumeMounts": lambda item: item.get("mountPath"),
    "volumeDevices": lambda item: item.get("devicePath"),
    "hostAliases": lambda item: item.get("ip"),
    "ownerReferences": lambda item: item.get("uid"),
    "ports": lambda item: (
        item.get("containerPort") or item.get("port"),
        item.get("protocol") or "TCP",
    ),
    "topologySpreadConstraints": lambda item: (
        item.get("topologyKey"),
        item.get("whenUnsatisfiable"),
    ),
}
# Maps whose values are quantities, and single fields that are one.
_QUANTITIES: Final = frozenset({"requests", "limits"})
_QUANTITY: Final = frozenset({"sizeLimit", "divisor"})


def contains(live: Any, desired: Any, field: str = "", parent: str = "") -> bool:
    """Whether all of `desired` is in `live`.

    Args:
        live: a part of a live object; None when it is absent.
        desired: the same part of a manifest.
        field: the name under which both stand.
        parent: the name of the part around them.
    """
    if isinstance(desired, dict):
        if not desired:
            return live is None or isinstance(live, dict)
        return isinstance(live, dict) and all(
            contains(live.get(key), value, key, field) for key, value in desired.items()
        )
    if isinstance(desired, list | tuple):
        return _contains_items(live, desired, field)
    if desired is None or live == desired:
        return True
    return (parent in _QUANTITIES or field in _QUANTITY) and _same_amount(live, desired)


def _contains_items(live: Any, desired: Sequence[Any], field: str) -> bool:
    items = live or []
    if not isinstance(items, list):
        return False
    key_of = KEYED.get(field)
    if key_of is None or not all(isinstance(item, dict) for item in (*items, *desired)):
        return len(items) == len(desired) and all(
            contains(have, want, field) for have, want in zip(items, desired, strict=True)
        )
    by_key = {key_of(item): item for item in items}
    return all(key_of(want) in by_key and contains(by_key[key_of(want)], want) for want in desired)


def _same_amount(one: Any, other: Any) -> bool:
    """Whether both are quantities of the same amount: 0.5, 500m, 5e-1."""
    try:
        return amount(str(one)) == amount(str(other))
    except ValueError:
        return False
