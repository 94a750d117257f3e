"""How a bento that a uri leads to comes into its pod: fetched by an init container, or mounted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dohyo.contract import BENTO_FOLDER, BENTO_UID, FETCH_CONTAINER

if TYPE_CHECKING:
    from dohyo.api.modeldeployment import VersionSpec
    from dohyo.plan.settings import Runtime

_VOLUME: Final = "bento"
_TARGET: Final = "/mnt/volume"
_CLAIMS: Final = "/mnt/claims"
_CACHE: Final = "/mnt/cache"
_CREDENTIALS: Final = "/mnt/credentials"
# What fetching may need; nobody wants to reserve a GPU for it.
_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage")
_DEFAULT_RESOURCES: Final = {"requests": {"cpu": "100m", "memory": "128Mi"}}
SECURITY: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def pod_security() -> dict[str, Any]:
    """Of every pod that runs a bento."""
    return {
        "runAsNonRoot": True,
        "runAsUser": BENTO_UID,
        "runAsGroup": BENTO_UID,
        "fsGroup": BENTO_UID,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


@dataclass(frozen=True)
class Delivered:
    """What a pod has for its bento, besides the container that serves it.

    Attributes:
        image: of the serving container.
        pull_policy: of that image.
        init_containers: that run before it.
        volumes: of the pod.
        mounts: of the serving container.
        pull_secrets: of the pod, for what is mounted as an image.
    """

    image: str
    pull_policy: str = "IfNotPresent"
    init_containers: tuple[dict[str, Any], ...] = ()
    volumes: tuple[dict[str, Any], ...] = ()
    mounts: tuple[dict[str, Any], ...] = ()
    pull_secrets: tuple[dict[str, Any], ...] = ()


def delivered(version: VersionSpec, runtime: Runtime) -> Delivered | None:
    """How the version's bento comes about; None where nothing can run it."""
    if version.image is not None:
        return Delivered(version.image)
    if version.uri is None or not runtime.image:
        return None
    if version.uri.startswith("oci://") and runtime.image_volumes:
        return _mounted(version, version.uri, runtime)
    return _fetched(version, version.uri, runtime)


def _mounted(version: VersionSpec, uri: str, runtime: Runtime) -> Delivered:
    """The node's own runtime pulls the image, checks its digest and shares it between pods."""
    reference = uri.removeprefix("oci://")
    if version.digest is not None and "@" not in reference:
        reference = f"{reference}@{version.digest}"
    image = {"reference": reference, "pullPolicy": "IfNotPresent"}
    secret = _secret_name(version)
    return Delivered(
        image=runtime.image,
        pull_policy=runtime.pull_policy,
        volumes=({"name": _VOLUME, "image": image},),
        mounts=({"name": _VOLUME, "mountPath": BENTO_FOLDER, "readOnly": True},),
        pull_secrets=({"name": secret},) if secret else (),
    )


def _fetched(version: VersionSpec, uri: str, runtime: Runtime) -> Delivered:
    volumes: list[dict[str, Any]] = [{"name": _VOLUME, "emptyDir": {}}]
    mounts: list[dict[str, Any]] = [{"name": _VOLUME, "mountPath": _TARGET}]
    options = ["--bento", version.bento, "--word", "/dev/termination-log"]
    options += ["--most-gigabytes", str(runtime.most_bento_gigabytes)]
    environment: dict[str, Any] = {}
    if version.digest is not None:
        options += ["--digest", version.digest]
    for registry in runtime.plain_registries:
        options += ["--plain-registry", registry]
    if secret := _secret_name(version):
        options += ["--credentials", _CREDENTIALS]
        # Optional, because a pod that waits for a volume says nowhere what it waits for; the
        # fetcher does.
        source = {"secretName": secret, "optional": True, "defaultMode": 0o440}
        volumes.append({"name": "credentials", "secret": source})
        mounts.append({"name": "credentials", "mountPath": _CREDENTIALS, "readOnly": True})
        environment = {"env": [{"name": "DOHYO_CREDENTIALS", "value": secret}]}
    if uri.startswith("pvc://"):
        claim = uri.removeprefix("pvc://").partition("/")[0]
        source = {"claimName": claim, "readOnly": True}
        volumes.append({"name": "claim", "persistentVolumeClaim": source})
        mounts.append({"name": "claim", "mountPath": f"{_CLAIMS}/{claim}", "readOnly": True})
        options += ["--claims", _CLAIMS]
    elif runtime.cache:
        options += ["--cache", _CACHE, "--cache-gigabytes", str(runtime.cache_gigabytes)]
        volumes.append({"name": "bento-cache", **runtime.cache})
        mounts.append({"name": "bento-cache", "mountPath": _CACHE})
    container = {
        "name": FETCH_CONTAINER,
        **environment,
        "image": runtime.image,
        "imagePullPolicy": runtime.pull_policy,
        "command": ["dohyo-fetch"],
        "args": [_literal(text) for text in (uri, f"{_TARGET}/bento", *options)],
        "resources": _resources(version),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": SECURITY,
        "volumeMounts": mounts,
    }
    served = {"name": _VOLUME, "mountPath": BENTO_FOLDER, "subPath": "bento", "readOnly": True}
    return Delivered(
        image=runtime.image,
        pull_policy=runtime.pull_policy,
        init_containers=(container,),
        volumes=tuple(volumes),
        mounts=(served,),
    )


def _secret_name(version: VersionSpec) -> str | None:
    return version.credentials.secret_ref.name if version.credentials is not None else None


def _resources(version: VersionSpec) -> dict[str, Any]:
    if not version.resources:
        return _DEFAULT_RESOURCES
    named: dict[str, dict[str, Any]] = {
        "requests": dict(version.resources.get("requests", {})),
        "limits": dict(version.resources.get("limits", {})),
    }
    return {
        kind: {name: amount for name, amount in amounts.items() if name in _RESOURCES}
        for kind, amounts in named.items()
        if amounts
    }


def _literal(text: str) -> str:
    """Kubernetes replaces $(NAME) in arguments unless the dollar is doubled."""
    return text.replace("$(", "$$(")
