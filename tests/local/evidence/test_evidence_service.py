from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dohyo.contract import MODE_PINNED, Assignment, assignment_to_header
from dohyo.contract.arrivals import BadEvent, EventBatch, Served
from dohyo.contract.documents import to_json
from dohyo.contract.evidence import GUARD_VIOLATED, STATE_MEASURED, STATE_NO_DATA
from dohyo.contract.records import BinCounts, PredictionRecord, WindowRecord, record_to_json
from dohyo.contract.trials import EpochPlan, GatePlan, LabelPlan
from tests.harness.until import until
from tests.local.evidence.running import (
    NAMESPACE,
    Service,
    operators,
    quality,
)

if TYPE_CHECKING:
    from dohyo.contract.evidence import GateReport
    from dohyo.contract.prediction_id import PredictionId


def rows_of(service: Service, made: list[tuple[PredictionId, float]]) -> list[dict[str, Any]]:
    return [{"prediction_id": service.signed(p), "row": 0, "label": label} for p, label in made]


def entities(
    service: Service, version: str, count: int, right: float, seed: int
) -> list[tuple[PredictionId, float]]:
    """Answers to as many entities, this share of them right, in no order of outcome."""
    chance = random.Random(seed)
    # All at once: who is asked second would else be a late arm to a service that settles between.
    at = int(time.time()) * 1_000_000
    return [
        (
            service.prediction(f"{version[-2:]}{i:06d}", version=version, microseconds=at + i),
            float(chance.random() < right),
        )
        for i in range(count)
    ]


def settled(service: Service, gate: str, units: int) -> GateReport:
    """The gate once as many units are settled."""
    return service.until_gate(gate, lambda g: g.champion.units + g.challenger.units >= units)


def test_a_challenger_that_is_worse_by_labels_alone_is_called_so(service: Service) -> None:
    service.declare(service.plan(quality()))
    assert service.report().state == STATE_NO_DATA
    made = entities(service, "v12", 400, 0.9, 1) + entities(service, "v13", 400, 0.6, 2)
    random.Random(3).shuffle(made)
    rows = rows_of(service, made)
    for first in range(0, len(rows), 100):
        assert service.feedback(rows[first : first + 100])["accepted"] == 100
    gate = settled(service, "quality", 800)
    assert gate.state == STATE_MEASURED
    assert gate.failed, gate.message
    assert not gate.passed
    assert gate.champion.units == gate.challenger.units == 400
    assert gate.champion.coverage == 1.0
    assert gate.effect is not None
    assert gate.effect.lower is not None
    assert gate.effect.lower < gate.effect.value < -0.15
    assert ">= 20" in gate.message
    trial = service.report().trials[0]
    assert trial.proposed_max_delay_seconds is not None
    assert trial.guard.state == "holds"


def test_each_row_is_judged_by_itself(service: Service) -> None:
    service.declare(service.plan(quality()))
    good, now = service.prediction("good"), int(time.time() * 1e6)
    forged = service.signed(good)
    forged = forged[:-3] + ("AAA" if forged[-3:] != "AAA" else "BBB")
    cases: list[tuple[dict[str, Any], str | None]] = [
        ({"prediction_id": service.signed(good), "label": 1}, None),
        ({"prediction_id": forged, "label": 1}, "forged"),
        ({"prediction_id": "short", "label": 1}, "malformed"),
        ({"prediction_id": service.signed(good), "label": "x"}, "malformed"),
        ({"prediction_id": service.signed(good)}, "malformed"),
        ({"prediction_id": service.signed(good), "label": 1, "row": 1}, "malformed"),
        ({"prediction_id": service.signed(good), "label": 1, "more": "x" * 9_000}, "oversized"),
        (
            {"prediction_id": service.signed(service.prediction("a", trial="other")), "label": 1},
            "unknown",
        ),
        (
            {
                "prediction_id": service.signed(service.prediction("a", namespace="bank")),
                "label": 1,
            },
            "unknown",
        ),
        (
            {
                "prediction_id": service.signed(service.prediction("a", mode=MODE_PINNED)),
                "label": 1,
            },
            "no-evidence",
        ),
        (
            {
                "prediction_id": service.signed(
                    service.prediction("a", microseconds=now - 30 * 10**6)
                ),
                "label": 1,
            },
            "late",
        ),
        (
            {
                "prediction_id": service.signed(service.prediction("a", microseconds=10**15)),
                "label": 1,
            },
            "expired",
        ),
        ({"prediction_id": service.signed(service.prediction("b")), "row": 0, "reward": 2.5}, None),
    ]
    intake = service.feedback([row for row, _ in cases])
    assert intake["accepted"] == 2
    reasons = {r["index"]: r["reason"] for r in intake["refused"]}
    assert reasons == {i: reason for i, (_, reason) in enumerate(cases) if reason}
    assert all(f"rows[{r['index']}]" in r["message"] for r in intake["refused"])
    counted = 'dohyo_evidence_refused_rows_total{kind="feedback",reason="forged"}'
    assert service.metric(counted) == 1
    status, said = service.ask("POST", "/v1/feedback", {"prediction_id": "x", "label": 1})
    assert (status, said["refused"][0]["reason"]) == (422, "malformed")
    assert service.ask("POST", "/v1/feedback", b"{no json")[0] == 400
    assert service.ask("POST", "/v1/feedback", {"rows": [{}] * 501})[0] == 413


def test_a_repeated_row_counts_once_and_the_last_word_stands(service: Service) -> None:
    service.declare(service.plan(quality()))
    text = service.signed(service.prediction("one"))
    for label in (1, 0, 0):
        service.feedback([{"prediction_id": text, "label": label}])
    gate = settled(service, "quality", 1)
    assert gate.champion.units == 1
    assert gate.champion.labels == 1
    assert gate.champion.mean == 1.0  # the prediction says 1, the last label 0
    late = service.feedback([{"prediction_id": text, "label": 1}])
    assert late["refused"][0]["reason"] == "late"


def test_bad_events_of_the_gateway_fail_the_error_gate_once_per_entity(service: Service) -> None:
    gate = GatePlan("errors", "error-rate", harm_ratio=1.5, harm_threshold=20.0)
    service.declare(service.plan(gate))
    lines = []
    for version in ("v12", "v13"):
        for i in range(120):
            made = service.prediction(f"{version[-1]}{i:06d}", version=version)
            record = PredictionRecord(service.signed(made), f"{version}{i}", "http", 0.01)
            lines.append(record_to_json(record))
    assert service.records(lines)["accepted"] == 240
    events = [event(service, "v12", 0, 0)] + [
        event(service, "v13", i, n) for i in range(30) for n in range(4)
    ]
    batch = EventBatch("gateway-1", "a", tuple(events), (served(service, 120),))
    for _ in range(2):  # an agent that did not hear the answer sends it again
        status, said = service.events(batch)
        assert (status, said["accepted"]) == (200, len(events))
    assert service.ask("POST", "/v1/events", to_json(batch))[0] == 401
    found = settled(service, "errors", 240)
    assert found.failed, found.message
    assert (found.champion.events, found.challenger.events) == (1, 30)
    assert (found.champion.units, found.challenger.units) == (120, 120)


def event(service: Service, version: str, entity: int, number: int) -> BadEvent:
    header = assignment_to_header(
        Assignment("t1", 1, version, "split", ("v12", 5_000), (("v13", 5_000),))
    )
    key = f"{version[-1]}{entity:06d}".encode().rjust(8, b"0").hex()
    request = f"{version}-{entity}-{number}"
    return BadEvent(
        NAMESPACE, service.name, header, request, time.time(), "503", 0.1, failed=True, entity=key
    )


def served(service: Service, requests: int) -> Served:
    header = assignment_to_header(Assignment("t1", 1, "v12", "split", ("v12", 5_000)))
    return Served(NAMESPACE, service.name, header, requests)


def names_of(service: Service, version: str, classes: tuple[str, ...]) -> dict[str, Any]:
    """A window that tells them."""
    window = WindowRecord(service.name, version, "pod-1", 1, 2, shadow=False, requests=1, rows=1)
    return record_to_json(replace(window, classes=classes))


@pytest.mark.parametrize("theirs", [("no", "yes"), ("yes", "no")])
def test_shadow_pairs_agree_or_not_and_inform_about_quality(
    service: Service, theirs: tuple[str, ...]
) -> None:
    """Class by class, in whatever order the challenger has them."""
    agreement = GatePlan("same", "agreement", min_agreement=0.9, harm_threshold=20.0)
    independent = LabelPlan(6.0, independent_of_prediction=True)
    service.declare(service.plan(agreement, quality(), labels=independent))
    lines = [names_of(service, "v12", ("no", "yes")), names_of(service, "v13", theirs)]
    rows = []
    for i in range(300):
        shares = (10_000, 0)
        live = service.prediction(f"p{i:06d}", shares=shares, numbers=(0.75, 0.25))
        truth = ("no", "yes")[i % 2]  # the challenger is right where the champion is not
        copy = service.prediction(
            f"p{i:06d}",
            version="v13",
            mode="shadow",
            shadow=True,
            shares=shares,
            numbers=tuple(0.75 if name == truth else 0.25 for name in theirs),
        )
        lines += [
            record_to_json(PredictionRecord(service.signed(one), f"r{i}", "http", 0.01))
            for one in (live, copy)
        ]
        rows.append({"prediction_id": service.signed(live), "label": truth})
    assert service.records(lines)["accepted"] == 602
    # The names are known after a moment.
    until("labels by name", lambda: service.feedback(rows)["accepted"], (300).__eq__, seconds=20)
    same = settled(service, "same", 300)
    assert same.failed, same.message
    assert same.challenger.mean == pytest.approx(0.5)
    better = service.until_gate("quality", lambda g: any(c.rejected for c in g.pass_))
    assert better.passed, better.message
    assert not better.failed


def test_a_broken_split_is_seen_exactly(service: Service) -> None:
    epochs = (EpochPlan(1, {"v13": ((0, 5_000),)}),)
    gate = GatePlan("errors", "error-rate", harm_ratio=1.5, harm_threshold=20.0)
    service.declare(service.plan(gate, epochs=epochs))
    lines = []
    for i, (version, bucket) in enumerate((("v12", 7_000), ("v13", 10), ("v13", 7_000))):
        made = service.prediction(f"m{i:06d}", version=version, bucket=bucket)
        record = PredictionRecord(service.signed(made), f"r{i}", "http", 0.01)
        lines.append(record_to_json(record))
    service.records(lines)
    settled(service, "errors", 3)
    guard = service.report().trials[0].guard
    assert (guard.state, guard.mismatches) == (GUARD_VIOLATED, 1)


def test_drift_says_which_feature_and_by_how_much(service: Service) -> None:
    gate = GatePlan("drift", "drift", max_psi=0.2)
    reference = (1_000,) * 10 + (0,)
    trial = service.plan(gate)
    service.declare(trial)
    for start, counts, breach in (
        (0.0, (100,) * 10 + (0,), False),
        (30.0, (300, *(78,) * 9, 0), True),
    ):
        window = WindowRecord(
            service.name,
            "v13",
            "pod-1",
            int((trial.started + start) * 1e6),
            int((trial.started + start + 20) * 1e6),
            shadow=False,
            requests=1_000,
            rows=1_000,
            profile="p",
            features={
                "age": BinCounts(counts, reference),
                "income": BinCounts((100,) * 10 + (0,), reference),
            },
        )
        if not breach:
            service.records([record_to_json(window)])
            known = service.until_gate("drift", lambda g: g.breach is not None)
            assert known.breach is False, known.message
        else:
            # The second window of the trial closes now; its look is a fresh trial's first.
            other = replace(trial, trial="t2", started=trial.started + 30)
            service.declare(other)
            service.records([record_to_json(window)])
            drifted = until(
                "the drifted window was looked at",
                lambda: service.report().trials[-1].gates[0],
                lambda g: bool(g.breach),
                seconds=60,
            )
            assert drifted.drift[0].feature == "age"
            assert drifted.value is not None
            assert drifted.value > 0.2
            assert "age" in drifted.message


def test_a_plan_may_be_repeated_and_never_changes_its_nulls(service: Service) -> None:
    first = service.plan(quality())
    service.declare(first)
    service.declare(first)
    service.declare(replace(first, epochs=(EpochPlan(2, {"v13": ((0, 10),)}),)))
    shown = operators(service.keys)
    where = f"/v1/trials/{NAMESPACE}/{service.name}"
    other = to_json(replace(first, gates=(quality(pass_threshold=2.0),)))
    status, said = service.ask("PUT", f"{where}/t1", other, shown)
    assert status == 409, said
    assert said["error"].startswith("gates: ")
    status, _ = service.ask("PUT", f"{where}/t2", to_json(first), shown)
    assert status == 400
    slow = to_json(replace(first, trial="t3", labels=LabelPlan(90 * 86_400.0)))
    status, said = service.ask("PUT", f"{where}/t3", slow, shown)
    assert (status, said["error"][:22]) == (422, "labels.maxDelaySeconds")
    assert service.ask("GET", "/v1/evidence/shop/nothing", headers=shown)[0] == 404
    assert service.ask("POST", "/v1/records", b"{}")[0] == 401
