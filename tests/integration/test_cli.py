"""`dohyo get` and `dohyo status` on a real API server, and what they say when it is away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from dohyo.contract import GROUP, PLURAL
from tests.harness.access import project_access
from tests.harness.commands import kubectl, run
from tests.harness.installation import CRDS
from tests.integration.held import held

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "satisfaction"


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


def dohyo(*arguments: str, kubeconfig: Path | None = None) -> Ended:
    """The program as a user runs it, with the cluster in KUBECONFIG."""
    chosen = kubeconfig or project_access().kubeconfig
    done = subprocess.run(
        [sys.executable, "-m", "dohyo.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "KUBECONFIG": str(chosen)},
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def a_version(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "bento": f"satisfaction:{name}", "image": f"m:{name}", **fields}


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    """A namespace with one ModelDeployment whose status says that its challenger fails."""
    CRDS.install()
    kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{PLURAL}.{GROUP}")
    name = f"dohyo-cli-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    resource = {
        "apiVersion": "dohyo.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": NAME},
        "spec": {
            "champion": a_version("v12"),
            "challengers": [a_version("v13", weight=12.5)],
        },
    }
    with held(resource, a_status(), name):
        yield name
    kubectl("delete", "namespace", name, "--wait=false")


def a_status() -> dict[str, Any]:
    return {
        "observedGeneration": 1,
        "url": f"http://{NAME}.shop",
        "champion": "v12",
        "versions": [
            {
                "name": "v12",
                "role": "champion",
                "bento": "satisfaction:v12",
                "weight": 100,
                "replicas": 2,
                "readyReplicas": 2,
                "state": "Ready",
            },
            {
                "name": "v13",
                "role": "challenger",
                "bento": "satisfaction:v13",
                "weight": 0,
                "replicas": 1,
                "state": "Failed",
                "reason": "ImagePullBackOff",
                "message": "m:v13 cannot be pulled",
            },
        ],
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "observedGeneration": 1,
                "lastTransitionTime": "2026-11-22T12:00:00Z",
                "reason": "ImageNotAvailable",
                "message": "v13: m:v13 cannot be pulled",
            }
        ],
    }


def test_the_list_says_who_serves_and_why_not(namespace: str) -> None:
    ended = dohyo("get", "-n", namespace)
    assert (ended.code, ended.err) == (0, "")
    heading, line = ended.out.splitlines()
    assert heading.split()[:3] == ["NAMESPACE", "NAME", "CHAMPION"]
    assert line.split()[:7] == [
        namespace, NAME, "v12", "v13", "0", "False", "ImageNotAvailable",
    ]  # fmt: skip
    assert line.endswith("v13: m:v13 cannot be pulled")


def test_the_list_of_all_namespaces_for_machines(namespace: str) -> None:
    ended = dohyo("get", "--all-namespaces", "--output", "json")
    assert ended.code == 0
    (ours,) = [line for line in json.loads(ended.out) if line["namespace"] == namespace]
    assert ours["challengers"] == ["v13"]
    assert ours["ready"] == "False"


def test_the_standing_names_each_version_and_its_trouble(namespace: str) -> None:
    ended = dohyo("status", NAME, "-n", namespace)
    assert (ended.code, ended.err) == (0, "")
    words = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert (
        words[0] == f"{NAME} in {namespace}: not ready "
        "(ImageNotAvailable: v13: m:v13 cannot be pulled)"
    )
    assert "v12 champion 100 % 2/2 Ready satisfaction:v12 -" in words
    assert (
        "v13 challenger 0 % 0/1 Failed satisfaction:v13 ImagePullBackOff: m:v13 cannot be pulled"
        in words
    )


def test_the_standing_for_machines_is_the_stored_status(namespace: str) -> None:
    ended = dohyo("status", NAME, "-n", namespace, "--output", "json")
    assert json.loads(ended.out)["status"] == a_status()


def test_kubectl_finds_the_plugin(namespace: str) -> None:
    scripts = str(project_access().kubeconfig.parents[1] / ".venv/bin")
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    assert f"{NAME} in {namespace}" in kubectl_with(path, "dohyo", "status", NAME, "-n", namespace)


def kubectl_with(path: str, *arguments: str) -> str:
    """`kubectl` with a path on which it looks for plugins."""
    return run("env", f"PATH={path}", "kubectl", *arguments)


def test_the_namespace_of_the_context_is_taken(namespace: str, tmp_path: Path) -> None:
    config = yaml.safe_load(project_access().kubeconfig.read_text())
    for context in config["contexts"]:
        context["context"]["namespace"] = namespace
    chosen = written(tmp_path, config)
    assert dohyo("status", NAME, kubeconfig=chosen).code == 0
    # An empty namespace is no error of a list.
    ended = dohyo("get", "-n", "kube-public", kubeconfig=chosen)
    assert (ended.code, ended.out) == (0, "no ModelDeployments in namespace kube-public\n")


def written(folder: Path, config: dict[str, Any]) -> Path:
    path = folder / "config"
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o600)
    return path


def one_line(ended: Ended) -> str:
    """The only line of a failure."""
    assert ended.code == 1
    assert ended.out == ""
    (line,) = ended.err.splitlines()
    assert line.startswith("dohyo: ")
    return line


def test_a_name_that_is_not_there_gets_the_nearest(namespace: str) -> None:
    line = one_line(dohyo("status", "satisfacton", "-n", namespace))
    assert line == (
        f"dohyo: no ModelDeployment satisfacton in namespace {namespace}; did you mean {NAME}?"
    )
    assert "there is none in that namespace" in one_line(dohyo("status", NAME, "-n", "kube-public"))


def test_a_server_without_the_definition_is_told(tmp_path: Path) -> None:
    # Below an unknown prefix the API server knows nothing at all.
    config = with_server(lambda server: f"{server}/nothing-here")
    line = one_line(dohyo("get", kubeconfig=written(tmp_path, config)))
    assert "it has no ModelDeployments; install the chart dohyo-crds" in line


def test_a_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    config = with_server(lambda _: "https://127.0.0.1:1")
    line = one_line(dohyo("get", kubeconfig=written(tmp_path, config)))
    assert line.startswith("dohyo: cannot reach https://127.0.0.1:1: ")
    assert "set KUBECONFIG" in line


def with_server(change: Any) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(project_access().kubeconfig.read_text())
    for cluster in config["clusters"]:
        cluster["cluster"]["server"] = change(cluster["cluster"]["server"])
    return config


def test_somebody_without_rights_is_told(namespace: str, tmp_path: Path) -> None:
    kubectl("create", "serviceaccount", "guest", "--namespace", namespace)
    token = kubectl("create", "token", "guest", "--namespace", namespace).strip()
    line = one_line(dohyo("get", "-n", namespace, kubeconfig=written(tmp_path, as_user(token))))
    assert "cannot list resource" in line
    assert line.endswith("ask for the right to get and list modeldeployments")
    line = one_line(dohyo("get", kubeconfig=written(tmp_path, as_user("nonsense"))))
    assert "does not accept the credentials" in line


def as_user(token: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(project_access().kubeconfig.read_text())
    for user in config["users"]:
        user["user"] = {"token": token}
    return config
