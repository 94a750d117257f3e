"""The drift gates' looks: at closed, disjoint windows of the challenger's inputs, in turn.

Outside of the trial's alpha: each gate has a budget of its own for its whole trial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo.contract.evidence import STATE_MEASURED, STATE_NO_DATA, FeatureDrift, GateReport
from dohyo.contract.records import BATCH_REPLICA
from dohyo_evidence.drift import Distance, distance, drifted, spent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dohyo.contract.records import BinCounts, WindowRecord
    from dohyo.contract.trials import GatePlan

ALPHA: Final = 0.01
PREDICTION: Final = "prediction"
_SHOWN: Final = 10
_LARGE: Final = 0.2


def look(
    gate: GatePlan, state: Mapping[str, Any] | None, number: int, records: Iterable[WindowRecord]
) -> dict[str, Any]:
    """The gate's state after its look at a window.

    Args:
        gate: a drift gate.
        state: after the window before.
        number: of the window, from 1 on; decides what the look may spend.
        records: of all replicas in the window.
    """
    before = dict(state or {})
    distances = {}
    for name, (counts, reference) in _summed(gate, records).items():
        found = distance(counts, reference)
        if found is not None:
            distances[name] = found
    limit = gate.max_psi if gate.max_psi is not None else _LARGE
    flags = drifted(distances, spent(ALPHA, number), limit)
    features = [_feature(name, d, *flags[name]) for name, d in distances.items()]
    features.sort(key=lambda f: -f["psi"])
    alarms = [f["feature"] for f in features if f["significant"] and f["large"]]
    if not distances and before:
        return {**before, "window": number}
    return {
        "window": number,
        # A drift that was found stays found.
        "breach": bool(before.get("breach")) or bool(alarms),
        "alarms": before.get("alarms") or alarms,
        "features": before["features"] if before.get("breach") else features[:_SHOWN],
        "measured": bool(distances),
    }


def drift_report(gate: GatePlan, state: Mapping[str, Any] | None) -> GateReport:
    if not state or not state.get("measured"):
        message = "no closed window with enough values and a reference profile yet"
        return GateReport(gate.name, gate.metric, STATE_NO_DATA, message)
    features = tuple(FeatureDrift(**f) for f in state["features"])
    worst, limit = features[0], gate.max_psi if gate.max_psi is not None else _LARGE
    named = next((f for f in features if f.feature in state["alarms"]), worst)
    told = (
        f"{named.feature}: PSI {named.psi:.3g} against at most {limit:g} over {named.count:,} "
        f"values, p {min(named.psi_p or 1.0, named.ks_p or 1.0):.2g}"
    )
    if state["breach"]:
        message = f"input drift in {', '.join(state['alarms'][:5])}; {told}"
    else:
        message = f"no input drift after {state['window']} windows; largest {told}"
    return GateReport(
        gate.name,
        gate.metric,
        STATE_MEASURED,
        message,
        breach=bool(state["breach"]),
        value=named.psi,
        limit=limit,
        drift=features,
    )


def _feature(name: str, found: Distance, significant: bool, large: bool) -> dict[str, Any]:
    return {
        "feature": name,
        "psi": found.psi,
        "psi_p": found.psi_p,
        "ks": found.ks,
        "ks_p": found.ks_p,
        "count": found.count,
        "significant": bool(significant),
        "large": bool(large),
    }


def _summed(
    gate: GatePlan, records: Iterable[WindowRecord]
) -> dict[str, tuple[list[int], list[int]]]:
    """Counts of all replicas added up, for the features that the gate looks at.

    A batch run says nothing of the requests that a trial is about.
    """
    found: dict[str, tuple[list[int], list[int]]] = {}
    for record in records:
        if record.replica.startswith(BATCH_REPLICA):
            continue
        all_bins = dict(record.features)
        if record.prediction is not None:
            all_bins[PREDICTION] = record.prediction
        for name, bins in all_bins.items():
            if not gate.features or name in gate.features:
                found[name] = _added(found.get(name), bins)
    return found


def _added(
    before: tuple[list[int], list[int]] | None, bins: BinCounts
) -> tuple[list[int], list[int]]:
    # Another profile has other bins: counts of different ones do not add up.
    if before is None or before[1] != list(bins.reference):
        return list(bins.counts), list(bins.reference)
    return np.add(before[0], bins.counts).tolist(), before[1]
