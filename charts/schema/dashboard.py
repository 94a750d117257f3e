"""The Grafana dashboard of the chart `dohyo`, over the metrics of the contract."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from charts.schema.metrics import BAD_CODES, MODEL, VERSION, rate
from dohyo import batch_metrics, contract, rollout_metrics, telemetry
from dohyo_evidence import telemetry as evidence

_SELECTED = 'namespace=~"$namespace", modeldeployment=~"$modeldeployment"'
_BATCHES = 'namespace=~"$namespace", batchprediction=~"$batchprediction"'
_BY_VERSION = "{{namespace}}/{{modeldeployment}} {{version}}"
_BY_GATE = "{{namespace}}/{{modeldeployment}} {{version}} {{gate}}"
_GATE = f"{VERSION}, gate"
_BY_BATCH = "{{namespace}}/{{batchprediction}}"
_BY_BATCH_VERSION = f"{_BY_BATCH} {{{{version}}}}"
_BY_MODEL = "{{namespace}}/{{modeldeployment}} {{type}}: {{reason}}"
_WIDTH = 12
_HEIGHT = 8


@dataclass(frozen=True)
class Panel:
    """One graph: title, what it means, Grafana unit, query, legend, and where its axis begins."""

    title: str
    description: str
    unit: str
    query: str
    legend: str = _BY_VERSION
    least: float | None = 0


def _rate(metric: str, *, more: str = "", by: str = VERSION) -> str:
    return rate(metric, _SELECTED + more, by, "$__rate_interval")


def _quantile(quantile: float) -> str:
    buckets = _rate(f"{contract.METRIC_DURATION}_bucket", by=f"{VERSION}, le")
    return f"histogram_quantile({quantile}, {buckets})"


def _versions(gauge: str) -> str:
    return f"max by ({VERSION}) ({gauge}{{{_SELECTED}}})"


def _gates(gauge: str, by: str) -> str:
    return f"max by ({_GATE}, {by}) ({gauge}{{{_SELECTED}}})"


def _rows(counter: str, by: str) -> str:
    """Of the whole installation: feedback names no namespace before it is believed."""
    return f"sum by ({by}) (rate({counter}_total[$__rate_interval]))"


def _batches(gauge: str, *, more: str = "", by: str = "version") -> str:
    """Of each batch prediction; one replica of the operator tells them at a time, or more."""
    labels = ", ".join(("namespace, batchprediction", *([by] if by else [])))
    return f"max by ({labels}) ({gauge}{{{_BATCHES}{more}}})"


def _shards(state: str) -> str:
    return _batches(batch_metrics.SHARDS, more=f', state="{state}"', by="")


_REQUESTS = _rate(contract.METRIC_REQUESTS)

PANELS = (
    Panel(
        "Requests per second",
        "Answers that the gateway sent, by the version that was chosen.",
        "reqps",
        _REQUESTS,
    ),
    Panel(
        "Share of requests",
        "What each version really answers; compare it with the weights.",
        "percentunit",
        f"{_REQUESTS} / on ({MODEL}) group_left {_rate(contract.METRIC_REQUESTS, by=MODEL)}",
    ),
    Panel(
        "Share of errors",
        "HTTP 5xx and the gRPC codes that speak of the server, of all answers of the version.",
        "percentunit",
        _rate(contract.METRIC_REQUESTS, more=f', code=~"{BAD_CODES}"') + f" / {_REQUESTS}",
    ),
    Panel(
        "Retries per second",
        "Further attempts on another pod of the same version.",
        "reqps",
        _rate(contract.METRIC_RETRIES),
    ),
    Panel(
        "Latency, half of the requests",
        "From the gateway's side, all retries included.",
        "s",
        _quantile(0.5),
    ),
    Panel(
        "Latency, 99 of 100 requests",
        "From the gateway's side, all retries included.",
        "s",
        _quantile(0.99),
    ),
    Panel(
        "Weight",
        "Percent of the requests that each version is to answer.",
        "percent",
        _versions(telemetry.WEIGHT),
    ),
    Panel(
        "Ready pods",
        "Pods of each version that can answer.",
        "none",
        _versions(telemetry.READY_REPLICAS),
    ),
    Panel(
        "What is not as it should be",
        "Conditions that are not true, with their reason.",
        "none",
        f"max by ({MODEL}, type, reason) "
        f'({telemetry.CONDITION}{{type=~"Ready|Available", {_SELECTED}}} != bool 1)',
        _BY_MODEL,
    ),
    Panel(
        "Time of a reconcile, 99 of 100",
        "How long the operator works on one ModelDeployment.",
        "s",
        "histogram_quantile(0.99, sum by (le) "
        f"(rate({telemetry.RECONCILE_DURATION}_bucket[$__rate_interval])))",
        "operator",
    ),
    Panel(
        "Evidence of the gates",
        "E-values of each challenger, against harm and for promotion; its null is rejected where "
        "one has reached the threshold.",
        "none",
        _gates(rollout_metrics.GATE_E_VALUE, "decides"),
        f"{_BY_GATE} {{{{decides}}}}",
    ),
    Panel(
        "Thresholds",
        "The e-values that decide in each trial.",
        "none",
        f"max by ({VERSION}, decides) ({rollout_metrics.THRESHOLD}{{{_SELECTED}}})",
        f"{_BY_VERSION} {{{{decides}}}}",
    ),
    Panel(
        "Effect of the challenger",
        "In the gate's own unit, with its confidence sequence; it explains, and decides nothing.",
        "none",
        _gates(rollout_metrics.GATE_EFFECT, "bound"),
        f"{_BY_GATE} {{{{bound}}}}",
        least=None,
    ),
    Panel(
        "Units of the gates",
        "Entities or requests that each side has contributed.",
        "none",
        _gates(rollout_metrics.GATE_UNITS, "side"),
        f"{_BY_GATE} {{{{side}}}}",
    ),
    Panel(
        "What the gates say",
        "One for passed, failed, inconclusive or error.",
        "none",
        _gates(rollout_metrics.GATE_OUTCOME, "outcome"),
        f"{_BY_GATE} {{{{outcome}}}}",
    ),
    Panel(
        "Steps of the rollouts",
        "Counted from 1; a step advances while no gate has failed or is in error.",
        "none",
        _versions(rollout_metrics.STEP),
    ),
    Panel(
        "Rows stored per second",
        "Feedback, records of predictions, and bad answers, of the whole installation.",
        "ops",
        _rows(evidence.ACCEPTED, "kind"),
        "{{kind}}",
    ),
    Panel(
        "Rows refused per second",
        "By the reason given to the sender, and batches turned away by their code.",
        "ops",
        f"{_rows(evidence.REFUSED, 'kind, reason')} or {_rows(evidence.TURNED_AWAY, 'code')}",
        "{{kind}} {{reason}} {{code}}",
    ),
    Panel(
        "Time to store a batch, 99 of 100",
        "From its arrival until an acknowledged row outlives a crash.",
        "s",
        "histogram_quantile(0.99, sum by (kind, le) "
        f"(rate({evidence.BATCH_SECONDS}_bucket[$__rate_interval])))",
        "{{kind}}",
    ),
    Panel(
        "Evidence service's database",
        "1 while it answers, and records that pods had to throw away per second.",
        "none",
        f'label_replace(min({evidence.DATABASE_UP}), "what", "answers", "", "") or '
        f'label_replace(sum(rate({evidence.DROPPED}_total[$__rate_interval])), "what", "dropped", '
        '"", "")',
        "{{what}}",
    ),
    Panel(
        "Progress of batch runs",
        "Shards of the last run that are done, of all of them.",
        "percentunit",
        f"{_shards('done')} / {_shards('total')}",
        _BY_BATCH,
    ),
    Panel(
        "Rows of batch runs",
        "Rows that each version's last run has scored.",
        "none",
        _batches(batch_metrics.ROWS),
        _BY_BATCH_VERSION,
    ),
    Panel(
        "Bad rows of batch runs",
        "Share of the rows of each version's last run that broke the model's contract.",
        "percentunit",
        f"{_batches(batch_metrics.BAD_ROWS)} / "
        f"({_batches(batch_metrics.ROWS)} + {_batches(batch_metrics.BAD_ROWS)} > 0)",
        _BY_BATCH_VERSION,
    ),
    Panel(
        "Duration of batch runs",
        "From the first pod to the report, of each version's last run that ended.",
        "s",
        _batches(batch_metrics.DURATION),
        _BY_BATCH_VERSION,
    ),
    Panel(
        "Memory of batch pods",
        "The most that one pod of each version's last run held.",
        "bytes",
        _batches(batch_metrics.PEAK_MEMORY),
        _BY_BATCH_VERSION,
    ),
    Panel(
        "Since the last good batch run",
        "Time since each version's last run that came to its end.",
        "s",
        f"time() - {_batches(batch_metrics.LAST_SUCCESS)}",
        _BY_BATCH_VERSION,
    ),
    Panel(
        "Batch runs that ended",
        "In the last day, by how they ended.",
        "none",
        "sum by (namespace, batchprediction, outcome) "
        f"(increase({batch_metrics.RUNS}_total{{{_BATCHES}}}[1d]))",
        f"{_BY_BATCH} {{{{outcome}}}}",
    ),
    Panel(
        "Batch schedules that are late",
        "How long ago a schedule was due for the second time since its last good run began; below "
        "zero while it is in time.",
        "s",
        f"time() - {_batches(batch_metrics.SUCCESS_DUE, by='')}",
        _BY_BATCH,
        least=None,
    ),
)


# Who only scores data sets is asked by no request.
_EVERYWHERE = f"{contract.METRIC_REQUESTS}|{batch_metrics.SHARDS}"


def dashboard() -> str:
    document = {
        "uid": "dohyo",
        "title": "Dohyo",
        "tags": ["dohyo", "model-serving"],
        "schemaVersion": 39,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Data source",
                    "type": "datasource",
                    "query": "prometheus",
                },
                _variable("namespace", "Namespace", f'{{__name__=~"{_EVERYWHERE}"}}'),
                _variable(
                    "modeldeployment",
                    "ModelDeployment",
                    f'{contract.METRIC_REQUESTS}{{namespace=~"$namespace"}}',
                ),
                _variable(
                    "batchprediction",
                    "BatchPrediction",
                    f'{batch_metrics.SHARDS}{{namespace=~"$namespace"}}',
                ),
            ]
        },
        "panels": [_panel(number, panel) for number, panel in enumerate(PANELS)],
    }
    return json.dumps(document, indent=2) + "\n"


def _variable(name: str, label: str, series: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "$datasource"},
        "query": f"label_values({series}, {name})",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, 2)
    return {
        "id": number + 1,
        "title": panel.title,
        "description": panel.description,
        "type": "timeseries",
        "datasource": {"type": "prometheus", "uid": "$datasource"},
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "targets": [{"refId": "A", "expr": panel.query, "legendFormat": panel.legend}],
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    least = {} if panel.least is None else {"min": panel.least}
    return {"unit": panel.unit, **least}
