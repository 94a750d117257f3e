"""The one cluster that tests may touch, and the way to it."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from cluster import paths

if TYPE_CHECKING:
    from pathlib import Path


class ForeignClusterError(Exception):
    """The kubeconfig leads somewhere that is not the project's own."""


@dataclass(frozen=True)
class Access:
    """How to reach the API server: its address and the credentials of a kubeconfig."""

    kubeconfig: Path
    server: str
    authority: bytes
    certificate: bytes | None
    key: bytes | None
    token: str | None


def project_access() -> Access:
    """The access of `build/kubeconfig`.

    Raises:
        ForeignClusterError: there is no such file, or its context is not the project's.
    """
    path = paths.KUBECONFIG
    if not path.exists():
        raise ForeignClusterError(f"{path} does not exist; run `make cluster`")
    document = yaml.safe_load(path.read_text())
    allowed = {paths.CONTEXT, _chosen_context() or paths.CONTEXT}
    context = document.get("current-context")
    if context not in allowed:
        raise ForeignClusterError(
            f"{path} is set to the context {context!r}; tests touch only {sorted(allowed)}:"
            " run `make cluster`"
        )
    return _access(path, document)


def _chosen_context() -> str | None:
    """The context of the cluster that the user chose with DOHYO_KUBECONFIG."""
    chosen = os.environ.get("DOHYO_KUBECONFIG")
    if not chosen:
        return None
    with open(chosen) as file:  # noqa: PTH123 - may be any path a shell accepts
        context: str | None = yaml.safe_load(file).get("current-context")
    return context


def _access(path: Path, document: dict[str, Any]) -> Access:
    context = _named(document["contexts"], document["current-context"])["context"]
    cluster = _named(document["clusters"], context["cluster"])["cluster"]
    user = _named(document["users"], context["user"])["user"]
    return Access(
        kubeconfig=path,
        server=cluster["server"],
        authority=base64.b64decode(cluster["certificate-authority-data"]),
        certificate=_decoded(user.get("client-certificate-data")),
        key=_decoded(user.get("client-key-data")),
        token=user.get("token"),
    )


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
