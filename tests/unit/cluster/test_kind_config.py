from __future__ import annotations

import json
import socket

import pytest

from cluster import kind_config, nodes
from cluster.errors import ClusterError
from cluster.kind_config import LOOPBACK, Layout


def test_every_port_is_published_on_loopback_by_the_control_plane() -> None:
    document = json.loads(kind_config.render(Layout(workers=2, ports={30080: 8080, 30090: 9090})))

    control_plane, *workers = document["nodes"]
    assert document["networking"]["apiServerAddress"] == LOOPBACK
    assert [(m["containerPort"], m["hostPort"]) for m in control_plane["extraPortMappings"]] == [
        (30080, 8080),
        (30090, 9090),
    ]
    assert {m["listenAddress"] for m in control_plane["extraPortMappings"]} == {LOOPBACK}
    assert workers == [{"role": "worker"}, {"role": "worker"}]


@pytest.mark.parametrize("own", [True, False])
def test_only_a_node_with_its_own_network_forgoes_kinds(own: bool) -> None:
    document = json.loads(kind_config.render(Layout(workers=0, own_network=own)))

    assert document["networking"]["disableDefaultCNI"] is own


def test_patches_are_documents_that_name_what_they_patch() -> None:
    patches = [
        json.loads(patch)
        for patch in json.loads(kind_config.render(Layout(workers=0)))["kubeadmConfigPatches"]
    ]

    assert {patch["kind"] for patch in patches} == {"ClusterConfiguration", "KubeletConfiguration"}
    assert all("/" in patch["apiVersion"] for patch in patches)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, {30080: 30080, 30090: 30090}, id="the same number unless told"),
        pytest.param({"DOHYO_GATEWAY_PORT": ""}, {30080: 30080, 30090: 30090}, id="empty is unset"),
        pytest.param(
            {"DOHYO_GATEWAY_PORT": "8080"}, {30080: 8080, 30090: 30090}, id="one is moved"
        ),
    ],
)
def test_ports_come_from_the_environment(given: dict[str, str], expected: dict[int, int]) -> None:
    assert kind_config.ports(given) == expected


@pytest.mark.parametrize("value", ["http", "0", "65536", "-1", "80.5"])
def test_what_is_no_port_is_refused_by_name_and_value(value: str) -> None:
    with pytest.raises(ClusterError, match=f"DOHYO_SPARE_PORT={value}"):
        kind_config.ports({"DOHYO_SPARE_PORT": value})


def test_a_taken_port_is_refused_with_the_way_out() -> None:
    with socket.socket() as holder:
        holder.bind((LOOPBACK, 0))
        holder.listen()
        taken = holder.getsockname()[1]

        with pytest.raises(ClusterError, match=f"{LOOPBACK}:{taken} .* DOHYO_GATEWAY_PORT="):
            nodes.check_ports({30080: taken})
    nodes.check_ports({30080: taken})
