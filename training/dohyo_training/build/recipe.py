"""How the version that serves was made, to be made again on the rows of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dohyo_training.build.families import BLEND, CHAMPION, FAMILIES
from dohyo_training.build.trial import Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Recipe:
    """Algorithms and hyperparameters, without features and rows: those are the run's.

    Attributes:
        candidates: one, or the members of a blend.
        weights: of the members, by name; empty where there is one candidate.
    """

    candidates: tuple[Candidate, ...]
    weights: Mapping[str, float]


def recipe_of(record: Mapping[str, Any]) -> Recipe | None:
    """That of a version's `run.json`; None where it tells none that can be fitted here."""
    chosen = record.get("chosen", {})
    if chosen.get("family") != BLEND:
        candidate = _candidate(chosen, CHAMPION)
        return None if candidate is None else Recipe((candidate,), {})
    weights: dict[str, float] = {}
    candidates = []
    for member in chosen.get("members", []):
        candidate = _candidate(member, f"{CHAMPION}-{member['family']}")
        if candidate is None:
            return None
        candidates.append(candidate)
        weights[candidate.name] = member["weight"]
    return Recipe(tuple(candidates), weights) if candidates else None


def _candidate(said: Mapping[str, Any], label: str) -> Candidate | None:
    if said.get("family") not in FAMILIES:
        return None
    return Candidate(said["family"], tuple(sorted(said.get("parameters", {}).items())), label)
