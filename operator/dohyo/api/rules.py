"""The rules across fields of a ModelDeployment: one table for the API server, lint and operator.

Formats stand here rather than as patterns in the schema, because a rule can say what is wrong with
a value and what to do, and a pattern cannot. What CEL cannot compare (days) is in
`dohyo.api.durations`; what it cannot see (free-form pod templates) in `dohyo.api.pod_templates`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dohyo.api.format_rules import FORMAT_RULES
from dohyo.api.gate_range_rules import GATE_RANGE_RULES
from dohyo.api.gate_rules import GATE_RULES
from dohyo.api.rollout_rules import ROLLOUT_RULES
from dohyo.api.transition_rules import CONTENT_FIELDS, TRANSITION_RULES
from dohyo.api.uri_rules import URI_RULES
from dohyo.api.version_rules import VERSION_RULES

if TYPE_CHECKING:
    from dohyo.api.rule import Rule

__all__ = ["CONTENT_FIELDS", "RULES", "TRANSITION_RULES"]

RULES: Final[tuple[Rule, ...]] = (
    *FORMAT_RULES,
    *URI_RULES,
    *VERSION_RULES,
    *ROLLOUT_RULES,
    *GATE_RULES,
    *GATE_RANGE_RULES,
)
