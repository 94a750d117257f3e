"""Ids that are not ours, keys that are exchanged, a service that is away, inputs that move."""

from __future__ import annotations

import base64
import json
import secrets
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.rollout_decisions import QUALITY
from dohyo.contract import HEADER_PREDICTION_ID
from dohyo.contract.keys import Keys, parse_keys
from dohyo.contract.prediction_id import decode, encode
from tests.harness import model, nodes, traffic
from tests.harness.asking import GATEWAY_ADDRESS, GATEWAY_PORT, ask
from tests.harness.installation import NAMESPACE
from tests.harness.labels import Crowd, told_by
from tests.harness.live import Name
from tests.harness.manifests import ENTITY_HEADER, model_deployment, version
from tests.harness.ring import has_share
from tests.harness.schedule import Phase
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.harness.installation import Installation
    from tests.harness.live import Live, Object
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.timeout(900)]

NAME = "bout"
QUESTION = model.question(model.rows()[:1])
MASTER = "dohyo-master-keys"
EVIDENCE_LABELS = {"app.kubernetes.io/component": "evidence"}
PER_SECOND = 60
# The kubelet brings a changed Secret to the pods within its period and its cache's.
REACHES_SECONDS = 180
# All tumours of the training's data set in each request: what live traffic looks like.
CLEAN = model.question(model.rows())
MOVED = "mean_radius"
DRIFT = {"name": "drift", "metric": "drift", "maxPsi": 0.2}


def bout(challenger: str = "v2", **rollout: Any) -> Object:
    """Both versions count inputs every few seconds, so that a window of drift has some."""
    fields = {
        "steps": [{"weight": 50, "for": "1h"}],
        "gates": [QUALITY],
        "labels": {"maxDelay": "10s"},
        "maxDuration": "2h",
        **rollout,
    }
    quick = {"name": "bento", "env": [{"name": "DOHYO_WINDOW_SECONDS", "value": "3"}]}
    patch = {"podTemplate": {"spec": {"containers": [quick]}}}
    return model_deployment(
        NAME,
        version("v1", model.LOGISTIC, **patch),
        (version(challenger, model.BOOSTING, **patch),),
        rollout=fields,
    )


def status(ring: Ring) -> Object:
    found: Object = (ring.resource(NAME) or {}).get("status", {})
    return found


def trial(ring: Ring) -> Object:
    found: list[Object] = status(ring).get("rollouts", [])
    return found[0] if found else {}


def begun(ring: Ring, story: Story, manifest: Object) -> None:
    with story.given("a challenger on trial with half of the traffic"):
        ring.apply(manifest)
        until("the trial runs", lambda: trial(ring).get("state"), "Running".__eq__, seconds=240)
        until(
            "its share is routed",
            lambda: ring.resource(NAME),
            lambda resource: has_share(resource, "v2", 50),
            seconds=120,
        )


def keys_in(live: Live, namespace: str, name: str) -> Keys:
    """The keys of a Secret; the master's belong to no namespace."""
    found = live.get(Name("Secret", name, namespace))
    assert found is not None
    files = {key: base64.b64decode(text).decode() for key, text in found["data"].items()}
    return parse_keys(files, None if name == MASTER else namespace)


def tell(host: str, ids: Sequence[str]) -> Object:
    """What the evidence service says to labels that come by the model's own host."""
    rows = [{"prediction_id": text, "row": 0, "label": 1} for text in ids]
    request = urllib.request.Request(
        f"http://{GATEWAY_ADDRESS}:{GATEWAY_PORT}/feedback",
        json.dumps({"rows": rows}).encode(),
        {"Host": host, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        said: Object = json.loads(answer.read())
    return said


def reasons(said: Object) -> list[str]:
    return sorted({refusal["reason"] for refusal in said["refused"]})


def predictions(ring: Ring, count: int) -> list[str]:
    """Ids of answers to as many entities."""
    host = ring.host(NAME)
    who = [{ENTITY_HEADER: f"{secrets.token_hex(4)}-{n}"} for n in range(count)]
    return [ask(host, QUESTION, **entity).headers[HEADER_PREDICTION_ID] for entity in who]


@pytest.mark.story(29)
@pytest.mark.alone
def test_ids_that_are_not_ours_change_nothing_and_rotation_loses_none(
    ring: Ring, story: Story
) -> None:
    live, host = ring.live, ring.host(NAME)
    begun(ring, story, bout(labels={"maxDelay": "30m"}))
    ours = predictions(ring, 20)
    master = keys_in(live, NAMESPACE, MASTER)
    with story.then("labels of ours are taken, and again when they are repeated"):
        assert tell(host, ours + ours) == {"accepted": 40, "refused": []}
    with story.then("altered ids, and those of other keys, are refused as forged"):
        made = decode(ours[0], master.signing_key)
        other = master.for_namespace("somebody-else")
        key = other.signing_key(other.current, "somebody-else")
        assert key is not None
        altered = ours[1][:-6] + ("A" * 6 if ours[1][-6:] != "A" * 6 else "B" * 6)
        strangers = [altered, encode(made, other.current, key)]
        said = tell(host, strangers)
        assert (said["accepted"], reasons(said)) == (0, ["forged"])
    with story.then("ids of another trial and of pinned requests are no evidence"):
        pinned = ask(host, QUESTION, x_dohyo_version="v2").headers[HEADER_PREDICTION_ID]
        said = tell(host, [pinned])
        assert (said["accepted"], reasons(said)) == (0, ["no-evidence"])
    with story.when("the master gets another key that signs"):
        before = predictions(ring, 20)
        added = f"k{secrets.token_hex(3)}"
        value = base64.b64encode(secrets.token_bytes(32)).decode()
        change = {"stringData": {added: value, "current": added}}
        live.patch(Name("Secret", MASTER, NAMESPACE), change)

        def signs() -> bool:
            newest = keys_in(live, NAMESPACE, MASTER)
            (made_now,) = predictions(ring, 1)
            return decode(made_now, parse_only(newest, added)) is not None

        until("pods sign by it", lambda: quietly(signs), bool, seconds=REACHES_SECONDS)
    with story.then("ids from before and from after it are taken"):
        after = predictions(ring, 20)

        def told() -> Object:
            return tell(host, before + after)

        # The evidence service's own mount may be the last to have the new key.
        until("all are taken", told, lambda s: s["accepted"] == 40, seconds=REACHES_SECONDS)
        assert trial(ring)["state"] == "Running"
        assert (trial(ring).get("verdict") or {}).get("outcome") != "error"


def parse_only(keys: Keys, key_id: str) -> Any:
    """A look-up that knows one key alone."""
    return lambda wanted, namespace: (
        keys.signing_key(wanted, namespace) if wanted == key_id else None
    )


def quietly(signs: Any) -> bool:
    """False while ids still carry the key before."""
    try:
        return bool(signs())
    except ValueError:
        return False


@pytest.mark.story(30)
@pytest.mark.alone
def test_a_service_away_promotes_nobody_and_a_dying_leader_changes_no_promotion(
    ring: Ring, installation: Installation, story: Story
) -> None:
    begun(ring, story, bout(steps=[{"weight": 50, "for": "20s"}]))
    with stopped(installation):
        with (
            story.when("evidence service and database do not answer"),
            traffic.under(ring.order(NAME, QUESTION, Phase(PER_SECOND, 240))) as load,
        ):
            until(
                "the verdict is an error",
                lambda: (trial(ring).get("verdict") or {}).get("outcome"),
                "error".__eq__,
                seconds=90,
            )
            later = traffic.now() + 5
            load.until_seen("answers go on", lambda s: s.all[-1].sent > later, seconds=60)
            seen = load.stop()
        with story.then("predictions flow, and nobody is promoted, though the step is over"):
            assert not seen.failed, seen.failures_in_words()
            assert trial(ring)["step"] == 0
            assert (status(ring)["champion"], status(ring).get("history", [])) == ("v1", [])
    crowd = Crowd(
        host=ring.host(NAME),
        question=QUESTION,
        accuracy={"v1": 0.8, "v2": 0.97},
        per_second=PER_SECOND,
    )
    with told_by(crowd) as told:
        with story.when("it is back, and the leader dies as soon as the promotion is decided"):
            until("the promotion is decided", lambda: status(ring).get("promotion"), seconds=180)
            nodes.signal(installation.leader_pod(), "KILL")
        with story.then("the promotion is carried through, once"):
            until("v2 serves", lambda: status(ring).get("champion"), "v2".__eq__, seconds=180)
            assert status(ring)["ended"] == {"Promoted": 1}
            assert [h["outcome"] for h in status(ring)["history"]] == ["Promoted"]
    assert told.failed == 0, told


@contextmanager
def stopped(installation: Installation) -> Iterator[None]:
    """The evidence service's process hangs while the block runs.

    A kubelet that has lost its patience may replace it meanwhile; then nobody is to be woken.
    """
    (pod,) = installation.pods(EVIDENCE_LABELS)
    nodes.signal(pod, "STOP")
    try:
        yield
    finally:
        if nodes.processes(pod):
            nodes.signal(pod, "CONT")


def drift_gate(ring: Ring) -> Object:
    gates = (trial(ring).get("verdict") or {}).get("gates", [])
    found: Object = gates[0] if gates else {}
    return found


def moved() -> model.Question:
    """The same tumours, one feature measured by another scale."""
    document = json.loads(CLEAN.body)
    for record in document["records"]:
        record[MOVED] *= 1.6
    return model.Question(CLEAN.path, json.dumps(document))


@pytest.mark.story(31)
def test_drift_names_the_feature_and_clean_traffic_raises_no_alarm(
    ring: Ring, story: Story
) -> None:
    begun(ring, story, bout(gates=[DRIFT]))
    with (
        traffic.under(ring.order(NAME, CLEAN, Phase(4, 300))),
        story.then("windows of clean traffic raise no alarm"),
    ):
        said = until(
            "two windows were looked at",
            lambda: str(drift_gate(ring).get("message", "")),
            lambda text: "no input drift after" in text and "after 1 windows" not in text,
            seconds=200,
        )
        story.tell(said)
        assert drift_gate(ring)["outcome"] == "passed"
    with (
        traffic.under(ring.order(NAME, moved(), Phase(4, 300))),
        story.then("a feature on another scale is named, and the challenger rolled back"),
    ):
        (entry,) = until(
            "the bout is over", lambda: status(ring).get("history", []), bool, seconds=200
        )
    assert entry["outcome"] == "GateFailed"
    message = entry["evidence"]["verdict"]["message"]
    story.tell(message)
    assert f"input drift in {MOVED}" in message or f", {MOVED}" in message
    assert "PSI" in message
