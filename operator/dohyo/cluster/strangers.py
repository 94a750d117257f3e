"""What others have put into a child's keyed lists, when it keeps the child from being mended.

A server-side apply leaves such items alone, as it should: injected variables are nobody's harm.
But a port that somebody put in the place of ours makes every later apply invalid.
"""

from __future__ import annotations

from typing import Any

from dohyo.cluster.likeness import KEYED

Json = dict[str, Any]


def without_strangers(live: Json, desired: Json) -> Json:
    """A merge patch that takes out list items which the manifest does not name.

    Empty when there are none. A patched list holds only items as they stand in `live`: what a
    patch does not change stays whose it was.
    """
    patch: Json = {}
    for field, wanted in desired.items():
        present = live.get(field)
        if isinstance(wanted, dict) and isinstance(present, dict):
            inner = without_strangers(present, wanted)
            if inner:
                patch[field] = inner
        elif isinstance(wanted, list) and isinstance(present, list):
            own = _own_items(present, wanted, field)
            if own != present:
                patch[field] = own
    return patch


def _own_items(present: list[Any], wanted: list[Any], field: str) -> list[Any]:
    key_of = KEYED.get(field)
    if key_of is None or not all(isinstance(item, dict) for item in (*present, *wanted)):
        return present
    ours = {key_of(item): item for item in wanted}
    return [_cleared(item, ours[key_of(item)]) for item in present if key_of(item) in ours]


def _cleared(item: Json, wanted: Json) -> Json:
    return _merged(item, without_strangers(item, wanted))


def _merged(item: Json, patch: Json) -> Json:
    """The item with the patch on it, which holds lists and maps only."""
    return {
        field: _merged(value, patch[field])
        if isinstance(patch.get(field), dict)
        else patch.get(field, value)
        for field, value in item.items()
    }
