"""Reading ModelDeployments from the cluster that the user's kubeconfig names, or the local ring."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config
from yaml import YAMLError

from dohyo.api.guessing import way_out
from dohyo.cli.complaint import Complaint
from dohyo.cli.ring_door import chosen_ring
from dohyo.cluster.errors import ApiError
from dohyo.cluster.exchange import Request, exchange
from dohyo.cluster.kinds import BATCH_PREDICTION, MODEL_DEPLOYMENT
from dohyo.contract import KIND, PLURAL

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

_NO_CLUSTER = "set KUBECONFIG, or name a file by --kubeconfig and a context by --context"
# What the library raises for files that are there and make no sense.
_UNUSABLE = (ConfigException, YAMLError, OSError, ValueError, KeyError, TypeError, AttributeError)
_NOT_INSTALLED = (
    "it has no ModelDeployments; install the chart dohyo-crds, or run "
    "`dohyo crd | kubectl apply --server-side -f -`"
)


class Door(Protocol):
    """A way to whoever keeps the objects."""

    async def exchange(self, request: Request) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            ApiError: it was refused, or there was none.
        """
        ...

    def complaint(self, error: ApiError) -> Complaint:
        """What a user is told of an error."""
        ...


@dataclass(frozen=True)
class Cluster:
    """ModelDeployments behind a door.

    Attributes:
        door: the way to them.
        namespace: that is meant when none is named.
    """

    door: Door
    namespace: str

    def all(self, namespace: str | None) -> list[dict[str, Any]]:
        """The ModelDeployments of one namespace, or of all when None.

        Raises:
            Complaint: they cannot be had.
        """
        try:
            found = self._send(Request("GET", MODEL_DEPLOYMENT.path(namespace)))
        except ApiError as error:
            raise self.door.complaint(error) from None
        items: list[dict[str, Any]] = found["items"]
        return items

    def batches(self, namespace: str) -> list[dict[str, Any]]:
        """The BatchPredictions of a namespace; none where they are unknown or may not be read."""
        try:
            found = self._send(Request("GET", BATCH_PREDICTION.path(namespace)))
        except ApiError:
            return []
        items: list[dict[str, Any]] = found["items"]
        return items

    def one(self, namespace: str, name: str) -> dict[str, Any]:
        """One ModelDeployment.

        Raises:
            Complaint: it cannot be had; names that are like it are told.
        """
        try:
            return self._send(Request("GET", MODEL_DEPLOYMENT.path(namespace, name)))
        except ApiError as error:
            if not error.absent:
                raise self.door.complaint(error) from None
        others = [item["metadata"]["name"] for item in self.all(namespace)]
        where_none = "there is none in that namespace; choose another one by --namespace"
        hint = way_out(name, others, where_none)
        raise Complaint(f"no {KIND} {name} in namespace {namespace}; {hint}")

    def annotate(self, namespace: str, name: str, annotations: Mapping[str, str]) -> None:
        """Sets annotations of one ModelDeployment.

        Raises:
            Complaint: it cannot be done.
        """
        patch = Request(
            "PATCH",
            MODEL_DEPLOYMENT.path(namespace, name),
            {"metadata": {"annotations": dict(annotations)}},
            "application/merge-patch+json",
        )
        try:
            self._send(patch)
        except ApiError as error:
            raise self.door.complaint(error) from None

    def _send(self, request: Request) -> dict[str, Any]:
        return asyncio.run(self.door.exchange(request))


@dataclass(frozen=True)
class _ApiServer:
    """The door to a cluster, with its address and the user's credentials."""

    configuration: Configuration

    async def exchange(self, request: Request) -> dict[str, Any]:
        api = ApiClient(self.configuration)
        try:
            return await exchange(api, request)
        finally:
            await api.close()

    def complaint(self, error: ApiError) -> Complaint:
        server = self.configuration.host
        if error.absent:
            return Complaint(f"{server} was reached, but {_NOT_INSTALLED}")
        if error.status == 0:
            return Complaint(f"cannot reach {server}: {error.message}; {_NO_CLUSTER}")
        if error.status == 401:
            return Complaint(f"{server} does not accept the credentials; {_NO_CLUSTER}")
        if error.status == 403:
            right = "patch" if "patch" in error.message else "get and list"
            return Complaint(f"{error.message}; ask for the right to {right} {PLURAL}")
        return Complaint(f"{server}: {error.message or error.reason}")


def cluster(arguments: Namespace) -> Cluster:
    """Whom the arguments mean.

    That is the local ring of --local or --state; else the cluster of --kubeconfig, --context or
    KUBECONFIG; else a local ring that runs, unless kubectl calls; else the cluster of the default
    kubeconfig, or around the present pod.

    Raises:
        Complaint: there is none.
    """
    ring = chosen_ring(arguments)
    if ring is not None:
        return Cluster(ring, "default")
    files = _files(arguments.kubeconfig)
    try:
        if files is None:
            return _around()
        return asyncio.run(_named(files, arguments.context))
    except _UNUSABLE as error:
        why = " ".join(str(error).split()) or type(error).__name__
        if files is not None and not isinstance(error, ConfigException | OSError):
            why = f"{files} is no kubeconfig"
        raise Complaint(f"no cluster: {why}; {_NO_CLUSTER}") from None


def _files(kubeconfig: str | None) -> str | None:
    """Existing kubeconfig files, joined as in KUBECONFIG; None is the pod's own account."""
    asked = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube/config")
    there = [part for part in asked.split(os.pathsep) if part and Path(part).is_file()]
    if there:
        return os.pathsep.join(there)
    if not kubeconfig and "KUBERNETES_SERVICE_HOST" in os.environ:
        return None
    raise Complaint(f"no cluster: there is no file {asked}; {_NO_CLUSTER}")


def _around() -> Cluster:
    configuration = Configuration()
    load_incluster_config(client_configuration=configuration)
    namespace = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace").read_text()
    return Cluster(_ApiServer(configuration), namespace.strip())


async def _named(files: str, context: str | None) -> Cluster:
    configuration = Configuration()
    loader = await load_kube_config(
        config_file=files,
        context=context,
        client_configuration=configuration,
        persist_config=False,
    )
    chosen = loader.current_context["context"]
    return Cluster(_ApiServer(configuration), chosen.get("namespace") or "default")
