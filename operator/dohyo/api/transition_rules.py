"""Names are bound to content: what a change of a spec may not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dohyo.api.rule import TransitionRule

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT_FIELDS: Final = ("bento", "image", "uri", "digest")


def _same(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether the two do not claim one name for different content."""
    return old["name"] != new["name"] or all(old.get(f) == new.get(f) for f in CONTENT_FIELDS)


def _cel_same(old: str, new: str) -> str:
    same = " && ".join(
        f"(has({old}.{field}) ? {old}.{field} : '') == (has({new}.{field}) ? {new}.{field} : '')"
        for field in CONTENT_FIELDS
    )
    return f"({old}.name != {new}.name || {same})"


def _bound(
    new_role: str, old_role: str, cel: str, holds: Callable[[Any, Any], bool]
) -> TransitionRule:
    return TransitionRule(
        name=f"name-bound-{new_role}-was-{old_role}",
        places=("spec",),
        cel=cel,
        holds=holds,
        message="a version's name is bound to its bento, image, uri and digest; give the new "
        "content a new name",
        field="champion" if new_role == "champion" else "challengers",
    )


TRANSITION_RULES: Final[tuple[TransitionRule, ...]] = (
    _bound(
        "champion",
        "champion",
        _cel_same("oldSelf.champion", "self.champion"),
        lambda old, new: _same(old["champion"], new["champion"]),
    ),
    _bound(
        "champion",
        "challenger",
        f"oldSelf.challengers.all(o, {_cel_same('o', 'self.champion')})",
        lambda old, new: all(_same(o, new["champion"]) for o in old["challengers"]),
    ),
    _bound(
        "challenger",
        "champion",
        f"self.challengers.all(c, {_cel_same('oldSelf.champion', 'c')})",
        lambda old, new: all(_same(old["champion"], c) for c in new["challengers"]),
    ),
    _bound(
        "challenger",
        "challenger",
        f"self.challengers.all(c, oldSelf.challengers.all(o, {_cel_same('o', 'c')}))",
        lambda old, new: all(_same(o, c) for c in new["challengers"] for o in old["challengers"]),
    ),
)
