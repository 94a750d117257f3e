"""Rollouts as metrics, made from statuses: every number that a verdict stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from dohyo.status_metrics import who_and_status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client import Metric

STEP: Final = "dohyo_rollout_step"
SHADOW: Final = "dohyo_rollout_shadow"
STATE: Final = "dohyo_rollout_state"
VERDICT: Final = "dohyo_rollout_verdict"
THRESHOLD: Final = "dohyo_rollout_threshold"
GATE_OUTCOME: Final = "dohyo_gate_outcome"
GATE_E_VALUE: Final = "dohyo_gate_e_value"
GATE_EFFECT: Final = "dohyo_gate_effect"
GATE_UNITS: Final = "dohyo_gate_units"
GATE_VALUE: Final = "dohyo_gate_value"
ENDED: Final = "dohyo_rollout_ended"

_WHO: Final = ("namespace", "modeldeployment")
_TRIAL: Final = (*_WHO, "version", "trial")
_GATE: Final = (*_WHO, "version", "gate")
_BOUNDS: Final = (("value", "effect"), ("lower", "lower"), ("upper", "upper"))
_SIDES: Final = ("champion", "challenger")


def rollout_families(deployments: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    """All metrics of rollouts.

    Args:
        deployments: as the API server has them.
    """
    families = _Families()
    for who, status in who_and_status(deployments):
        families.add(who, status)
    yield from families.all()


class _Families:
    def __init__(self) -> None:
        self.step = GaugeMetricFamily(
            STEP, "The step that a challenger is at, counted from 1.", labels=_TRIAL
        )
        self.state = GaugeMetricFamily(
            STATE, "One for the state that a challenger is in.", labels=(*_WHO, "version", "state")
        )
        self.shadow = GaugeMetricFamily(
            SHADOW, "Percent of the requests copied to a version.", labels=(*_WHO, "version")
        )
        self.verdict = GaugeMetricFamily(
            VERDICT, "One for what all gates say together.", labels=(*_TRIAL, "outcome")
        )
        self.threshold = GaugeMetricFamily(
            THRESHOLD, "The e-value that decides, by what it decides.", labels=(*_TRIAL, "decides")
        )
        self.outcome = GaugeMetricFamily(
            GATE_OUTCOME, "One for what a gate says.", labels=(*_GATE, "outcome")
        )
        self.e_value = GaugeMetricFamily(
            GATE_E_VALUE, "The e-value against harm, or for passing.", labels=(*_GATE, "decides")
        )
        self.effect = GaugeMetricFamily(
            GATE_EFFECT,
            "Challenger against champion in the gate's own unit, and its confidence sequence.",
            labels=(*_GATE, "bound"),
        )
        self.units = GaugeMetricFamily(
            GATE_UNITS, "Entities or requests that a side has contributed.", labels=(*_GATE, "side")
        )
        self.value = GaugeMetricFamily(
            GATE_VALUE, "A side's own rate or mean.", labels=(*_GATE, "side")
        )
        self.ended = CounterMetricFamily(
            ENDED, "Bouts that are over, by how they ended.", labels=(*_WHO, "outcome")
        )

    def all(self) -> Iterator[Metric]:
        yield from vars(self).values()

    def add(self, who: list[str], status: Mapping[str, Any]) -> None:
        for version in status.get("versions") or ():
            if version.get("shadow"):
                self.shadow.add_metric([*who, version["name"]], float(version["shadow"]))
        for outcome, count in (status.get("ended") or {}).items():
            self.ended.add_metric([*who, outcome], float(count))
        for rollout in status.get("rollouts") or ():
            self._add_rollout(who, rollout)

    def _add_rollout(self, who: list[str], rollout: Mapping[str, Any]) -> None:
        name = rollout["challenger"]
        self.state.add_metric([*who, name, rollout.get("state", "Waiting")], 1)
        if not rollout.get("trial"):
            return
        trial = [*who, name, rollout["trial"]]
        self.step.add_metric(trial, float(rollout.get("step", 0)) + 1)
        for decides, limit in (rollout.get("thresholds") or {}).items():
            self.threshold.add_metric([*trial, decides], float(limit))
        verdict = rollout.get("verdict") or {}
        if verdict:
            self.verdict.add_metric([*trial, verdict["outcome"]], 1)
        for gate in verdict.get("gates") or ():
            self._add_gate([*who, name, gate["name"]], gate)

    def _add_gate(self, which: list[str], gate: Mapping[str, Any]) -> None:
        self.outcome.add_metric([*which, gate["outcome"]], 1)
        for decides, field in (("harm", "eHarm"), ("promote", "ePass")):
            if field in gate:
                self.e_value.add_metric([*which, decides], float(gate[field]))
        for bound, field in _BOUNDS:
            if field in gate:
                self.effect.add_metric([*which, bound], float(gate[field]))
        for side in _SIDES:
            counted = gate.get(side) or {}
            if counted:
                self.units.add_metric([*which, side], float(counted.get("units", 0)))
            if "value" in counted:
                self.value.add_metric([*which, side], float(counted["value"]))
