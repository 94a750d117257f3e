"""What is known of a ModelDeployment → the frozen observation that planning is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dohyo.plan.observed import Observed
from dohyo.verdict.evidence import UNASKED

if TYPE_CHECKING:
    from dohyo.cluster.gateways import Gateways
    from dohyo.cluster.store import Key, Store
    from dohyo.verdict.evidence import Evidence


def observe(
    store: Store, gateways: Gateways, key: Key, uid: str, evidence: Evidence = UNASKED
) -> Observed:
    return Observed(
        children=store.children(uid),
        pods=store.pods(key),
        gateways=gateways.epochs(str(key)),
        load=gateways.tally.load(str(key)),
        evidence=evidence,
    )
