"""Gates about bounded scores (loss, reward): split traffic, shadow pairs, and both together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo.contract.evidence import (
    STATE_ERROR,
    STATE_MEASURED,
    STATE_NO_DATA,
    ArmCounts,
    Claim,
    Effect,
    GateReport,
)
from dohyo_evidence.claims import Peaks, log_average, told
from dohyo_evidence.losses import natural_cap
from dohyo_evidence.observations import columns
from dohyo_evidence.sequential.comparison import (
    MeanTest,
    WeightedTest,
    largest_shortfall,
    weighted_effect,
)
from dohyo_evidence.sequential.intervals import AverageSequence
from dohyo_evidence.sequential.planning import units_still_needed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dohyo.contract.trials import GatePlan
    from dohyo_evidence.observations import Pair, ScoreUnit

LEVEL: Final = 0.95
# The champion's first units freeze the limits of a score that has none by nature.
FREEZING_UNITS: Final = 200
_TAIL: Final = 0.001
_BATCH: Final = 50


class ScoreGate:
    """The state of one gate.

    Losses enter as 1 - loss/high, rewards as (reward - low)/(high - low), so that more is better
    for both. While the limits are not frozen yet, units only help to freeze them.
    """

    def __init__(
        self, plan: GatePlan, *, pairs_decide: bool, state: Mapping[str, Any] | None = None
    ) -> None:
        self.plan = plan
        self.pairs_decide = pairs_decide
        state = state or {}
        cap = plan.cap if plan.cap is not None else natural_cap(plan)
        self.limits: tuple[float, float] | None = (0.0, cap) if cap else None
        if state.get("limits"):
            self.limits = (state["limits"][0], state["limits"][1])
        self.first: list[float] = list(state.get("first", []))
        # Of each arm: units, predictions, labels, sum of the scores as they came, their squares.
        self.arms = np.array(state.get("arms", np.zeros((2, 5)).tolist()), dtype=np.float64)
        self.clipped = int(state.get("clipped", 0))
        self.pairs = int(state.get("pairs", 0))
        self.peaks = Peaks(state.get("peaks"))
        self.tests: dict[str, WeightedTest | MeanTest] = {}
        self.sequence = AverageSequence(1 - LEVEL)
        self._state = state
        self._open()

    def to_state(self) -> dict[str, Any]:
        return {
            "limits": self.limits,
            "first": self.first,
            "arms": self.arms.tolist(),
            "clipped": self.clipped,
            "pairs": self.pairs,
            "peaks": self.peaks.to_state(),
            "tests": {name: test.to_state() for name, test in self.tests.items()},
            "sequence": self.sequence.to_state(),
        }

    def fold(self, units: Sequence[ScoreUnit]) -> None:
        """Takes settled units in, in the order they were assigned."""
        for unit in units:
            arm = self.arms[int(unit.challenger)]
            arm[1] += unit.predictions
            arm[2] += unit.labels
        scored = [u for u in units if self.plan.name in u.scores]
        if self.limits is None:
            scored = self._freeze(scored)
        for first in range(0, len(scored), _BATCH):
            self._bet(scored[first : first + _BATCH])
            self._note()

    def fold_pairs(self, pairs: Sequence[Pair]) -> None:
        """Takes labelled shadow pairs in."""
        if self.limits is None:
            return
        width = self.limits[1] - self.limits[0]
        found = [p.differences[self.plan.name] for p in pairs if self.plan.name in p.differences]
        values = np.clip(np.array(found) / width, -1.0, 1.0)
        self.pairs += len(found)
        for first in range(0, len(found), _BATCH):
            for name in ("paired worse", "paired better"):
                test = self.tests.get(name)
                if isinstance(test, MeanTest):
                    test.fold(values[first : first + _BATCH])
            self._note()

    def report(self) -> GateReport:
        plan, logs = self.plan, self._logs()
        if self.limits is not None and self._needless(self.limits[1] - self.limits[0]):
            low, high = self.limits
            message = (
                f"margin: no effect can be as large where {plan.metric} lies between {low:g} and "
                f"{high:g}; choose a smaller one, or set cap"
            )
            return GateReport(plan.name, plan.metric, STATE_ERROR, message)
        fail, passing = [], []
        if "harm" in logs:
            null = f"effect on {self.plan.metric} >= {0.0 - (plan.harm_effect or 0.0):g}"
            fail.append(self.peaks.claim("harm", null, logs["harm"], plan.harm_threshold))
        if "pass" in logs:
            null = f"effect on {self.plan.metric} <= {plan.pass_effect or 0.0:g}"
            passing.append(self.peaks.claim("pass", null, logs["pass"], plan.pass_threshold))
        champion, challenger = self._arm(0), self._arm(1)
        scored = champion.units + challenger.units
        return GateReport(
            plan.name,
            plan.metric,
            STATE_MEASURED if scored or self.pairs else STATE_NO_DATA,
            self._message(champion, challenger, (*fail, *passing)),
            tuple(fail),
            tuple(passing),
            informing=self._informing(),
            champion=champion,
            challenger=challenger,
            effect=self._effect(),
            needed=self._needed(logs, scored),
        )

    def worst(self) -> float | None:
        """What a missing label counts as where it counts as the worst; None before limits."""
        if self.limits is None:
            return None
        return self.limits[1] if self.plan.metric == "loss" else self.limits[0]

    def moments(self) -> tuple[tuple[float, float, float], tuple[float, float, float]] | None:
        """Count, sum and sum of squares of both arms' scores in [0, 1]; None before limits."""
        if self.limits is None or not self.arms[:, 0].all():
            return None
        low, width = self.limits[0], self.limits[1] - self.limits[0]
        found = []
        for count, _, _, total, squares in self.arms.tolist():
            # Linear in the score, so that moments carry over.
            a, b = (
                (1.0 + low / width, -1.0 / width)
                if self.plan.metric == "loss"
                else (-low / width, 1.0 / width)
            )
            mean = a * count + b * total
            found.append((count, mean, a * a * count + 2 * a * b * total + b * b * squares))
        return found[0], found[1]

    def _open(self) -> None:
        if self.limits is None:
            return
        width = self.limits[1] - self.limits[0]
        if self._needless(width):
            return
        kept = self._state.get("tests", {})
        if self.plan.harm_effect is not None:
            null = self.plan.harm_effect / width
            self.tests["worse"] = WeightedTest(null, worse=True)
            self.tests["paired worse"] = MeanTest(-null, 1.0, below=True)
        if self.plan.pass_effect is not None:
            null = self.plan.pass_effect / width
            self.tests["better"] = WeightedTest(null)
            self.tests["paired better"] = MeanTest(null, -1.0)
        for name, test in self.tests.items():
            if name in kept:
                test.restore(kept[name])
        if "sequence" in self._state:
            self.sequence.restore(self._state["sequence"])

    def _needless(self, width: float) -> bool:
        """Whether no effect within the limits can be as large as a null says."""
        effects = (self.plan.harm_effect, self.plan.pass_effect)
        return any(effect is not None and abs(effect) >= width for effect in effects)

    def _freeze(self, scored: Sequence[ScoreUnit]) -> list[ScoreUnit]:
        """Uses up units until the limits are frozen; returns those that are left."""
        for place, unit in enumerate(scored):
            if not unit.challenger:
                self.first.append(unit.scores[self.plan.name])
            if len(self.first) >= FREEZING_UNITS:
                low, high = np.quantile(self.first, [_TAIL, 1 - _TAIL]).tolist()
                low = 0.0 if self.plan.metric == "loss" else low
                self.limits = (low, high if high > low else low + 1.0)
                self.first = []
                self._open()
                return list(scored[place + 1 :])
        return []

    def _bet(self, batch: Sequence[ScoreUnit]) -> None:
        assert self.limits is not None
        low, high = self.limits
        raw = np.array([u.scores[self.plan.name] for u in batch])
        held = np.clip(raw, low, high)
        self.clipped += int((raw != held).sum())
        for unit, value in zip(batch, held.tolist(), strict=True):
            self.arms[int(unit.challenger)] += (1.0, 0.0, 0.0, value, value * value)
        split = np.array([bool(u.shares[0] and u.shares[1]) for u in batch])
        if not split.any():
            return
        score = (held - low) / (high - low)
        score = (1.0 - score if self.plan.metric == "loss" else score)[split]
        arms, share = columns([u for u, s in zip(batch, split, strict=True) if s])
        weighted = [t for t in self.tests.values() if isinstance(t, WeightedTest)]
        if weighted:
            expected = weighted[0].means.expected()
            effect = weighted_effect(score, arms, share, expected)
            excess = largest_shortfall(1.0 - share, expected[::-1])
            self.sequence.fold(effect, largest_shortfall(share, expected), excess)
        for test in weighted:
            test.fold(score, arms, share)

    def _note(self) -> None:
        for claim, log_e in self._logs().items():
            self.peaks.note(claim, log_e)

    def _logs(self) -> dict[str, float]:
        """Where pairs may decide, the fixed average of both e-values, never their maximum."""
        logs: dict[str, float] = {}
        for claim, name in (("harm", "worse"), ("pass", "better")):
            if name in self.tests:
                weighted = float(self.tests[name].log_e)
                paired = float(self.tests[f"paired {name}"].log_e)
                logs[claim] = log_average([weighted, paired]) if self.pairs_decide else weighted
        return logs

    def _informing(self) -> tuple[Claim, ...]:
        found = []
        for name, test in self.tests.items():
            is_pair = isinstance(test, MeanTest)
            if not is_pair or self.pairs:
                kind = name if is_pair else f"weighted {name}"
                found.append(
                    Peaks().claim(kind, f"not {name.split()[-1]}", float(test.log_e), None)
                )
        return tuple(found)

    def _arm(self, place: int) -> ArmCounts:
        units, predictions, labels, total, _ = self.arms[place].tolist()
        mean = total / units if units else None
        return ArmCounts(int(units), 0, int(labels), int(predictions), mean)

    def _effect(self) -> Effect | None:
        if self.limits is None or not self.sequence.count:
            return None
        width = self.limits[1] - self.limits[0]
        lower, upper = self.sequence.bounds()
        meaning = f"average difference of {self.plan.metric} per unit; above 0 is better"
        value = float(self.sequence.estimate) * width
        return Effect(
            "difference", value, float(lower) * width, float(upper) * width, LEVEL, meaning
        )

    def _needed(self, logs: Mapping[str, float], scored: int) -> int | None:
        limits = {"harm": self.plan.harm_threshold, "pass": self.plan.pass_threshold}
        found = [
            units_still_needed(logs[name], scored, limit)
            for name, limit in limits.items()
            if name in logs and limit is not None and math.isfinite(logs[name])
        ]
        known = [n for n in found if n is not None]
        return min(known) if known else None

    def _message(
        self, champion: ArmCounts, challenger: ArmCounts, claims: tuple[Claim, ...]
    ) -> str:
        if self.limits is None:
            return (
                f"limits of {self.plan.metric} are frozen from the champion's first "
                f"{FREEZING_UNITS} labelled units; {len(self.first)} seen"
            )
        what = self.plan.metric
        said = "; ".join(f"{c.name}: {c.null}, {told(c)}" for c in claims)
        if champion.mean is None or challenger.mean is None:
            seen = f"{champion.units:,} of the champion and {challenger.units:,} of the challenger"
            pairs = f", {self.pairs:,} labelled shadow pairs: {said}" if self.pairs else ""
            return f"labelled units settled so far: {seen}{pairs}"
        verdicts = {"harm": "worse", "pass": "superior" if self._superior else "not worse"}
        last = "".join(f", {verdicts[c.name]}" for c in claims if c.rejected)
        return (
            f"challenger {what} {challenger.mean:.4g} vs champion {champion.mean:.4g} over "
            f"{champion.units + challenger.units:,} labelled units: {said}{last}"
        )

    @property
    def _superior(self) -> bool:
        return (self.plan.pass_effect or 0.0) >= 0.0
