"""What a process is told, and what it says of nonsense."""

from __future__ import annotations

from pathlib import Path

import pytest

from dohyo.configuration import configuration
from dohyo.contract.environment import VariableError
from dohyo.plan.settings import Runtime


def test_defaults() -> None:
    config = configuration([], {})
    assert config.namespace == "dohyo-system"
    assert config.scopes == (None,)
    assert config.lease == "dohyo-operator"
    assert config.port == 8081
    assert config.settings.gateway_host == "dohyo-gateway.dohyo-system.svc.cluster.local"
    assert config.settings.windows.stable == 60.0
    assert not config.settings.allow_host_access
    assert config.settings.runtime == Runtime()
    assert config.master_keys is None


def test_every_variable_is_read() -> None:
    config = configuration(
        ["--port", "9000", "--kubeconfig", "/k"],
        {
            "DOHYO_NAMESPACE": "ring",
            "DOHYO_POD_NAME": "op-0",
            "DOHYO_LEASE": "ring-operator",
            "DOHYO_WATCH_NAMESPACES": "shop, lab,shop,",
            "DOHYO_GATEWAY_SERVICE": "gate",
            "DOHYO_GATEWAYS": "127.0.0.1:1,127.0.0.1:2",
            "DOHYO_CLUSTER_DOMAIN": "corp",
            "DOHYO_DRAIN_SECONDS": "2.5",
            "DOHYO_ALLOW_HOST_ACCESS": "true",
            "DOHYO_SCALING_STABLE_SECONDS": "15",
            "DOHYO_SCALING_PANIC_SECONDS": "3",
            "DOHYO_SCALING_DOWN_DELAY_SECONDS": "10",
            "DOHYO_WORKERS": "4",
            "DOHYO_EVIDENCE_URL": "http://evidence:8082/",
            "DOHYO_PROMETHEUS_URL": "https://prometheus",
            "DOHYO_EVIDENCE_SECONDS": "2",
            "DOHYO_WARM_SECONDS": "60",
            "DOHYO_LOG_LEVEL": "Debug",
            "DOHYO_LOG_FORMAT": "json",
            "DOHYO_PORT": "8000",
            "DOHYO_MASTER_KEYS": "/keys",
            "DOHYO_RUNTIME_IMAGE": "r:1",
            "DOHYO_RUNTIME_PULL_POLICY": "Always",
            "DOHYO_IMAGE_VOLUMES": "true",
            "DOHYO_BENTO_CACHE": '{"emptyDir": {}}',
            "DOHYO_BENTO_CACHE_GIGABYTES": "3",
            "DOHYO_MOST_BENTO_GIGABYTES": "2",
            "DOHYO_PLAIN_REGISTRIES": "a:1,b:2",
        },
    )
    assert config.watched == config.scopes == ("shop", "lab")
    assert config.gateways == ("127.0.0.1:1", "127.0.0.1:2")
    assert config.identity.startswith("op-0_")
    assert (config.port, config.kubeconfig, config.workers) == (9000, "/k", 4)
    assert (config.lease, config.log_level, config.log_format) == ("ring-operator", "debug", "json")
    assert config.settings.gateway_host == "gate.ring.svc.corp"
    assert config.settings.drain_seconds == 2.5
    assert config.settings.allow_host_access
    assert (config.sources.evidence, config.sources.prometheus) == (
        "http://evidence:8082",
        "https://prometheus",
    )
    assert (config.sources.period_seconds, config.settings.warm_seconds) == (2, 60)
    windows = config.settings.windows
    assert (windows.stable, windows.panic, windows.scale_down_delay) == (15.0, 3.0, 10.0)
    assert config.master_keys == config.sources.keys == Path("/keys")
    assert config.settings.runtime == Runtime(
        image="r:1",
        pull_policy="Always",
        image_volumes=True,
        cache={"emptyDir": {}},
        cache_gigabytes=3,
        most_bento_gigabytes=2,
        plain_registries=("a:1", "b:2"),
        has_keys=True,
        evidence_url="http://evidence:8082",
    )


def test_two_processes_never_are_the_same_candidate() -> None:
    environ = {"DOHYO_POD_NAME": "op-0"}
    assert configuration([], environ).identity != configuration([], environ).identity


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOHYO_DRAIN_SECONDS", "soon"),
        ("DOHYO_DRAIN_SECONDS", "-1"),
        ("DOHYO_DRAIN_SECONDS", "inf"),
        ("DOHYO_SCALING_PANIC_SECONDS", "nan"),
        ("DOHYO_WORKERS", "0"),
        ("DOHYO_WORKERS", "many"),
        ("DOHYO_ALLOW_HOST_ACCESS", "perhaps"),
        ("DOHYO_EVIDENCE_URL", "evidence:8082"),
        ("DOHYO_LOG_LEVEL", "loud"),
        ("DOHYO_LOG_FORMAT", "xml"),
    ],
)
def test_nonsense_is_refused_by_name_and_value(name: str, value: str) -> None:
    with pytest.raises(VariableError, match=f"{name}='{value}'"):
        configuration([], {name: value})
