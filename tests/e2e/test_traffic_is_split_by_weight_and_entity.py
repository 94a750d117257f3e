"""Requests are divided by weight, entities stay where they are, answers are the model's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dohyo.contract import HEADER_VERSION
from tests.harness import commands, model, split, traffic
from tests.harness.asking import ask
from tests.harness.manifests import challenger, model_deployment, version
from tests.harness.ring import table_of
from tests.harness.schedule import Phase

if TYPE_CHECKING:
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(1), pytest.mark.timeout(400)]

SHARES = {"v1": 90.0, "v2": 10.0}
BENTOS = {"v1": model.LOGISTIC, "v2": model.BOOSTING}
QUESTION = model.question(model.rows()[:1])


def test_ninety_to_ten(ring: Ring, story: Story) -> None:
    with story.given("a champion, and a challenger that weighs 10 %"):
        v1, v2 = version("v1", BENTOS["v1"]), challenger("v2", BENTOS["v2"], 10)
        ring.apply(model_deployment("satisfaction", v1, (v2,)))
        table = table_of(ring.settled("satisfaction"))

    with story.when("5,000 entities ask once each, then 1,000 of them three times"):
        once = ring.order("satisfaction", QUESTION, Phase(250, 20), population=5000)
        thrice = ring.order("satisfaction", QUESTION, Phase(250, 12), population=1000)
        first, then = traffic.send_for(once), traffic.send_for(thrice)
        assert traffic.kept_its_schedule(first), f"p99 late by {first.lateness(0.99):.3f} s"

    with story.then("no request failed and they are divided 90 to 10"):
        assert not first.failed, first.failures_in_words()
        assert not then.failed, then.failures_in_words()
        assert len(first) == 5000
        chance = split.chance(first.versions(), SHARES)
        story.tell(f"{dict(first.versions())}, chi-square p = {chance:.3f}")
        story.tell(f"p50 {1e3 * first.latency(0.5):.1f} ms, p99 {1e3 * first.latency(0.99):.1f} ms")
        assert chance > 0.001

    with story.then("each of 1,000 entities saw one version, the one that the hash names"):
        seen = then.versions_by_entity()
        assert len(seen) == 1000
        assert seen == {entity: [split.owner(table, entity)] for entity in seen}

    with story.then("requests without an entity are divided by chance"):
        order = ring.order("satisfaction", QUESTION, Phase(250, 8), population=0)
        unnamed = traffic.send_for(order)
        assert not unnamed.failed, unnamed.failures_in_words()
        assert split.chance(unnamed.versions(), SHARES) > 0.001

    answers_are_the_models_own(ring, story)
    it_is_reached_in_every_way(ring, story)


def answers_are_the_models_own(ring: Ring, story: Story) -> None:
    asked = model.rows()[100:140]
    question = model.question(asked)
    for name, bento in BENTOS.items():
        with story.then(f"a request pinned to {name} is answered by it, with its own values"):
            reply = ask(ring.host("satisfaction"), question, x_dohyo_version=name)
            assert (reply.status, reply.version) == (200, name)
            own = model.own_probabilities(bento, asked)
            for given, expected in zip(reply.probabilities, own, strict=True):
                # The last bit may differ: sums of a batch are taken in another order.
                assert given == pytest.approx(expected, rel=0, abs=1e-12)


def it_is_reached_in_every_way(ring: Ring, story: Story) -> None:
    host = ring.host("satisfaction")
    with story.then("it is reached by host and by path, and an unknown name is refused"):
        full = f"{host}.svc.cluster.local"
        path = f"/{ring.namespace}/satisfaction/predict"
        assert ask(full, QUESTION).status == 200
        assert ask("127.0.0.1", QUESTION, path=path).status == 200
        assert ask(f"nobody.{ring.namespace}", QUESTION).status == 404
        assert HEADER_VERSION in ask(host, QUESTION).headers

    with story.then("a pod in the cluster reaches it by the name of its Service"):
        pod = ring.pods("satisfaction", "v1")[0]["metadata"]["name"]
        program = (
            "import sys, urllib.request as r;"
            f"q = r.Request('http://{host}/predict', sys.stdin.buffer.read(),"
            " {'content-type': 'application/json'});"
            f"print(r.urlopen(q, timeout=10).headers['{HEADER_VERSION}'])"
        )
        within = ("--namespace", ring.namespace, "--stdin", pod)
        said = commands.kubectl("exec", *within, "--", "python3", "-c", program, text=QUESTION.body)
        assert said.strip() in BENTOS

    with story.then("`kubectl get md` shows who is in the ring"):
        printed = commands.kubectl("get", "md", "--namespace", ring.namespace)
        story.tell("\n" + printed.rstrip())
        header, row = printed.splitlines()
        columns = dict(zip(header.split(), row.split(), strict=False))
        assert (columns["CHAMPION"], columns["CHALLENGER"], columns["WEIGHT"]) == ("v1", "v2", "10")
