"""`dohyo plan`: the objects that a file would become, without a cluster."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import yaml

from dohyo.api.resource import parse
from dohyo.cli.complaint import Complaint
from dohyo.cli.ground import ground_of
from dohyo.cli.reading import read
from dohyo.plan import desired
from dohyo.plan.observed import Observed
from dohyo.plan.settings import Runtime, Settings

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Mapping


def run(arguments: Namespace) -> int:
    """Prints the plan; remarks about the file go to standard error."""
    reading = read(
        arguments.files,
        allow_host_access=arguments.allow_host_access,
        ground=ground_of(arguments),
    )
    for remark in reading.remarks:
        print(remark, file=sys.stderr)
    if reading.errors:
        raise Complaint("nothing is planned for a file with errors")
    settings = Settings(
        gateway_namespace=arguments.gateway_namespace,
        cluster_domain=arguments.cluster_domain,
        allow_host_access=arguments.allow_host_access,
        runtime=Runtime(image=arguments.runtime_image),
    )
    manifests = [
        manifest
        for raw in reading.resources
        for manifest in _planned(raw, arguments.namespace, settings)
    ]
    if arguments.output == "json":
        document = {"apiVersion": "v1", "kind": "List", "items": manifests}
        print(json.dumps(document, indent=2))
    else:
        print(yaml.safe_dump_all(manifests, sort_keys=False, width=100), end="")
    return 0


def _planned(
    raw: Mapping[str, Any], namespace: str | None, settings: Settings
) -> Iterator[dict[str, Any]]:
    """The manifests of one resource in an empty cluster."""
    metadata = {"namespace": namespace or "default", **raw["metadata"]}
    md = parse(
        {"metadata": metadata, "spec": raw["spec"]}, allow_host_access=settings.allow_host_access
    )
    planned = desired.plan(md, Observed(), settings, datetime.now(UTC))
    for manifest in planned.manifests:
        # Without a cluster there is no owner yet whose UID could stand there.
        printed = dict(manifest["metadata"])
        printed.pop("ownerReferences", None)
        yield {**manifest, "metadata": printed}
