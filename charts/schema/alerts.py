"""The alert rules of the chart `dohyo`, over the metrics of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from charts.schema.metrics import BAD_CODES, MODEL, rate
from charts.schema.values_yaml import GENERATED
from dohyo import batch_metrics, contract, rollout_metrics, telemetry
from dohyo_evidence import telemetry as evidence

_WHO = "{{ $labels.namespace }}/{{ $labels.modeldeployment }}"
_VERSION = f"{_WHO}: version {{{{ $labels.version }}}}"
_DESCRIBE = (
    "See `kubectl describe modeldeployment {{ $labels.modeldeployment }}"
    " --namespace {{ $labels.namespace }}`."
)


# Named by the gateway, which is no part of what values are made from.
_GATEWAY_DROPPED = "dohyo_gateway_evidence_dropped_events"
_LOST = f'{rollout_metrics.ENDED}_total{{outcome="EvidenceLost"}}'


def _rows(metric: str) -> str:
    """Rows per second by kind; a kind without any refusal has no series, and raises no alert."""
    return f"sum by (kind) (rate({metric}_total[15m]))"


@dataclass(frozen=True)
class Alert:
    """One rule: when it fires, for how long before it does, and what a person reads then."""

    name: str
    expression: str
    lasting: str
    severity: str
    summary: str
    description: str


ALERTS = (
    Alert(
        "DohyoErrors",
        rate(contract.METRIC_REQUESTS, f'code=~"{BAD_CODES}"')
        + f" / {rate(contract.METRIC_REQUESTS)} > 0.05",
        "5m",
        "critical",
        f"{_VERSION} fails",
        f"{{{{ $value | humanizePercentage }}}} of its answers in 5 minutes fail. {_DESCRIBE}",
    ),
    Alert(
        "DohyoRetries",
        f"{rate(contract.METRIC_RETRIES)} / {rate(contract.METRIC_REQUESTS)} > 0.1",
        "10m",
        "warning",
        f"{_VERSION} is retried often",
        "{{ $value | humanizePercentage }} of its requests needed another attempt: pods die, are "
        "overloaded, or reset connections.",
    ),
    Alert(
        "DohyoUnavailable",
        f'max by ({MODEL}) ({telemetry.CONDITION}{{type="Available"}}) == 0',
        "2m",
        "critical",
        f"{_WHO}: nobody can answer",
        f"No pod of the champion is ready. {_DESCRIBE}",
    ),
    Alert(
        "DohyoNotReady",
        f'max by ({MODEL}, reason) ({telemetry.CONDITION}{{type="Ready"}}) == 0',
        "15m",
        "warning",
        f"{_WHO}: not ready, {{{{ $labels.reason }}}}",
        f"What the ModelDeployment asks for is not so for a quarter of an hour. {_DESCRIBE}",
    ),
    Alert(
        "DohyoEvidenceStale",
        f'max by ({MODEL}) ({telemetry.CONDITION}{{type="EvidenceFresh"}}) == 0',
        "10m",
        "warning",
        f"{_WHO}: a rollout stands still for want of evidence",
        f"The evidence service cannot be asked; nothing is promoted or rolled back. {_DESCRIBE}",
    ),
    Alert(
        "DohyoRolloutWaits",
        f'max by ({MODEL}) ({telemetry.CONDITION}{{type="Paused",reason="PausedByVerdict"}}) == 1',
        "5m",
        "warning",
        f"{_WHO}: a rollout waits for somebody",
        f"A verdict paused it; promote, abort or resume it. {_DESCRIBE}",
    ),
    Alert(
        "DohyoVerdictError",
        f'max by ({MODEL}, version) ({rollout_metrics.VERDICT}{{outcome="error"}}) == 1',
        "15m",
        "warning",
        f"{_WHO}: {{{{ $labels.version }}}} cannot be judged",
        f"Its trial stands still: a gate cannot be answered, or the split is broken. {_DESCRIBE}",
    ),
    Alert(
        "DohyoEvidenceLost",
        f"sum by ({MODEL}) (increase({_LOST}[15m])) > 0",
        "0m",
        "warning",
        f"{_WHO}: a trial began anew, its evidence was lost",
        "The evidence service has another database than before, or lost what was in it. "
        f"{_DESCRIBE}",
    ),
    Alert(
        "DohyoEvidenceDatabase",
        f"min({evidence.DATABASE_UP}) == 0",
        "2m",
        "critical",
        "The evidence service's database does not answer",
        "Models go on serving, but nothing is promoted or rolled back, and what pods cannot keep "
        "is lost to the trials.",
    ),
    Alert(
        "DohyoEvidenceNotSettled",
        f"sum(increase({evidence.SETTLE_ERRORS}_total[15m])) > 0",
        "15m",
        "warning",
        "A trial's evidence cannot be settled",
        "Its gates stay as they are. See the logs of the evidence service for the trial's number.",
    ),
    Alert(
        "DohyoEvidenceDropped",
        f"sum(increase({evidence.DROPPED}_total[15m])) + "
        f"(sum(increase({_GATEWAY_DROPPED}_total[15m])) or vector(0)) > 0",
        "0m",
        "warning",
        "Records for evidence were thrown away",
        "Pods or gateways could not deliver {{ $value | humanize }} records in time: the evidence "
        "service was away for long, or takes them too slowly.",
    ),
    Alert(
        "DohyoEvidenceRefused",
        f"{_rows(evidence.REFUSED)} / ({_rows(evidence.REFUSED)} + {_rows(evidence.ACCEPTED)})"
        " > 0.05",
        "15m",
        "warning",
        "The evidence service refuses rows of kind {{ $labels.kind }}",
        "{{ $value | humanizePercentage }} of them in 15 minutes. "
        f"`{evidence.REFUSED}_total` has the reasons; `late` asks for a longer labels.maxDelay.",
    ),
    Alert(
        "DohyoEvidenceTurnsAway",
        f"sum by (code) (rate({evidence.TURNED_AWAY}_total[10m])) > 0.1",
        "10m",
        "warning",
        "The evidence service turns batches away with {{ $labels.code }}",
        "{{ $value | humanize }} per second; senders try again. 429 asks for more replicas on "
        "PostgreSQL, 503 for a look at the database.",
    ),
    Alert(
        "DohyoBatchFailed",
        "max by (namespace, batchprediction, reason) "
        f'({batch_metrics.CONDITION}{{type="Failed"}}) == 1',
        "1m",
        "warning",
        "{{ $labels.namespace }}/{{ $labels.batchprediction }}: a run failed, {{ $labels.reason }}",
        "The last run over the data ended without its report. See `kubectl describe "
        "batchprediction {{ $labels.batchprediction }} --namespace {{ $labels.namespace }}`.",
    ),
    Alert(
        "DohyoBatchOverdue",
        f"time() - max by (namespace, batchprediction) ({batch_metrics.SUCCESS_DUE}) > 0",
        "10m",
        "warning",
        "{{ $labels.namespace }}/{{ $labels.batchprediction }}: the schedule has not succeeded",
        "It was due twice since its last good run began, {{ $value | humanizeDuration }} ago for "
        "the second time: runs fail, take longer than they may, or do not begin. See `kubectl "
        "describe batchprediction {{ $labels.batchprediction }} --namespace "
        "{{ $labels.namespace }}`.",
    ),
    Alert(
        "DohyoNoLeader",
        f"(max({telemetry.LEADER}) or vector(0)) == 0",
        "2m",
        "critical",
        "No operator leads",
        "Models go on serving, but nothing is repaired, scaled or changed. See the logs of the "
        "operator's pods.",
    ),
    Alert(
        "DohyoReconcileErrors",
        f"sum by (reason) (rate({telemetry.RECONCILE_ERRORS}_total[10m])) > 0.1",
        "15m",
        "warning",
        "The operator's work fails: {{ $labels.reason }}",
        "{{ $value | humanize }} attempts per second. See the logs of the operator's pods.",
    ),
)


def alerts() -> str:
    groups = [{"name": "dohyo", "rules": [_rule(alert) for alert in ALERTS]}]
    text = yaml.safe_dump({"groups": groups}, sort_keys=False, width=100, allow_unicode=True)
    return f"{GENERATED}\n{text}"


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": alert.lasting,
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "description": alert.description},
    }
