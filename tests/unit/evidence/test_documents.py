from __future__ import annotations

import json
from typing import Any

import pytest

from dohyo.contract.arrivals import BadEvent, EventBatch, Intake, Refusal, Served
from dohyo.contract.documents import DocumentError, from_json, to_json
from dohyo.contract.evidence import (
    ArmCounts,
    Claim,
    Effect,
    EvidenceReport,
    FeatureDrift,
    GateReport,
    TrialReport,
)
from dohyo.contract.trials import EpochPlan, GatePlan, LabelPlan, TrialPlan

PLAN = TrialPlan(
    namespace="shop",
    deployment="satisfaction",
    trial="t1",
    champion="v12",
    challenger="v13",
    salt="s",
    unit="entity",
    started=1_000.0,
    gates=(
        GatePlan("errors", "error-rate", harm_ratio=1.5, harm_threshold=20.0, codes=("429",)),
        GatePlan("quality", "loss", loss="cost", costs={"yes": {"no": 2.0}}, pass_effect=0.0),
    ),
    labels=LabelPlan(60.0, "worst", independent_of_prediction=True),
    epochs=(EpochPlan(3, {"v13": ((0, 1_000), (2_000, 2_500))}),),
)
DRIFT = FeatureDrift("age", 0.3, 0.001, None, None, 90, significant=True, large=False)
REPORT = EvidenceReport(
    "shop",
    "satisfaction",
    1_234.5,
    "measured",
    "words",
    (
        TrialReport(
            "t1",
            "v12",
            "v13",
            "measured",
            "words",
            (
                GateReport(
                    "quality",
                    "loss",
                    "measured",
                    "words",
                    pass_=(Claim("pass", "effect <= 0", 3.0, 21.0, 20.0),),
                    champion=ArmCounts(3, 1, 2, 4, 0.25),
                    effect=Effect("difference", 0.1, None, 0.2, 0.95),
                    drift=(DRIFT,),
                ),
            ),
        ),
    ),
    {"v12": 0.4, "v13": 0.6},
)
BATCH = EventBatch(
    "gateway-1",
    "i1",
    (BadEvent("shop", "satisfaction", "trial=t1", "r1", 5.0, "503", 0.1, failed=True),),
    (Served("shop", "satisfaction", "trial=t1", 12),),
)
INTAKE = Intake(3, (Refusal(1, "forged", "rows[1].prediction_id: is not signed"),))


@pytest.mark.parametrize("value", [PLAN, REPORT, BATCH, INTAKE])
def test_a_document_says_all_that_it_was_made_of(value: Any) -> None:
    assert from_json(type(value), json.loads(json.dumps(to_json(value)))) == value


def test_names_are_camel_case_and_none_is_left_out() -> None:
    gate = to_json(PLAN)["gates"][0]
    assert gate["harmRatio"] == 1.5
    assert gate["dryRun"] is False
    assert "minExcess" not in gate
    assert "pass" in to_json(REPORT)["trials"][0]["gates"][0]


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (("salt",), None, "salt: is missing; set it"),
        (("gates", 0, "metric"), 3, "gates[0].metric: 3 must be a text"),
        (("gates", 0, "harmRatio"), "2", "gates[0].harmRatio: '2' must be a number"),
        (("gates", 0, "harmRatio"), float("nan"), "gates[0].harmRatio: nan must be a number"),
        (("epochs", 0, "epoch"), 1.5, "epochs[0].epoch: 1.5 must be a whole number"),
        (("epochs", 0, "buckets", "v13", 0), [1], "epochs[0].buckets.v13[0]: [1] must have 2"),
        (("labels",), [], "labels: [] must be an object"),
        (("gates",), {}, "gates: {} must be a list"),
        (("gates", 0, "dryRun"), 1, "gates[0].dryRun: 1 must be true or false"),
    ],
)
def test_an_error_names_the_place(path: tuple[Any, ...], value: Any, text: str) -> None:
    document = json.loads(json.dumps(to_json(PLAN)))
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    with pytest.raises(DocumentError) as error:
        from_json(TrialPlan, document)
    assert str(error.value).startswith(text)


def test_a_gate_without_evidence_neither_passes_nor_fails() -> None:
    silent = GateReport("quality", "loss", "no-data", "")
    assert not silent.passed
    assert not silent.failed


def test_a_gate_passes_only_when_every_pass_null_is_rejected() -> None:
    strong, weak = Claim("a", "", 1.0, 20.0, 20.0), Claim("b", "", 19.0, 19.9, 20.0)
    both = GateReport("g", "latency", "measured", "", pass_=(strong, weak))
    assert not both.passed
    assert GateReport("g", "latency", "measured", "", pass_=(strong,)).passed
    assert not GateReport("g", "latency", "measured", "", fail=(strong,), pass_=(strong,)).passed
    assert GateReport("g", "latency", "measured", "", fail=(strong,), pass_=(weak,)).failed
