"""Which fields belong to which gate, and which of them it cannot do without."""

from __future__ import annotations

from typing import Any, Final

from dohyo.api.rule import Rule

_GATES: Final = ("spec.rollout.gates[]",)
_RATES: Final = ("error-rate", "latency")
_SCORES: Final = ("loss", "reward")

# Every field of a gate that not all metrics have.
FIELD_METRICS: Final[dict[str, tuple[str, ...]]] = {
    "harmRatio": _RATES,
    "minExcess": _RATES,
    "maxAbsolute": _RATES,
    "margin": (*_RATES, *_SCORES),
    "codes": ("error-rate",),
    "cut": ("latency",),
    "slo": ("latency",),
    "loss": ("loss",),
    "costs": ("loss",),
    "cap": _SCORES,
    "goal": _SCORES,
    "minAgreement": ("agreement",),
    "maxPsi": ("drift",),
    "features": ("drift",),
    "query": ("prometheus",),
    "min": ("prometheus",),
    "max": ("prometheus",),
}

# What a metric needs: at least one field of each group.
NEEDED: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "error-rate": (("harmRatio", "maxAbsolute", "margin"),),
    "latency": (("cut", "slo"), ("harmRatio", "maxAbsolute", "margin")),
    "loss": (("loss",),),
    "agreement": (("minAgreement",),),
    "drift": (("maxPsi",),),
    "prometheus": (("query",), ("min", "max")),
}


def _belongs(field: str, metrics: tuple[str, ...]) -> Rule:
    allowed = ", ".join(f"'{m}'" for m in metrics)
    return Rule(
        name=f"gate-{field}",
        places=_GATES,
        cel=f"!has(self.{field}) || self.metric in [{allowed}]",
        holds=lambda gate: field not in gate or gate["metric"] in metrics,
        message=f"belongs to gates with metric {' or '.join(metrics)}; remove it",
        field=field,
    )


def _needs(metric: str, fields: tuple[str, ...]) -> Rule:
    present = " || ".join(f"has(self.{field})" for field in fields)
    return Rule(
        name=f"gate-{metric}-needs-{'-or-'.join(fields)}",
        places=_GATES,
        cel=f"self.metric != '{metric}' || {present}",
        holds=lambda gate: gate["metric"] != metric or any(f in gate for f in fields),
        message=f"a gate with metric {metric} has no limit to compare with; "
        f"set {' or '.join(fields)}"
        if len(fields) > 1
        else f"a gate with metric {metric} cannot do without {fields[0]}; set it",
    )


def _ordered(gate: dict[str, Any]) -> bool:
    return "min" not in gate or "max" not in gate or gate["min"] <= gate["max"]


GATE_RULES: Final[tuple[Rule, ...]] = (
    *(_belongs(field, metrics) for field, metrics in FIELD_METRICS.items()),
    *(_needs(metric, fields) for metric, groups in NEEDED.items() for fields in groups),
    Rule(
        name="gate-costs-of-cost-loss",
        places=_GATES,
        cel="self.metric != 'loss' || has(self.costs) == (has(self.loss) && self.loss == 'cost')",
        holds=lambda gate: (
            gate["metric"] != "loss" or ("costs" in gate) == (gate.get("loss") == "cost")
        ),
        message="costs and loss: cost come together; set both or neither",
    ),
    Rule(
        name="gate-limits-ordered",
        places=_GATES,
        cel="!has(self.min) || !has(self.max) || self.min <= self.max",
        holds=_ordered,
        message="is above max; exchange them",
        field="min",
    ),
    Rule(
        name="margin-one-kind",
        places=("spec.rollout.gates[].margin",),
        cel="has(self.ratio) != has(self.absolute)",
        holds=lambda margin: ("ratio" in margin) != ("absolute" in margin),
        message="needs exactly one of ratio and absolute; a ratio multiplies the champion's rate, "
        "an absolute margin is added to it",
    ),
    Rule(
        name="score-margin-absolute",
        places=_GATES,
        cel="!(self.metric in ['loss', 'reward']) || !has(self.margin) || !has(self.margin.ratio)",
        holds=lambda gate: gate["metric"] not in _SCORES or "ratio" not in gate.get("margin", {}),
        message="of a score is a difference; write margin: {absolute: …}",
        field="margin",
    ),
)
