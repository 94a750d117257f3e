"""The example of a training Job is what Kubernetes knows, and locked as the namespace demands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from cluster import paths
from dohyo.contract import BENTO_UID
from images import build
from tests.charts import conformance

if TYPE_CHECKING:
    from pathlib import Path

    from tests.charts.rendering import Object

FILE = paths.REPOSITORY / "examples" / "satisfaction" / "job.yaml"


def manifests() -> list[Object]:
    return list(yaml.safe_load_all(FILE.read_text()))


def test_kubernetes_knows_every_field(tmp_path: Path) -> None:
    assert conformance.complaints(manifests(), [], tmp_path) == []


def test_it_runs_this_release_as_the_images_user() -> None:
    (_, job) = manifests()
    pod = job["spec"]["template"]["spec"]
    containers = (*pod["initContainers"], *pod["containers"])
    assert {one["image"] for one in containers} == {build.image_name("training")}
    assert pod["securityContext"]["runAsUser"] == BENTO_UID
    for one in containers:
        assert one["securityContext"]["readOnlyRootFilesystem"] is True
        assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert one["resources"]["limits"]["memory"]


def test_its_volume_is_where_the_configuration_writes() -> None:
    (claim, job) = manifests()
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (volume,) = [one for one in pod["volumes"] if "persistentVolumeClaim" in one]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    (configuration,) = container["args"]
    assert configuration.startswith(f"{mounts[volume['name']]}/")
    name = configuration.rpartition("/")[2]
    assert (FILE.parent / name).is_file()
    home = {entry["name"]: entry.get("value") for entry in container["env"]}["BENTOML_HOME"]
    assert home.startswith(f"{mounts[volume['name']]}/")
