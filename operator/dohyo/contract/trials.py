"""What the operator declares of a trial: both versions, all nulls, all thresholds.

Documents are JSON by `dohyo.contract.documents`: camelCase, None left out. Times are seconds since
1970, shares are in 1/BUCKETS, effects are positive when the challenger is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# PUT, idempotent: the same plan again is 200, a plan with other nulls under the same trial is 409.
# Asks for the installation's bearer token (`Keys.installation_tokens` for FOR_TRIALS).
TRIAL_PATH: Final = "/v1/trials/{namespace}/{name}/{trial}"

UNIT_ENTITY: Final = "entity"
UNIT_REQUEST: Final = "request"

MISSING_EXCLUDE: Final = "exclude"
MISSING_WORST: Final = "worst"


@dataclass(frozen=True)
class GatePlan:
    """One gate of a trial, all its nulls and the e-values that reject them.

    A null that is None is not asked about. Thresholds are 1/alpha after the operator has split
    alpha over challengers and gates; None where nothing is decided by the gate (`dry_run` gates
    may carry thresholds too: they are then only shown).

    Attributes:
        name: unique in the trial.
        metric: error-rate, latency, loss, reward, agreement, drift or prometheus.
        harm_ratio: error-rate, latency: harm when "rate ratio <= harm_ratio" is rejected …
        min_excess: … and "rate difference <= min_excess" as well.
        max_absolute: error-rate, latency: harm when "the challenger's rate <= max_absolute" is
            rejected, by `cap_threshold`.
        margin_ratio: error-rate, latency: passes when "rate ratio >= margin_ratio" is rejected.
        margin_absolute: error-rate, latency: passes when "rate difference >= margin_absolute" is.
        harm_effect: loss, reward: harm when "effect >= -harm_effect" is rejected.
        pass_effect: loss, reward: passes when "effect <= pass_effect" is rejected; positive for
            superiority by so much, negative for non-inferiority within so much.
        harm_threshold, pass_threshold, cap_threshold: e-values from which on a null is rejected.
        codes: error-rate: codes that count as errors beside those of the gateway.
        cuts_seconds: latency: slower than this is slow, one e-process for each cut, averaged.
            Frozen by the operator when the trial starts.
        loss: zero-one, log, brier, squared or cost.
        costs: by true label, then by predicted label, as names or places; for loss cost.
        cap: a larger loss or reward counts as this one. None: frozen by the service from the
            champion's first units, which then are no evidence.
        min_agreement: agreement: harm when "agreement >= min_agreement" is rejected, passes when
            "agreement <= min_agreement" is.
        max_psi: drift: the largest index of any feature that is not called large.
        features: drift: the features to look at; empty for all.
        query: prometheus: asked by the operator, which sends no plan of such gates.
        min, max: prometheus: limits of the answer.
    """

    name: str
    metric: str
    dry_run: bool = False
    harm_ratio: float | None = None
    min_excess: float | None = None
    max_absolute: float | None = None
    margin_ratio: float | None = None
    margin_absolute: float | None = None
    harm_effect: float | None = None
    pass_effect: float | None = None
    harm_threshold: float | None = None
    pass_threshold: float | None = None
    cap_threshold: float | None = None
    codes: tuple[str, ...] = ()
    cuts_seconds: tuple[float, ...] = ()
    loss: str | None = None
    costs: Mapping[str, Mapping[str, float]] | None = None
    cap: float | None = None
    min_agreement: float | None = None
    max_psi: float | None = None
    features: tuple[str, ...] = ()
    query: str | None = None
    min: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class LabelPlan:
    """How outcomes come, and when a prediction without one is settled.

    Attributes:
        max_delay_seconds: a prediction is scored once it is this old; later feedback is refused.
        missing: exclude, or worst: no label by then counts as the worst score.
        independent_of_prediction: whether shadow pairs may decide about labels.
    """

    max_delay_seconds: float = 259_200.0
    missing: str = MISSING_EXCLUDE
    independent_of_prediction: bool = False


@dataclass(frozen=True)
class EpochPlan:
    """Who owned which buckets from an epoch of the routing table on.

    Attributes:
        epoch: of the routing table.
        buckets: half-open intervals by challenger; the champion owns the rest.
    """

    epoch: int
    buckets: Mapping[str, tuple[tuple[int, int], ...]]


@dataclass(frozen=True)
class TrialPlan:
    """One challenger against the champion: PUT TRIAL_PATH.

    The first plan of a trial fixes everything but `epochs`, to which later plans may add, and
    `ended`.

    Attributes:
        namespace, deployment: the ModelDeployment.
        trial: its name in assignments and prediction ids.
        champion, challenger: names of versions.
        salt: of the entity hash.
        unit: entity where the split is sticky, else request.
        started: when the trial began; nothing earlier is evidence.
        ended: when it was decided; nothing later is evidence. None while it is open.
        gates: in the order of the spec.
        labels: how outcomes come.
        window_seconds: an entity's first window: from its first exposure in the trial on. What
            happens in it makes one observation, and what happens later makes none.
        min_units: per arm, before a gate without a pass null may be called not shown harmful.
        epochs: who owned which buckets: tells several challengers' shares apart, and lets a
            sticky split be computed again.
        bandit_floor: the share that each version keeps, 0 to 0.5, when weights come from Thompson
            sampling; None when they come from steps.
        bandit_gate: the loss or reward gate whose scores the sampling is of.
    """

    namespace: str
    deployment: str
    trial: str
    champion: str
    challenger: str
    salt: str
    unit: str
    started: float
    gates: tuple[GatePlan, ...] = ()
    ended: float | None = None
    labels: LabelPlan = LabelPlan()
    window_seconds: float = 600.0
    min_units: int = 100
    epochs: tuple[EpochPlan, ...] = ()
    bandit_floor: float | None = None
    bandit_gate: str | None = None
