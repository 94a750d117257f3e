"""Lays a user's pod template over ours, the way a strategic-merge patch does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Lists whose items have a name of their own; every other list is replaced as a whole.
_MERGE_KEYS: Mapping[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}


def merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The base with the patch on it; neither is changed.

    Maps merge by key and null removes a key. The lists of `_MERGE_KEYS` merge by their items'
    name (mount path, container port): known items are merged, new ones appended. Other lists and
    scalars are replaced.
    """
    result = dict(base)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged_value(key, result.get(key), value)
    return result


def _merged_value(key: str, base: Any, patch: Any) -> Any:
    if isinstance(patch, Mapping):
        return merged(base if isinstance(base, Mapping) else {}, patch)
    if isinstance(patch, list) and key in _MERGE_KEYS:
        return _merged_items(_MERGE_KEYS[key], base or [], patch)
    return patch


def _merged_items(name: str, base: list[Any], patch: list[Any]) -> list[Any]:
    items = {item.get(name): item for item in base}
    for item in patch:
        items[item.get(name)] = merged(items.get(item.get(name), {}), item)
    return list(items.values())
