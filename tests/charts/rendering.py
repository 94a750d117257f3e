"""What Helm makes of the charts, as typed values in and Kubernetes objects out."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from cluster import paths, programs, tools, versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Object: TypeAlias = dict[str, Any]

CHARTS = paths.REPOSITORY / "charts"
EVERY_OPTION = Path(__file__).with_name("every-option.yaml")
NAMESPACE = "dohyo-system"
NEWEST = versions.KUBERNETES.removeprefix("v")
OLDEST = "1.30.0"

NOTES = """\
{{- define "read.notes" }}
%s
{{- end }}
kind: Notes
apiVersion: v1
metadata: {name: notes}
text: {{ include "read.notes" . | toJson }}
"""


class RefusedError(Exception):
    """Helm would not render; with what it printed."""


@dataclass(frozen=True)
class Chart:
    """A chart folder and how it is rendered."""

    folder: Path
    kubernetes: str = NEWEST
    api_versions: Sequence[str] = ()
    release: str = "dohyo"
    namespace: str = NAMESPACE

    def render(self, values: Mapping[str, Any] | None = None) -> list[Object]:
        """The objects of `helm template`.

        Raises:
            RefusedError: schema, validation or template said no.
        """
        text = _helm(
            "template",
            *(self.release, str(self.folder)),
            *("--namespace", self.namespace, "--kube-version", self.kubernetes),
            *(argument for api in self.api_versions for argument in ("--api-versions", api)),
            *("--values", "-"),
            text=json.dumps(dict(values or {})),
        )
        return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]

    def notes(self, tmp_path: Path, values: Mapping[str, Any] | None = None) -> str:
        """NOTES.txt as Helm renders it, by way of an object, as `helm template` leaves it out."""
        copy = Path(mkdtemp(dir=tmp_path)) / self.folder.name
        shutil.copytree(self.folder, copy)
        notes = copy / "templates" / "NOTES.txt"
        notes.with_name("read-notes.yaml").write_text(NOTES % notes.read_text())
        objects = Chart(copy, release=self.release, namespace=self.namespace).render(values)
        return str(one(objects, "Notes", "notes")["text"])


CRDS = Chart(CHARTS / "dohyo-crds", release="dohyo-crds")
DOHYO = Chart(CHARTS / "dohyo")
EXAMPLE = Chart(CHARTS / "dohyo-example", release="example", namespace="shop")
ALL = (CRDS, DOHYO, EXAMPLE)


def every_option() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(EVERY_OPTION.read_text())
    return loaded


def lint(chart: Chart, values: Mapping[str, Any]) -> str:
    """What `helm lint --strict` says.

    Raises:
        RefusedError: it found something.
    """
    return _helm(
        *("lint", "--strict", str(chart.folder), "--kube-version", chart.kubernetes),
        *("--values", "-"),
        text=json.dumps(dict(values)),
    )


def without_keys(objects: Sequence[Object]) -> list[Object]:
    """The same objects without the master keys, which are others each time without a cluster."""
    return [{**o, "data": sorted(o["data"])} if o["kind"] == "Secret" else o for o in objects]


def of_kind(objects: Sequence[Object], *kinds: str) -> list[Object]:
    return [o for o in objects if o["kind"] in kinds]


def one(objects: Sequence[Object], kind: str, name: str) -> Object:
    found = [o for o in of_kind(objects, kind) if o["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} objects {kind}/{name}, not one"
    return found[0]


def container(pod_spec: Mapping[str, Any], name: str) -> Object:
    containers = [*pod_spec.get("initContainers", []), *pod_spec["containers"]]
    found: Object = next(c for c in containers if c["name"] == name)
    return found


def plain_environment(of: Mapping[str, Any]) -> dict[str, str]:
    return {e["name"]: e["value"] for e in of["env"] if "value" in e}


@cache
def _helm(*arguments: str, text: str) -> str:
    done = programs.attempt(
        [tools.ensure("helm"), *arguments], programs.Surroundings(input=text, limit_seconds=60)
    )
    if done.returncode != 0:
        raise RefusedError(done.stdout + done.stderr)
    return done.stdout
