"""The kinds of the API group: what each definition, rule check and reference page is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dohyo.api.batch_rules import BATCH_RULES
from dohyo.api.batch_status import BatchPredictionStatus
from dohyo.api.batchprediction import BatchPredictionSpec
from dohyo.api.modeldeployment import ModelDeploymentSpec
from dohyo.api.printer_columns import BATCH_PREDICTION_COLUMNS, MODEL_DEPLOYMENT_COLUMNS
from dohyo.api.rules import RULES, TRANSITION_RULES
from dohyo.api.status import ModelDeploymentStatus
from dohyo.contract import BATCH_KIND, BATCH_PLURAL, KIND, PLURAL

if TYPE_CHECKING:
    from pydantic import BaseModel

    from dohyo.api.printer_columns import Column
    from dohyo.api.rule import Rule, TransitionRule


@dataclass(frozen=True)
class Definition:
    """One kind of resource.

    Attributes:
        kind: as in a manifest.
        plural: as in a path.
        short_names: for kubectl.
        description: of the kind, in a sentence.
        spec, status: the typed models.
        rules: across fields.
        transition_rules: about a spec and the one it replaces.
        columns: that `kubectl get` prints.
    """

    kind: str
    plural: str
    short_names: tuple[str, ...]
    description: str
    spec: type[BaseModel]
    status: type[BaseModel]
    rules: tuple[Rule, ...]
    transition_rules: tuple[TransitionRule, ...]
    columns: tuple[Column, ...]


MODEL_DEPLOYMENT: Final = Definition(
    kind=KIND,
    plural=PLURAL,
    short_names=("md", "mdep"),
    description="A champion that serves a model, and the challengers that try to beat it.",
    spec=ModelDeploymentSpec,
    status=ModelDeploymentStatus,
    rules=RULES,
    transition_rules=TRANSITION_RULES,
    columns=MODEL_DEPLOYMENT_COLUMNS,
)

BATCH_PREDICTION: Final = Definition(
    kind=BATCH_KIND,
    plural=BATCH_PLURAL,
    short_names=("bp",),
    description="A data set that is scored by versions of a model, once or on a schedule.",
    spec=BatchPredictionSpec,
    status=BatchPredictionStatus,
    rules=BATCH_RULES,
    transition_rules=(),
    columns=BATCH_PREDICTION_COLUMNS,
)

DEFINITIONS: Final = (MODEL_DEPLOYMENT, BATCH_PREDICTION)
