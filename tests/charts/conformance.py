"""Kubernetes' own schemas, strict, and kubeconform to check objects against them.

The schemas are made from the description of the API that ships in Kubernetes' source, so neither
a cluster nor a download at test time is needed.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from cluster import go_toolchain, paths, products, programs, tools, versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.charts.rendering import Object

DEFINITIONS = "_definitions.json"
# Bump when the rules below change.
RULES = "2"
# Their schemas are not in Kubernetes; a test of its own looks at them.
FOREIGN = ("PodMonitor", "ServiceMonitor", "PrometheusRule")


def complaints(objects: Sequence[Object], definitions: Iterable[Object], work: Path) -> list[str]:
    """What kubeconform has against the objects; empty when all is well.

    `definitions` are CustomResourceDefinitions that the objects may be of; `work` is a folder
    for files.
    """
    custom = work / "custom"
    custom.mkdir(exist_ok=True)
    for definition in definitions:
        _write_custom(definition, custom)
    manifests = work / "objects.yaml"
    manifests.write_text(yaml.safe_dump_all(objects))
    name = "{{ .ResourceKind }}{{ .KindSuffix }}.json"
    done = programs.attempt(
        [
            *(tools.ensure("kubeconform"), "-strict", "-output", "json"),
            *("-schema-location", f"{_schemas()}/{name}", "-schema-location", f"{custom}/{name}"),
            *("-skip", ",".join(FOREIGN), str(manifests)),
        ],
        programs.Surroundings(limit_seconds=120),
    )
    resources = json.loads(done.stdout)["resources"]
    return [f"{r['kind']} {r['name']}: {r['msg']}" for r in resources]


@cache
def _schemas() -> Path:
    """The folder of one schema file per kind, made once for each version of Kubernetes."""
    folder = paths.cache() / "schemas" / products.key(versions.KUBERNETES, RULES)
    if not folder.exists():
        source = go_toolchain.module_folder("k8s.io/kubernetes", versions.KUBERNETES)
        swagger = json.loads((source / "api" / "openapi-spec" / "swagger.json").read_text())
        with products.file_in_making(folder) as unfinished:
            unfinished.mkdir()
            _write_kubernetes(swagger["definitions"], unfinished)
    return folder


def _write_kubernetes(definitions: dict[str, Any], folder: Path) -> None:
    strict = {name: _strict(definition) for name, definition in definitions.items()}
    strict["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = {"type": ["string", "integer"]}
    strict["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
    (folder / DEFINITIONS).write_text(json.dumps({"definitions": strict}))
    for name, definition in definitions.items():
        for kind in definition.get("x-kubernetes-group-version-kind", []):
            group = kind["group"].split(".")[0]
            parts = [kind["kind"].lower(), *filter(None, [group]), kind["version"]]
            reference = {"$ref": f"{DEFINITIONS}#/definitions/{name}"}
            (folder / f"{'-'.join(parts)}.json").write_text(json.dumps(reference))


def _write_custom(definition: Object, folder: Path) -> None:
    spec = definition["spec"]
    for version in spec["versions"]:
        schema = _strict(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}
        group = spec["group"].split(".")[0]
        name = f"{spec['names']['kind'].lower()}-{group}-{version['name']}.json"
        (folder / name).write_text(json.dumps(schema))


def _strict(schema: Any) -> Any:
    """The schema with unknown keys refused, as the API server does with strict field checks."""
    if isinstance(schema, list):
        return [_strict(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    result = {
        # The keys of `properties` are names, not words of JSON Schema.
        key: {name: _strict(child) for name, child in value.items()}
        if key == "properties"
        else _strict(value)
        for key, value in schema.items()
    }
    if result.pop("x-kubernetes-int-or-string", False):
        result["type"] = ["string", "number"]
    if "properties" in result and not result.get("x-kubernetes-preserve-unknown-fields"):
        result.setdefault("additionalProperties", False)
    return result
