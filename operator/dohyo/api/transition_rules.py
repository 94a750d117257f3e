"""Names are bound to content: what a change of a spec may not do."""

from __future__ import annotations

from itertools import product
from typing import Any, Final

from dohyo.api.rule import TransitionRule

# The names of all rules that bind a name begin so.
NAME_BOUND: Final = "name-bound"
CONTENT_FIELDS: Final = ("bento", "image", "uri", "digest")


def _same(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether the two do not claim one name for different content."""
    return old["name"] != new["name"] or not _changed(old, new)


def _changed(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [field for field in CONTENT_FIELDS if old.get(field) != new.get(field)]


def _told(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What one name stood for and stands for now."""
    changes = (f"{f} {_shown(old.get(f))}, now {_shown(new.get(f))}" for f in _changed(old, new))
    return f"{new['name']} had {' and '.join(changes)}"


def _shown(value: str | None) -> str:
    return value or "none"


def _cel_same(old: str, new: str) -> str:
    same = " && ".join(
        f"(has({old}.{field}) ? {old}.{field} : '') == (has({new}.{field}) ? {new}.{field} : '')"
        for field in CONTENT_FIELDS
    )
    return f"({old}.name != {new}.name || {same})"


def _bound(new_role: str, old_role: str, cel: str) -> TransitionRule:
    def rebound(old: Any, new: Any) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        pairs = product(_versions(old, old_role), _versions(new, new_role))
        return [(was, is_now) for was, is_now in pairs if not _same(was, is_now)]

    return TransitionRule(
        name=f"{NAME_BOUND}-{new_role}-was-{old_role}",
        places=("spec",),
        cel=cel,
        holds=lambda old, new: not rebound(old, new),
        message="a version's name is bound to its bento, image, uri and digest; give the new "
        "content a new name",
        field="champion" if new_role == "champion" else "challengers",
        difference=lambda old, new: ", ".join(_told(*pair) for pair in rebound(old, new)),
    )


def _versions(spec: dict[str, Any], role: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [spec["champion"]] if role == "champion" else spec["challengers"]
    return found


TRANSITION_RULES: Final[tuple[TransitionRule, ...]] = (
    _bound("champion", "champion", _cel_same("oldSelf.champion", "self.champion")),
    _bound(
        "champion",
        "challenger",
        f"oldSelf.challengers.all(o, {_cel_same('o', 'self.champion')})",
    ),
    _bound(
        "challenger",
        "champion",
        f"self.challengers.all(c, {_cel_same('oldSelf.champion', 'c')})",
    ),
    _bound(
        "challenger",
        "challenger",
        f"self.challengers.all(c, oldSelf.challengers.all(o, {_cel_same('o', 'c')}))",
    ),
)
