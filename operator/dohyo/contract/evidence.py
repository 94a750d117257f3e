"""What the evidence service knows of trials: the report that the operator decides by.

The operator declares each trial with its nulls and thresholds (`dohyo.contract.trials`) and reads
an `EvidenceReport`; the service tests and explains, and decides nothing. Documents are JSON by
`dohyo.contract.documents`: camelCase, None left out. Times are seconds since 1970, effects are
positive when the challenger is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

EVIDENCE_PORT: Final = 8082

# GET, an EvidenceReport; 404 before the first plan. Asks for the installation's bearer token
# (`Keys.installation_tokens` for FOR_TRIALS), or the namespace's own (FOR_REPORTS).
EVIDENCE_PATH: Final = "/v1/evidence/{namespace}/{name}"

STATE_MEASURED: Final = "measured"
# Nothing has arrived yet. It never promotes and never rolls back.
STATE_NO_DATA: Final = "no-data"
# The service could not look. It never promotes and never rolls back.
STATE_ERROR: Final = "error"

GUARD_HOLDS: Final = "holds"
# The comparison is broken: while it is, nothing of the trial may decide.
GUARD_VIOLATED: Final = "violated"


@dataclass(frozen=True)
class Claim:
    """One null and how far it is from being rejected.

    Attributes:
        name: harm, cap, pass, or for information weighted, paired, latency cuts and the like.
        null: in words, such as "error rate ratio <= 1.5".
        value: the e-value now, at most 1e300.
        peak: its largest value so far at any look; this one is compared.
        threshold: from which on the null is rejected; None where nothing follows from it.
    """

    name: str
    null: str
    value: float
    peak: float
    threshold: float | None = None

    @property
    def rejected(self) -> bool:
        """Whether the null was rejected at some look; such a decision stands."""
        return self.threshold is not None and self.peak >= self.threshold


@dataclass(frozen=True)
class ArmCounts:
    """What is known of one version in one gate.

    Attributes:
        units: settled entities or requests (for loss and reward: those that were scored).
        events: bad ones among them, for rates; agreeing ones, for agreement.
        labels: predictions with a label or reward, settled or not.
        predictions: predictions that are old enough to have a label.
        mean: rate, mean loss or mean reward of the settled units; None without any.
    """

    units: int = 0
    events: int = 0
    labels: int = 0
    predictions: int = 0
    mean: float | None = None

    @property
    def coverage(self) -> float | None:
        """Share of the predictions that have their label; None without predictions."""
        return self.labels / self.predictions if self.predictions else None


@dataclass(frozen=True)
class Effect:
    """The size of what is measured, for explanation; only claims decide.

    Attributes:
        kind: ratio (challenger's rate over champion's; below 1 is better), difference (positive
            is better) or share.
        value: the estimate.
        lower, upper: a confidence sequence, valid at any look; None where it is unbounded.
        level: its confidence, such as 0.95.
        meaning: what the number is about, such as "average difference of loss".
    """

    kind: str
    value: float
    lower: float | None
    upper: float | None
    level: float
    meaning: str = ""


@dataclass(frozen=True)
class FeatureDrift:
    """One feature in the last closed window.

    Attributes:
        feature: its name.
        psi: population stability index against the reference, or the champion.
        psi_p, ks_p: probabilities of such a value without drift; None where not tested.
        ks: largest distance of the distributions, 0 to 1; None for categories.
        count: values in the window.
        significant, large: drift is called only when both hold.
    """

    feature: str
    psi: float
    psi_p: float | None
    ks: float | None
    ks_p: float | None
    count: int
    significant: bool
    large: bool


@dataclass(frozen=True)
class GateReport:
    """What is known for one gate.

    The gate failed when any claim of `fail` is rejected; it passed when there are claims in
    `pass_` and all of them are rejected. Prometheus and drift gates have no claims: see `breach`.

    Attributes:
        name, metric: of the plan.
        state: measured, no-data or error.
        message: value, limit and count in words.
        fail, pass_: claims that decide.
        informing: claims that are shown only (such as the paired test where labels depend on the
            prediction).
        champion, challenger: counts of both arms.
        effect: with its confidence sequence.
        needed: how many more units of both arms (for rates: bad events) until a decision, if the
            effect is what it seems to be; None when it cannot be said.
        breach: prometheus, drift: True is out of limits, False within; None where claims decide
            or nothing is known.
        value, limit: prometheus, drift: what was compared with what.
        drift: per feature, the largest first.
    """

    name: str
    metric: str
    state: str
    message: str
    fail: tuple[Claim, ...] = ()
    pass_: tuple[Claim, ...] = ()
    informing: tuple[Claim, ...] = ()
    champion: ArmCounts = ArmCounts()
    challenger: ArmCounts = ArmCounts()
    effect: Effect | None = None
    needed: int | None = None
    breach: bool | None = None
    value: float | None = None
    limit: float | None = None
    drift: tuple[FeatureDrift, ...] = ()

    @property
    def failed(self) -> bool:
        return self.breach is True or any(claim.rejected for claim in self.fail)

    @property
    def passed(self) -> bool:
        """Whether all pass claims are rejected; never without evidence, never when failed."""
        if self.state != STATE_MEASURED or self.failed:
            return False
        if self.breach is not None:
            return True
        return bool(self.pass_) and all(claim.rejected for claim in self.pass_)


@dataclass(frozen=True)
class GuardReport:
    """Whether the split and the arrival of labels are what they should be.

    Attributes:
        state: holds, violated or no-data.
        message: in words.
        mismatches: first exposures whose bucket belongs to another version; any is a violation.
        assignments: claim that first exposures follow the shares.
        labels: claim that labels arrive alike in both arms.
    """

    state: str
    message: str
    mismatches: int = 0
    assignments: Claim | None = None
    labels: Claim | None = None


@dataclass(frozen=True)
class LabelDelay:
    """How long labels took in one arm.

    Attributes:
        count: labels seen.
        p50_seconds, p99_seconds: quantiles; None without labels.
    """

    count: int = 0
    p50_seconds: float | None = None
    p99_seconds: float | None = None


@dataclass(frozen=True)
class TrialReport:
    """All that is known of one trial.

    Attributes:
        trial, champion, challenger: of the plan.
        state: measured, no-data or error; error when any answer would be a guess.
        message: in words.
        scored_until: predictions up to this time are settled; None before the first.
        gates: in the order of the plan.
        guard: while it is violated, nothing may be decided.
        champion_delay, challenger_delay: measured label delays.
        proposed_max_delay_seconds: for `labels.maxDelay`; None without labels of both arms.
        since: when the service first heard of the trial; a later time than it said before means
            that it has lost what it knew of it.
    """

    trial: str
    champion: str
    challenger: str
    state: str
    message: str
    gates: tuple[GateReport, ...] = ()
    guard: GuardReport = GuardReport(STATE_NO_DATA, "no assignment has been seen")
    scored_until: float | None = None
    champion_delay: LabelDelay = LabelDelay()
    challenger_delay: LabelDelay = LabelDelay()
    proposed_max_delay_seconds: float | None = None
    since: float | None = None


@dataclass(frozen=True)
class EvidenceReport:
    """The service's word on one ModelDeployment: GET EVIDENCE_PATH.

    Attributes:
        namespace, deployment: the ModelDeployment.
        at: when it was looked.
        state: measured, no-data or error.
        message: in words.
        trials: open ones, and ended ones for as long as they are kept.
        allocation: shares (sum 1) that Thompson sampling proposes, by version; empty where weights
            come from steps or nothing has been scored.
    """

    namespace: str
    deployment: str
    at: float
    state: str
    message: str
    trials: tuple[TrialReport, ...] = ()
    allocation: Mapping[str, float] | None = None

    def trial(self, name: str) -> TrialReport | None:
        return next((t for t in self.trials if t.trial == name), None)
