"""Which versions have pods, and how much of the traffic each is to carry in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dohyo.api.modeldeployment import VersionSpec
from dohyo.contract import BUCKETS, routing_from_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.api.modeldeployment import ModelDeploymentSpec
    from dohyo.api.resource import ModelDeployment
    from dohyo.verdict.ruling import Ruling


@dataclass(frozen=True)
class Lineup:
    """The versions of one ModelDeployment, without asking yet which of them are ready.

    Attributes:
        champion: the name that is to serve.
        serving: the name that served last; None before the first time.
        versions: by name; the serving champion's own specification is kept in the status, so that
            it is repaired and scaled even after the spec has dropped it.
        shares: what spec or rollout give each challenger, in 1/BUCKETS.
        expected: what each version has to be able to carry, now or soon, in 1/BUCKETS.
    """

    champion: str
    serving: str | None
    versions: Mapping[str, VersionSpec]
    shares: Mapping[str, int]
    expected: Mapping[str, int]


def lineup(md: ModelDeployment, ruling: Ruling) -> Lineup:
    """Reads the line-up from spec, status and what was decided."""
    spec, status = md.spec, md.status
    named = {spec.champion.name: spec.champion, **{c.name: c for c in spec.challengers}}
    versions = {name: v for name, v in named.items() if name not in ruling.asleep}
    if ruling.warm is not None:
        versions.setdefault(ruling.warm.name, ruling.warm)
    shares = _shares(spec, ruling)
    expected = dict.fromkeys(versions, 0) | _expected(shares, ruling)
    expected[ruling.champion] = BUCKETS - sum(
        share for name, share in shares.items() if name != ruling.champion
    )
    if ruling.warm is not None and ruling.warm.name in versions:
        expected[ruling.warm.name] = BUCKETS  # going back must not wait for pods

    serving = status.champion
    if serving is not None and serving not in versions and status.serving is not None:
        versions[serving] = VersionSpec.model_validate(status.serving)
    if serving is not None and serving not in versions:
        serving = None
    if serving is not None and serving != ruling.champion:
        carried = routing_from_status(status.routing).share(serving) if status.routing else BUCKETS
        expected[serving] = max(expected.get(serving, 0), carried)
    return Lineup(
        champion=ruling.champion,
        serving=serving,
        versions=versions,
        shares=shares,
        expected=expected,
    )


def _shares(spec: ModelDeploymentSpec, ruling: Ruling) -> dict[str, int]:
    if ruling.managed:
        return {name: portion.weight for name, portion in ruling.portions.items()}
    # The share of a challenger that was promoted by hand goes with its role.
    return {c.name: 0 if c.name == ruling.champion else c.weight_bp for c in spec.challengers}


def _expected(shares: Mapping[str, int], ruling: Ruling) -> dict[str, int]:
    ahead = {name: portion.expected for name, portion in ruling.portions.items()}
    return {name: max(share, ahead.get(name, 0)) for name, share in shares.items()}
