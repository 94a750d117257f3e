"""The rights of operator and agent: exactly these, where they belong, each with a reason."""

from __future__ import annotations

import re
from typing import Any

import pytest

from charts.schema.rights import ROLES
from tests.charts.rendering import DOHYO, Object, of_kind, one

FOLLOW = {"list", "watch"}
READ = {"get", *FOLLOW}
WRITE = {"create", "patch", "delete"}

# Written a second time on purpose: whoever widens a right changes two files.
OPERATOR_WATCHED = {
    "dohyo.dev/modeldeployments": READ | {"patch"},
    "dohyo.dev/modeldeployments/status": {"patch"},
    "apps/deployments": READ | WRITE,
    "/services": READ | WRITE,
    "policy/poddisruptionbudgets": READ | WRITE,
    "autoscaling/horizontalpodautoscalers": READ | WRITE,
    "/pods": FOLLOW,
    "/secrets dohyo-keys": {"get", "create", "patch", "delete"},
    "/events": {"create", "patch"},
}
OPERATOR_BATCH = {
    "dohyo.dev/batchpredictions": READ,
    "dohyo.dev/batchpredictions/status": {"patch"},
    "batch/jobs": READ | WRITE,
    "batch/cronjobs": READ | WRITE,
    "/configmaps": READ | WRITE,
    "/serviceaccounts": READ | WRITE,
}
BOTH = OPERATOR_WATCHED | OPERATOR_BATCH
OPERATOR_OWN = {
    "coordination.k8s.io/leases": {"create"},
    "coordination.k8s.io/leases dohyo-operator": {"get", "update"},
    "discovery.k8s.io/endpointslices": {"list"},
}
AGENT_WATCHED = {
    "dohyo.dev/modeldeployments": FOLLOW,
    "discovery.k8s.io/endpointslices": FOLLOW,
}
AGENT_OWN = {"discovery.k8s.io/endpointslices": FOLLOW}

RESTRICTED: dict[str, Any] = {"watchNamespaces": ["shop", "search"]}
ROLE_KINDS = ("Role", "ClusterRole")
BINDING_KINDS = ("RoleBinding", "ClusterRoleBinding")


def rights(role: Object) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for rule in role["rules"]:
        (group,), (resource,) = rule["apiGroups"], rule["resources"]
        key = " ".join([f"{group}/{resource}", *rule.get("resourceNames", [])])
        assert key not in found
        found[key] = set(rule["verbs"])
    return found


def test_cluster_wide_rights_are_exactly_these() -> None:
    roles = {
        (r["kind"], r["metadata"].get("namespace"), r["metadata"]["name"]): rights(r)
        for r in of_kind(DOHYO.render(), *ROLE_KINDS)
    }

    assert roles == {
        ("ClusterRole", None, "dohyo-operator-watched"): BOTH,
        ("Role", "dohyo-system", "dohyo-operator"): OPERATOR_OWN,
        ("ClusterRole", None, "dohyo-gateway-watched"): AGENT_WATCHED,
        ("Role", "dohyo-system", "dohyo-gateway"): AGENT_OWN,
    }


def test_named_namespaces_get_roles_and_the_cluster_gets_none() -> None:
    roles = {
        (r["kind"], r["metadata"].get("namespace"), r["metadata"]["name"]): rights(r)
        for r in of_kind(DOHYO.render(RESTRICTED), *ROLE_KINDS)
    }

    assert roles == {
        ("Role", "shop", "dohyo-operator-watched"): BOTH,
        ("Role", "search", "dohyo-operator-watched"): BOTH,
        ("Role", "dohyo-system", "dohyo-operator"): OPERATOR_OWN,
        ("Role", "shop", "dohyo-gateway-watched"): AGENT_WATCHED,
        ("Role", "search", "dohyo-gateway-watched"): AGENT_WATCHED,
        ("Role", "dohyo-system", "dohyo-gateway"): AGENT_OWN,
    }


def test_without_batch_predictions_their_rights_are_not_there() -> None:
    objects = DOHYO.render({"batch": {"enabled": False}})
    role = one(objects, "ClusterRole", "dohyo-operator-watched")
    assert rights(role) == OPERATOR_WATCHED
    operator = one(objects, "Deployment", "dohyo-operator")
    (container,) = operator["spec"]["template"]["spec"]["containers"]
    assert {"name": "DOHYO_BATCH", "value": "false"} in container["env"]


@pytest.mark.parametrize("values", [{}, RESTRICTED], ids=["all namespaces", "named namespaces"])
def test_every_role_is_bound_to_its_own_account_alone(values: dict[str, Any]) -> None:
    objects = DOHYO.render(values)
    bindings = of_kind(objects, *BINDING_KINDS)

    assert len(bindings) == len(of_kind(objects, *ROLE_KINDS))
    for binding in bindings:
        name, namespace = binding["metadata"]["name"], binding["metadata"].get("namespace")
        assert binding["roleRef"]["name"] == name
        assert binding["roleRef"]["kind"] == binding["kind"].removesuffix("Binding")
        assert (binding["kind"] == "ClusterRoleBinding") == (namespace is None)
        assert binding["subjects"] == [
            {
                "kind": "ServiceAccount",
                "name": name.removesuffix("-watched"),
                "namespace": "dohyo-system",
            }
        ]


@pytest.mark.parametrize("values", [{}, RESTRICTED], ids=["all namespaces", "named namespaces"])
def test_nothing_dangerous_is_asked_for(values: dict[str, Any]) -> None:
    for role in of_kind(DOHYO.render(values), *ROLE_KINDS):
        for rule in role["rules"]:
            text = repr(rule)
            assert "*" not in text
            assert not {"escalate", "bind", "impersonate", "deletecollection"} & set(rule["verbs"])
            assert not re.search("serviceaccounts/|pods/exec|pods/log|roles", text)
            if "secrets" in rule["resources"]:
                assert rule["resourceNames"] == ["dohyo-keys"]
                assert not {"list", "watch", "update"} & set(rule["verbs"])


def test_every_verb_says_what_it_is_for() -> None:
    reasons = [
        (right.resource, verb, reason)
        for role in ROLES
        for right in role.rights
        for verb, reason in right.verbs.items()
    ]

    assert [r for r in reasons if len(r[2].split()) < 3] == []


def test_an_account_from_elsewhere_is_bound_and_not_made() -> None:
    objects = DOHYO.render({"operator": {"serviceAccount": {"create": False, "name": "given"}}})

    assert [a["metadata"]["name"] for a in of_kind(objects, "ServiceAccount")] == ["dohyo-gateway"]
    binding = one(objects, "ClusterRoleBinding", "dohyo-operator-watched")
    assert binding["subjects"][0]["name"] == "given"
    pod = one(objects, "Deployment", "dohyo-operator")["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "given"
