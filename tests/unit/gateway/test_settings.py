"""The agent's environment."""

from __future__ import annotations

import pytest

from dohyo.contract.environment import VariableError
from dohyo_gateway.settings import read_settings

NEEDED = {"DOHYO_NAMESPACE": "dohyo-system", "DOHYO_POD_NAME": "dohyo-gateway-0"}


def test_defaults() -> None:
    settings = read_settings(NEEDED)
    assert settings.watch_namespaces == ()
    assert (settings.service, settings.cluster_domain) == ("dohyo-gateway", "cluster.local")
    assert settings.pin_allowed
    assert str(settings.folder) == "/var/run/dohyo/envoy"
    assert settings.max_heap_bytes is None


def test_what_the_chart_sets() -> None:
    settings = read_settings(
        {
            **NEEDED,
            "DOHYO_WATCH_NAMESPACES": "shop, bank,",
            "DOHYO_PIN_ALLOWED": "false",
            "DOHYO_DRAIN_SECONDS": "45",
            "DOHYO_CLUSTER_DOMAIN": "corp.example.",
        }
    )
    assert settings.watch_namespaces == ("bank", "shop")
    assert (settings.pin_allowed, settings.drain_seconds) == (False, 45.0)
    assert settings.cluster_domain == "corp.example"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DOHYO_NAMESPACE": "x"}, "DOHYO_POD_NAME is not set"),
        ({**NEEDED, "DOHYO_PIN_ALLOWED": "maybe"}, "DOHYO_PIN_ALLOWED='maybe'"),
        ({**NEEDED, "DOHYO_DRAIN_SECONDS": "long"}, "DOHYO_DRAIN_SECONDS='long'"),
        ({**NEEDED, "DOHYO_LOG_LEVEL": "loud"}, "DOHYO_LOG_LEVEL='loud' is not one of debug"),
        ({**NEEDED, "DOHYO_EVIDENCE_ADDRESS": "evidence"}, "DOHYO_EVIDENCE_ADDRESS='evidence'"),
        ({**NEEDED, "DOHYO_DRAIN_SECONDS": "nan"}, "DOHYO_DRAIN_SECONDS='nan'"),
    ],
)
def test_mistakes_are_named(environment: dict[str, str], said: str) -> None:
    with pytest.raises(VariableError, match=said):
        read_settings(environment)
