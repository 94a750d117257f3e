"""From spec and observation to the plan: who serves, who starts, who leaves."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo.plan.applied import Applied
from dohyo.plan.child_names import child_name
from dohyo.plan.desired import Plan, plan
from dohyo.plan.load import Load, Sample
from dohyo.plan.observed import ChildKey, Observed
from dohyo.plan.settings import Settings
from dohyo.status.derive import derive
from tests.builders import NAME, NOW, a_deployment, an_observed, later

SETTINGS = Settings(drain_seconds=10)


def settled(observed: Observed, champion: str = "v12", **spec: Any) -> dict[str, Any]:
    """The status after one pass in that world."""
    md = a_deployment(champion, **spec)
    done = plan(md, observed, SETTINGS, NOW)
    return derive(md, done, observed, Applied(), NOW)


def names(done: Plan, kind: str) -> set[str]:
    return {m["metadata"]["name"] for m in done.manifests if m["kind"] == kind}


def shares(done: Plan) -> dict[str, int]:
    return {v.name: done.routing.share(v.name) for v in done.routing.versions}


def test_the_same_world_gets_the_same_plan() -> None:
    md, observed = a_deployment(challengers={"v13": 10}), an_observed({"v12": 1})
    assert plan(md, observed, SETTINGS, NOW) == plan(md, observed, SETTINGS, NOW)


def test_children_are_named_after_versions_and_not_after_roles() -> None:
    done = plan(a_deployment(challengers={"v13": 10}), Observed(), SETTINGS, NOW)
    assert names(done, "Deployment") == {child_name(NAME, "v12"), child_name(NAME, "v13")}
    assert names(done, "Service") == {NAME, child_name(NAME, "v12"), child_name(NAME, "v13")}


def test_a_challenger_gets_its_share_only_when_it_was_fully_ready() -> None:
    md = a_deployment(challengers={"v13": 10}, scaling={"minReplicas": 2})
    half = plan(md, an_observed({"v12": 2, "v13": 1}), SETTINGS, NOW)
    assert shares(half) == {"v12": 10_000, "v13": 0}
    full = plan(md, an_observed({"v12": 2, "v13": 2}), SETTINGS, NOW)
    assert shares(full) == {"v12": 9_000, "v13": 1_000}


def test_a_proven_challenger_keeps_its_share_when_its_pods_are_gone() -> None:
    status = settled(an_observed({"v12": 1, "v13": 1}), challengers={"v13": 10})
    md = a_deployment(challengers={"v13": 10}, status=status)
    assert shares(plan(md, an_observed({"v12": 1, "v13": 0}), SETTINGS, NOW))["v13"] == 1_000


def test_the_old_champion_serves_until_the_new_one_can() -> None:
    status = settled(an_observed({"v12": 1}))
    md = a_deployment("v14", status=status)
    waiting = plan(md, an_observed({"v12": 1, "v14": 0}, epoch=1), SETTINGS, NOW)
    assert waiting.routing.champion.name == "v12"
    assert child_name(NAME, "v12") in names(waiting, "Deployment")
    done = plan(md, an_observed({"v12": 1, "v14": 1}, epoch=1), SETTINGS, NOW)
    assert done.routing.champion.name == "v14"
    assert done.routing.epoch == status["routing"]["epoch"] + 1


def test_a_new_champion_takes_over_at_once_when_the_old_one_is_dead() -> None:
    status = settled(an_observed({"v12": 2}), scaling={"minReplicas": 2})
    md = a_deployment("v14", status=status, scaling={"minReplicas": 2})
    done = plan(md, an_observed({"v12": 0, "v14": 1}), SETTINGS, NOW)
    assert done.routing.champion.name == "v14"


def test_a_replaced_champion_leaves_after_every_gateway_has_let_go_of_it() -> None:
    """It waits for the gateways first, and then for the requests under way."""
    world = {"v12": 1, "v14": 1}
    key = ChildKey("Deployment", child_name(NAME, "v12"))
    status = settled(an_observed({"v12": 1}))
    md = a_deployment("v14", status=status)
    for at, epoch, stays, requeue in [
        (0, 1, True, None),  # the gateway still routes by the old table
        (1, 2, True, 10),  # acknowledged
        (6, 2, True, 5),
        (12, 2, False, None),  # drained
    ]:
        observed = an_observed(world, epoch=epoch)
        done = plan(md, observed, SETTINGS, later(at))
        assert (stays, requeue) == (key in done.keys, done.requeue_after), f"at {at} s"
        md = a_deployment("v14", status=derive(md, done, observed, Applied(), later(at)))


def test_a_removed_challenger_loses_its_share_at_once_and_its_pods_later() -> None:
    status = settled(an_observed({"v12": 1, "v13": 1}), challengers={"v13": 10})
    done = plan(
        a_deployment(status=status), an_observed({"v12": 1, "v13": 1}, epoch=1), SETTINGS, NOW
    )
    assert shares(done) == {"v12": 10_000}
    assert ChildKey("Deployment", child_name(NAME, "v13")) in done.retain


def test_while_paused_nobody_gains_or_loses_a_share() -> None:
    status = settled(an_observed({"v12": 1, "v13": 1}), challengers={"v13": 10})
    md = a_deployment("v14", {"v15": 50}, status=status, paused=True)
    world = an_observed({"v12": 1, "v13": 1, "v14": 1, "v15": 1}, epoch=1)
    done = plan(md, world, SETTINGS, NOW)
    assert shares(done) == {"v12": 9_000, "v13": 1_000}
    assert {k.name for k in world.children} <= {k.name for k in done.keys}


def test_an_epoch_goes_on_from_the_gateways_when_the_status_was_lost() -> None:
    done = plan(a_deployment(), an_observed({"v12": 1}, epoch=57), SETTINGS, NOW)
    assert done.routing.epoch == 58


def test_the_table_stays_as_it_is_when_nothing_differs() -> None:
    world = an_observed({"v12": 1, "v13": 1})
    status = settled(world, challengers={"v13": 10})
    md = a_deployment(challengers={"v13": 10}, status=status)
    assert plan(md, world, SETTINGS, later(60)).routing.epoch == status["routing"]["epoch"]


@pytest.mark.parametrize(("replicas", "expected"), [(1, 0), (2, 1)])
def test_a_disruption_budget_guards_two_replicas_and_more(replicas: int, expected: int) -> None:
    md = a_deployment(scaling={"minReplicas": replicas})
    assert len(names(plan(md, Observed(), SETTINGS, NOW), "PodDisruptionBudget")) == expected


def test_cpu_scaling_hands_the_number_of_replicas_to_an_autoscaler() -> None:
    md = a_deployment(scaling={"metric": "cpu", "minReplicas": 2, "maxReplicas": 5, "target": 60})
    done = plan(md, an_observed({"v12": 4}), SETTINGS, NOW)
    assert names(done, "HorizontalPodAutoscaler") == {child_name(NAME, "v12")}
    deployment = next(m for m in done.manifests if m["kind"] == "Deployment")
    assert deployment["spec"]["replicas"] == 4


def test_a_new_champion_is_sized_for_the_load_it_will_carry_before_it_takes_over() -> None:
    status = settled(an_observed({"v12": 4}), scaling={"metric": "rps", "target": 100})
    load = Load()
    for i in range(60):
        load = load.add(Sample(NOW.timestamp() - 120 + 2 * (i + 1), 2, 800, 1), 600)
    md = a_deployment("v14", status=status, scaling={"metric": "rps", "target": 100})
    observed = an_observed({"v12": 4, "v14": 1}, epoch=1, load={"v12": load})
    done = plan(md, observed, SETTINGS, NOW)
    assert done.sizes["v14"].replicas == 4
    assert done.routing.champion.name == "v12"


def test_pods_are_restricted_whatever_their_template_adds() -> None:
    md = a_deployment()
    done = plan(md, Observed(), SETTINGS, NOW)
    pod = next(m for m in done.manifests if m["kind"] == "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    container = pod["containers"][0]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "command" not in container


def test_a_version_stays_while_it_is_not_known_what_the_gateways_do() -> None:
    status = settled(an_observed({"v12": 1}))
    md = a_deployment("v14", status=status)
    world = an_observed({"v12": 1, "v14": 1})
    done = plan(md, Observed(children=world.children, gateways=None), SETTINGS, NOW)
    assert done.retirement.retiring[0].acknowledged_at is None
    nobody = plan(md, Observed(children=world.children, gateways=()), SETTINGS, NOW)
    assert nobody.retirement.retiring[0].acknowledged_at is not None
