"""What steps, gates and allocation of a rollout must agree on."""

from __future__ import annotations

from typing import Any, Final

from dohyo.api.names import DNS_LABEL
from dohyo.api.rule import TOLERANCE, Rule, formatted
from dohyo.api.version_rules import repeated


def _step_weights_fit(spec: dict[str, Any]) -> bool:
    rollout = spec.get("rollout")
    if rollout is None or rollout["onNewChallenger"] != "Parallel":
        return True
    count = len(spec["challengers"])
    return all(step.get("weight", 0) * count <= 100 + TOLERANCE for step in rollout["steps"])


ROLLOUT_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        name="step-weights-sum",
        places=("spec",),
        cel="!has(self.rollout) || self.rollout.onNewChallenger != 'Parallel' || "
        "self.rollout.steps.all(s, !has(s.weight) || "
        f"s.weight * double(size(self.challengers)) <= 100.0 + {TOLERANCE:.6f})",
        holds=_step_weights_fit,
        message="a step gives each of the challengers so much that they exceed 100 percent "
        "together; lower its weight, or set onNewChallenger to Queue",
        field="rollout",
    ),
    Rule(
        name="rollout-has-steps",
        places=("spec.rollout",),
        cel="self.allocation != 'steps' || size(self.steps) > 0",
        holds=lambda rollout: rollout["allocation"] != "steps" or len(rollout["steps"]) > 0,
        message="has no steps; give at least one, or set allocation to bandit",
        field="steps",
    ),
    Rule(
        name="bandit-has-a-score",
        places=("spec.rollout",),
        cel="self.allocation != 'bandit' || "
        "self.gates.exists(g, g.metric == 'loss' || g.metric == 'reward')",
        holds=lambda rollout: (
            rollout["allocation"] != "bandit"
            or any(g["metric"] in {"loss", "reward"} for g in rollout["gates"])
        ),
        message="gives a bandit nothing to learn from; add a gate with metric loss or reward",
        field="gates",
    ),
    Rule(
        name="step-does-something",
        places=("spec.rollout.steps[]",),
        cel="has(self.shadow) || has(self.weight)",
        holds=lambda step: "shadow" in step or "weight" in step,
        message="neither copies requests nor sends any; set shadow or weight",
    ),
    Rule(
        name="unique-gate-names",
        places=("spec.rollout",),
        cel="self.gates.all(g, self.gates.exists_one(o, o.name == g.name))",
        holds=lambda rollout: len({g["name"] for g in rollout["gates"]}) == len(rollout["gates"]),
        message="two gates bear the same name; every gate needs a name of its own",
        field="gates",
        culprit=lambda rollout: repeated(g["name"] for g in rollout["gates"]),
    ),
    formatted(
        "gate-name",
        ("spec.rollout.gates[].name",),
        DNS_LABEL,
        "is no DNS label; use at most 63 lower-case letters, digits and '-'",
    ),
)
