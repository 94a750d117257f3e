"""The service's own doings, and what it knows of gates → Prometheus."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from dohyo.contract.evidence import EvidenceReport

# What dashboard and alerts ask for; a counter's samples end in _total.
ACCEPTED: Final = "dohyo_evidence_accepted_rows"
REFUSED: Final = "dohyo_evidence_refused_rows"
TURNED_AWAY: Final = "dohyo_evidence_turned_away_batches"
BATCH_SECONDS: Final = "dohyo_evidence_batch_seconds"
DROPPED: Final = "dohyo_evidence_reported_drops"
DATABASE_UP: Final = "dohyo_evidence_database_up"
SETTLE_ERRORS: Final = "dohyo_evidence_settle_errors"

_ROWS: Final = ("kind",)
_GATE: Final = ("namespace", "modeldeployment", "trial", "challenger", "gate")


class Telemetry:
    """The service's registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        self.accepted = counter(ACCEPTED, "Rows that were stored, repeats included.", _ROWS)
        self.refused = counter(
            REFUSED,
            "Rows that were refused, by the reason given to the sender.",
            (*_ROWS, "reason"),
        )
        self.turned_away = counter(
            TURNED_AWAY, "Batches answered with 429 or 503; their senders try again.", ("code",)
        )
        self.seconds = Histogram(
            BATCH_SECONDS,
            "From a batch's arrival until it is stored.",
            _ROWS,
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
        )
        self.dropped = counter(DROPPED, "Records that pods say they had to throw away.")
        self.database_up = gauge(DATABASE_UP, "1 while the database answers.")
        self.settle_errors = counter(
            SETTLE_ERRORS, "Settlings of a trial that failed; they are tried again."
        )
        self.e_values = gauge(
            "dohyo_evidence_e_value",
            "The largest e-value so far of a claim of a gate.",
            (*_GATE, "claim"),
        )
        self.thresholds = gauge(
            "dohyo_evidence_threshold",
            "The e-value from which on a claim is rejected.",
            (*_GATE, "claim"),
        )
        self.effects = gauge(
            "dohyo_evidence_effect",
            "The effect of a gate, and its confidence sequence.",
            (*_GATE, "bound"),
        )
        self.units = gauge("dohyo_evidence_units", "Settled units of a gate.", (*_GATE, "role"))

    def show(self, report: EvidenceReport) -> None:
        """Takes over what a report says of its gates."""
        for trial in report.trials:
            for gate in trial.gates:
                labels = (
                    report.namespace,
                    report.deployment,
                    trial.trial,
                    trial.challenger,
                    gate.name,
                )
                for claim in (*gate.fail, *gate.pass_):
                    self.e_values.labels(*labels, claim.name).set(claim.peak)
                    if claim.threshold is not None:
                        self.thresholds.labels(*labels, claim.name).set(claim.threshold)
                if gate.effect is not None:
                    self.effects.labels(*labels, "estimate").set(gate.effect.value)
                    for bound in ("lower", "upper"):
                        value = getattr(gate.effect, bound)
                        if value is not None:
                            self.effects.labels(*labels, bound).set(value)
                self.units.labels(*labels, "champion").set(gate.champion.units)
                self.units.labels(*labels, "challenger").set(gate.challenger.units)

    def forget_gates(self) -> None:
        """Drops what is known of gates, before all that is still there is shown anew."""
        for family in (self.e_values, self.thresholds, self.effects, self.units):
            family.clear()
