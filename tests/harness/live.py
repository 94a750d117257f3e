"""Live objects, read and changed straight at the API server: what tests look at many times.

What a user would type goes through `kubectl` instead; a process per look would cost too much.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from dataclasses import dataclass
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from dohyo.contract import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.harness.access import Access

Object: TypeAlias = dict[str, Any]

# Where each kind lives: the path of its group, its plural.
KINDS = {
    "Namespace": ("api/v1", "namespaces"),
    "CustomResourceDefinition": ("apis/apiextensions.k8s.io/v1", "customresourcedefinitions"),
    "Node": ("api/v1", "nodes"),
    "Pod": ("api/v1", "pods"),
    "Service": ("api/v1", "services"),
    "Event": ("api/v1", "events"),
    "ServiceAccount": ("api/v1", "serviceaccounts"),
    "Deployment": ("apis/apps/v1", "deployments"),
    "ReplicaSet": ("apis/apps/v1", "replicasets"),
    "PodDisruptionBudget": ("apis/policy/v1", "poddisruptionbudgets"),
    "HorizontalPodAutoscaler": ("apis/autoscaling/v2", "horizontalpodautoscalers"),
    "EndpointSlice": ("apis/discovery.k8s.io/v1", "endpointslices"),
    "Secret": ("api/v1", "secrets"),
    "PersistentVolume": ("api/v1", "persistentvolumes"),
    "PersistentVolumeClaim": ("api/v1", "persistentvolumeclaims"),
    "Lease": ("apis/coordination.k8s.io/v1", "leases"),
    "ConfigMap": ("api/v1", "configmaps"),
    "Job": ("apis/batch/v1", "jobs"),
    "CronJob": ("apis/batch/v1", "cronjobs"),
    "ModelDeployment": (f"apis/{API_VERSION}", "modeldeployments"),
    "BatchPrediction": (f"apis/{API_VERSION}", "batchpredictions"),
}
NO_LABELS: Mapping[str, str] = {}
CLUSTER_WIDE = {"Namespace", "Node", "PersistentVolume", "CustomResourceDefinition"}
LONGEST_IDLE_SECONDS = 30.0
MERGE_PATCH = "application/merge-patch+json"


class RefusedError(Exception):
    """The API server said no, with its status code and its words."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Name:
    """Which object: its kind, its name, and its namespace if it has one."""

    kind: str
    name: str
    namespace: str | None = None


class Live:
    """The API server, with one connection per thread."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._address = urlsplit(access.server)
        self._tls = tls(access)
        self._local = threading.local()

    def get(self, name: Name) -> Object | None:
        """The object; None when there is none."""
        try:
            return self._call("GET", _path(name.kind, name.namespace, name.name))
        except RefusedError as error:
            if error.code == 404:
                return None
            raise

    def listed(
        self, kind: str, namespace: str | None = None, labels: Mapping[str, str] = NO_LABELS
    ) -> list[Object]:
        """The objects of a namespace, or of all, that carry all the labels."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        query = f"?{urlencode({'labelSelector': selector})}" if selector else ""
        items: list[Object] = self._call("GET", _path(kind, namespace) + query)["items"]
        return items

    def create(self, kind: str, namespace: str | None, manifest: Object) -> Object:
        return self._call("POST", _path(kind, namespace), manifest)

    def patch(self, name: Name, change: Object) -> Object:
        """Merges a change into the object and returns the object."""
        return self._call("PATCH", _path(name.kind, name.namespace, name.name), change)

    def delete(self, name: Name, grace_seconds: int | None = None) -> None:
        """Deletes the object; one that is gone already is as good."""
        body = {} if grace_seconds is None else {"gracePeriodSeconds": grace_seconds}
        try:
            self._call("DELETE", _path(name.kind, name.namespace, name.name), body)
        except RefusedError as error:
            if error.code != 404:
                raise

    def text(self, path: str) -> str:
        """The answer to a GET of any path, such as a pod's metrics through the proxy."""
        return self._send("GET", path, None).decode()

    def _call(self, verb: str, path: str, body: Object | None = None) -> Object:
        document: Object = json.loads(self._send(verb, path, body))
        return document

    def _send(self, verb: str, path: str, body: Object | None) -> bytes:
        headers = {"Accept": "application/json"}
        if self._access.token:
            headers["Authorization"] = f"Bearer {self._access.token}"
        if body is not None:
            headers["Content-Type"] = MERGE_PATCH if verb == "PATCH" else "application/json"
        payload = None if body is None else json.dumps(body).encode()
        connection = self._connection()
        try:
            connection.request(verb, path, payload, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._local.connection = None
            connection.close()
            raise RefusedError(0, f"{verb} {path}: {error}") from error
        if answer.status >= 300:
            raise RefusedError(answer.status, _message(content))
        return content

    def _connection(self) -> http.client.HTTPSConnection:
        connection: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        # The server closes what is idle, and a request that meets the end gets no answer.
        idle = time.monotonic() - getattr(self._local, "used_at", 0.0)
        self._local.used_at = time.monotonic()
        if connection is not None and idle > LONGEST_IDLE_SECONDS:
            connection.close()
            connection = None
        if connection is None:
            assert self._address.hostname is not None
            connection = http.client.HTTPSConnection(
                self._address.hostname, self._address.port, timeout=15, context=self._tls
            )
            self._local.connection = connection
        return connection


def _path(kind: str, namespace: str | None, name: str | None = None) -> str:
    group, plural = KINDS[kind]
    within = "" if namespace is None or kind in CLUSTER_WIDE else f"namespaces/{namespace}/"
    return f"/{group}/{within}{plural}" + ("" if name is None else f"/{quote(name)}")


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace")


def tls(access: Access) -> ssl.SSLContext:
    """What a connection to the API server is secured and authenticated with."""
    context = ssl.create_default_context(cadata=access.authority.decode())
    if access.certificate and access.key:
        # The standard library reads a client certificate from a file only.
        with NamedTemporaryFile() as file:
            file.write(access.certificate + b"\n" + access.key)
            file.flush()
            context.load_cert_chain(file.name)
    return context
