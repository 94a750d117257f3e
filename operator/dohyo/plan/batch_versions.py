"""The versions that score: found in the ring when a run begins, and fixed from then on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from dohyo.api.batch_conditions import BatchReason
from dohyo.api.batchprediction import CHAMPION
from dohyo.api.modeldeployment import VersionSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dohyo.plan.settings import Runtime


@dataclass(frozen=True)
class Obstacle:
    """Why nothing can begin, for the condition."""

    reason: BatchReason
    message: str


def chosen_versions(
    names: Iterable[str], model: str, ring: Mapping[str, Any] | None, runtime: Runtime
) -> tuple[VersionSpec, ...] | Obstacle:
    """The versions of these names, in their order and each once, as far as they can score.

    Args:
        names: of versions of the ring; `CHAMPION` is whoever serves now.
        model: name of the ModelDeployment.
        ring: the ModelDeployment as the API server has it; None when there is none.
        runtime: that runs bentos.
    """
    if ring is None:
        return Obstacle(
            BatchReason.MODEL_NOT_FOUND,
            f"there is no ModelDeployment {model} in this namespace; name one that is, or make it",
        )
    known = ring_versions(ring)
    champion = (ring.get("status") or {}).get("champion")
    found: dict[str, VersionSpec] = {}
    for name in names:
        wanted = champion if name == CHAMPION else name
        if wanted is None:
            return Obstacle(
                BatchReason.NO_CHAMPION, f"nothing serves {model} yet; it is waited for"
            )
        if wanted not in known:
            return Obstacle(
                BatchReason.VERSION_NOT_FOUND,
                f"{model} has no version {wanted}; it has {', '.join(known)}",
            )
        found[wanted] = known[wanted]
    return _refusal(found.values(), runtime) or tuple(found.values())


def _refusal(versions: Iterable[VersionSpec], runtime: Runtime) -> Obstacle | None:
    for version in versions:
        if version.uri is None:
            return Obstacle(
                BatchReason.VERSION_IS_IMAGE,
                f"{version.name} has an image of its own, and a data set is scored in the "
                "installation's runtime image; give the version a uri that leads to its bento",
            )
        if not runtime.image:
            return Obstacle(
                BatchReason.NO_RUNTIME,
                "the installation has no image to run bentos in; set the chart's runtime.image",
            )
    return None


def ring_versions(ring: Mapping[str, Any]) -> dict[str, VersionSpec]:
    """Every version whose bento is known by name: of the spec, and who serves or did last."""
    spec, status = ring.get("spec") or {}, ring.get("status") or {}
    warm = (status.get("warm") or {}).get("specification")
    raws = [spec.get("champion"), *(spec.get("challengers") or ()), status.get("serving"), warm]
    found: dict[str, VersionSpec] = {}
    for raw in raws:
        version = _version(raw)
        if version is not None:
            found.setdefault(version.name, version)
    return found


def _version(raw: Any) -> VersionSpec | None:
    """What a run needs to know of a version; None of what is no version."""
    if not isinstance(raw, dict):
        return None
    kept = {
        field: raw[field]
        for field in ("name", "bento", "image", "uri", "digest", "credentials")
        if raw.get(field) is not None
    }
    try:
        return VersionSpec.model_validate_json(json.dumps(kept))
    except ValidationError:
        return None
