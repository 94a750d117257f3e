"""The Deployments: start and end in the right order, enough pods, options in the right place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dohyo.configuration import configuration
from dohyo.contract import AGENT_LIVE_PATH, AGENT_PORT, AGENT_READY_PATH
from dohyo.plan.settings import ScalingWindows
from dohyo_gateway.settings import read_settings
from tests.charts.rendering import (
    DOHYO,
    Object,
    container,
    every_option,
    of_kind,
    one,
    plain_environment,
)


def deployment(name: str, values: dict[str, Any] | None = None) -> Object:
    prefix = (values or {}).get("fullnameOverride", "dohyo")
    name = name.replace("dohyo", prefix)
    spec: Object = one(DOHYO.render(values), "Deployment", name)["spec"]
    return spec


def pod(name: str, values: dict[str, Any] | None = None) -> Object:
    spec: Object = deployment(name, values)["template"]["spec"]
    return spec


@pytest.mark.parametrize("name", ["dohyo-operator", "dohyo-gateway"])
def test_two_pods_apart_replaced_only_by_serving_successors(name: str) -> None:
    spec = deployment(name)

    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    (spread,) = spec["template"]["spec"]["topologySpreadConstraints"]
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    assert spread["labelSelector"] == spec["selector"]


@pytest.mark.parametrize("name", ["dohyo-operator", "dohyo-gateway"])
def test_a_drained_node_takes_one_pod_at_a_time(name: str) -> None:
    objects = DOHYO.render()
    budget = one(objects, "PodDisruptionBudget", name)["spec"]

    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == one(objects, "Deployment", name)["spec"]["selector"]


def test_budgets_can_be_left_out() -> None:
    off = {"podDisruptionBudget": {"enabled": False}}

    assert of_kind(DOHYO.render({"operator": off, "gateway": off}), "PodDisruptionBudget") == []


def test_the_agent_is_ready_before_envoy_starts_and_leaves_after_it() -> None:
    agent = container(pod("dohyo-gateway"), "agent")

    assert agent in pod("dohyo-gateway")["initContainers"]
    assert agent["restartPolicy"] == "Always"
    assert agent["startupProbe"]["httpGet"] == {"path": "/startupz", "port": "agent"}
    assert agent["livenessProbe"]["httpGet"] == {"path": AGENT_LIVE_PATH, "port": "agent"}
    assert {"name": "agent", "containerPort": AGENT_PORT} in agent["ports"]


def test_envoy_runs_without_a_shell_on_what_the_agent_wrote() -> None:
    envoy = container(pod("dohyo-gateway", {"gateway": {"envoy": {"concurrency": 6}}}), "envoy")
    command = envoy["command"]

    assert command[:3] == ["envoy", "-c", "/var/run/dohyo/envoy/bootstrap.json"]
    assert command[command.index("--concurrency") + 1] == "6"
    assert "args" not in envoy
    assert envoy["readinessProbe"]["httpGet"] == {"path": AGENT_READY_PATH, "port": AGENT_PORT}


def test_agent_and_envoy_share_one_folder_in_memory() -> None:
    spec = pod("dohyo-gateway")
    volume = next(v for v in spec["volumes"] if v["name"] == "configuration")
    folders = {
        name: next(
            m["mountPath"]
            for m in container(spec, name)["volumeMounts"]
            if m["name"] == "configuration"
        )
        for name in ("agent", "envoy")
    }

    assert volume["emptyDir"]["medium"] == "Memory"
    assert folders == {"agent": "/var/run/dohyo", "envoy": "/var/run/dohyo"}
    environment = plain_environment(container(spec, "agent"))
    assert environment["DOHYO_ENVOY_FOLDER"] == "/var/run/dohyo/envoy"


@pytest.mark.parametrize("seconds", [5, 30, 600])
def test_a_leaving_gateway_pod_has_time_to_drain(seconds: int) -> None:
    spec = pod("dohyo-gateway", {"gateway": {"drainSeconds": seconds}})
    envoy = container(spec, "envoy")

    assert envoy["lifecycle"]["preStop"] == {"sleep": {"seconds": seconds}}
    assert spec["terminationGracePeriodSeconds"] >= seconds + 10
    assert envoy["command"][envoy["command"].index("--drain-time-s") + 1] == str(seconds)
    assert plain_environment(container(spec, "agent"))["DOHYO_DRAIN_SECONDS"] == str(seconds)


OPTIONS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "all namespaces": ({}, "operator", "DOHYO_WATCH_NAMESPACES", ""),
    "named namespaces": (
        {"watchNamespaces": ["shop", "search"]},
        "operator",
        "DOHYO_WATCH_NAMESPACES",
        "shop,search",
    ),
    "named namespaces for the agent": (
        {"watchNamespaces": ["shop", "search"]},
        "agent",
        "DOHYO_WATCH_NAMESPACES",
        "shop,search",
    ),
    "pinning": ({}, "agent", "DOHYO_PIN_ALLOWED", "true"),
    "no pinning": ({"gateway": {"pinning": False}}, "agent", "DOHYO_PIN_ALLOWED", "false"),
    "cluster domain": ({"clusterDomain": "c.test"}, "operator", "DOHYO_CLUSTER_DOMAIN", "c.test"),
    "gateway service": ({}, "operator", "DOHYO_GATEWAY_SERVICE", "dohyo-gateway"),
    "lease": ({}, "operator", "DOHYO_LEASE", "dohyo-operator"),
    "log level": ({"logLevel": "debug"}, "agent", "DOHYO_LOG_LEVEL", "debug"),
    "drain of versions": (
        {"operator": {"drainSeconds": 7}},
        "operator",
        "DOHYO_DRAIN_SECONDS",
        "7",
    ),
    "host access": ({}, "operator", "DOHYO_ALLOW_HOST_ACCESS", "false"),
    "stable window": ({}, "operator", "DOHYO_SCALING_STABLE_SECONDS", "60"),
    "panic window": ({}, "operator", "DOHYO_SCALING_PANIC_SECONDS", "6"),
    "delay": ({}, "operator", "DOHYO_SCALING_DOWN_DELAY_SECONDS", "30"),
    "workers": ({}, "operator", "DOHYO_WORKERS", "16"),
    "log format": ({"operator": {"logFormat": "json"}}, "operator", "DOHYO_LOG_FORMAT", "json"),
    "connections": (
        {"gateway": {"envoy": {"maxConnections": 1_000_000}}},
        "agent",
        "DOHYO_ENVOY_MAX_CONNECTIONS",
        "1000000",
    ),
    "more environment": (
        {"operator": {"extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.test"}]}},
        "operator",
        "HTTPS_PROXY",
        "http://proxy.test",
    ),
}


@pytest.mark.parametrize(
    ("values", "who", "variable", "expected"), OPTIONS.values(), ids=list(OPTIONS)
)
def test_option_reaches_its_program(
    values: dict[str, Any], who: str, variable: str, expected: str
) -> None:
    name = "dohyo-operator" if who == "operator" else "dohyo-gateway"

    assert plain_environment(container(pod(name, values), who))[variable] == expected


def test_the_agent_knows_how_much_memory_envoy_has() -> None:
    environment = container(pod("dohyo-gateway"), "agent")["env"]
    (heap,) = [e for e in environment if e["name"] == "DOHYO_ENVOY_MAX_HEAP_BYTES"]

    assert heap["valueFrom"] == {
        "resourceFieldRef": {"containerName": "envoy", "resource": "limits.memory"}
    }


IMAGES: dict[str, tuple[dict[str, Any], str]] = {
    "default": ({}, "dohyo/operator:0.1.0"),
    "one registry for all": ({"imageRegistry": "r.test/x/"}, "r.test/x/dohyo/operator:0.1.0"),
    "a registry of its own": (
        {"imageRegistry": "r.test", "operator": {"image": {"registry": "own.test"}}},
        "own.test/dohyo/operator:0.1.0",
    ),
    "tag": ({"operator": {"image": {"tag": "1.2"}}}, "dohyo/operator:1.2"),
    "digest": (
        {"operator": {"image": {"tag": "1.2", "digest": f"sha256:{'0' * 64}"}}},
        f"dohyo/operator@sha256:{'0' * 64}",
    ),
}


@pytest.mark.parametrize(("values", "expected"), IMAGES.values(), ids=list(IMAGES))
def test_image_name(values: dict[str, Any], expected: str) -> None:
    assert container(pod("dohyo-operator", values), "operator")["image"] == expected


def test_an_autoscaler_takes_the_replicas_over() -> None:
    objects = DOHYO.render({"gateway": {"autoscaling": {"enabled": True}}})

    assert "replicas" not in one(objects, "Deployment", "dohyo-gateway")["spec"]
    scaler = one(objects, "HorizontalPodAutoscaler", "dohyo-gateway")["spec"]
    assert scaler["scaleTargetRef"]["name"] == "dohyo-gateway"
    assert scaler["metrics"][0]["containerResource"]["container"] == "envoy"


def test_programs_understand_what_the_chart_tells_them() -> None:
    """The operator's and the agent's own readers take the rendered environment."""
    fields = {"DOHYO_NAMESPACE": "dohyo-system", "DOHYO_POD_NAME": "pod"}
    operator = plain_environment(container(pod("dohyo-operator", every_option()), "operator"))
    agent = plain_environment(container(pod("dohyo-gateway", every_option()), "agent"))

    told = configuration([], operator | fields)
    assert told.watched == ("shop", "search")
    assert told.lease == "arena-operator"
    assert told.workers == 8
    assert told.log_format == "json"
    assert told.settings.gateway_service == "arena-gateway"
    assert told.settings.gateway_host == "arena-gateway.dohyo-system.svc.cluster.example"
    assert told.settings.drain_seconds == 20
    assert told.settings.allow_host_access is True
    assert told.settings.windows == ScalingWindows(120, 12, 300)
    settings = read_settings(agent | fields)
    assert settings.watch_namespaces == ("search", "shop")
    assert settings.service == "arena-gateway"
    assert settings.pin_allowed is False
    assert settings.drain_seconds == 60
    assert settings.max_connections == 1_000_000
    assert settings.folder == Path("/var/run/dohyo/envoy")
    assert settings.log_level == told.log_level == "debug"
