"""What a version's podTemplate may not ask for: access to the node and rights of others.

The schema keeps podTemplate free-form, so neither CEL nor the API server sees into it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dohyo.api.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dohyo.api.modeldeployment import ModelDeploymentSpec

_WAY_OUT: Final = "remove it, or let the installation allow it with the chart value allowHostAccess"
_HOST_NAMESPACES: Final = ("hostNetwork", "hostPID", "hostIPC")
_ACCOUNTS: Final = ("serviceAccountName", "serviceAccount")
_KNOWN: Final = ("metadata", "spec")


# Place below podTemplate and text for the reference page.
REFUSED_WITHOUT_HOST_ACCESS: Final = (
    *((f"spec.{key}", "opens the node to the model") for key in _HOST_NAMESPACES),
    ("spec.volumes[].hostPath", "opens the node's files to the model"),
    ("spec.containers[].ports[].hostPort", "takes a port of the node"),
    *((f"spec.{key}", "gives the model the rights of another account") for key in _ACCOUNTS),
    (
        "spec.containers[].securityContext",
        "privileged, allowPrivilegeEscalation, added capabilities or root",
    ),
)


def pod_template_violations(
    spec: ModelDeploymentSpec, *, allow_host_access: bool
) -> Iterator[Violation]:
    """What is wrong in the pod templates.

    Args:
        spec: whose versions are looked at.
        allow_host_access: permits host paths, host namespaces, privileges and service accounts.
    """
    places = ["spec.champion", *(f"spec.challengers[{i}]" for i in range(len(spec.challengers)))]
    for place, version in zip(places, spec.versions, strict=True):
        yield from template_violations(
            version.pod_template, f"{place}.podTemplate", allow_host_access=allow_host_access
        )


def template_violations(
    template: dict[str, Any], path: str, *, allow_host_access: bool
) -> Iterator[Violation]:
    """What is wrong in one pod template that stands at the path."""
    yield from _shape(template, path)
    pod = template.get("spec")
    if isinstance(pod, dict) and not allow_host_access:
        yield from _pod(pod, f"{path}.spec")


def _shape(template: dict[str, Any], path: str) -> Iterator[Violation]:
    for key, value in template.items():
        if key not in _KNOWN:
            way_out = f"a pod template has metadata and spec; write podTemplate.spec.{key}"
            yield Violation(f"{path}.{key}", None, "has no effect there", way_out)
        elif not isinstance(value, dict | None):
            yield Violation(f"{path}.{key}", value, "is not a map")


def _pod(pod: dict[str, Any], path: str) -> Iterator[Violation]:
    for key in _HOST_NAMESPACES:
        if pod.get(key):
            yield Violation(f"{path}.{key}", pod[key], "opens the node to the model", _WAY_OUT)
    for key in _ACCOUNTS:
        if pod.get(key) not in {None, "", "default"}:
            message = "gives the model the rights of another account"
            yield Violation(f"{path}.{key}", pod[key], message, _WAY_OUT)
    for index, volume in _items(pod, "volumes"):
        if volume.get("hostPath") is not None:
            where = f"{path}.volumes[{index}].hostPath"
            yield Violation(where, None, "opens the node's files to the model", _WAY_OUT)
    yield from _security(pod, path)
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for index, container in _items(pod, kind):
            yield from _security(container, f"{path}.{kind}[{index}]")
            yield from _ports(container, f"{path}.{kind}[{index}]")


def _security(holder: dict[str, Any], path: str) -> Iterator[Violation]:
    context = holder.get("securityContext")
    if not isinstance(context, dict):
        return
    where = f"{path}.securityContext"
    for key in ("privileged", "allowPrivilegeEscalation"):
        if context.get(key):
            message = "gives the model rights of the node"
            yield Violation(f"{where}.{key}", context[key], message, _WAY_OUT)
    if context.get("runAsUser") == 0 or context.get("runAsNonRoot") is False:
        yield Violation(where, None, "lets the model run as root", _WAY_OUT)
    capabilities = context.get("capabilities")
    if isinstance(capabilities, dict) and capabilities.get("add"):
        message = "gives the model rights of the node"
        yield Violation(f"{where}.capabilities.add", capabilities["add"], message, _WAY_OUT)


def _ports(container: dict[str, Any], path: str) -> Iterator[Violation]:
    for index, port in _items(container, "ports"):
        if port.get("hostPort"):
            where = f"{path}.ports[{index}].hostPort"
            yield Violation(where, port["hostPort"], "takes a port of the node", _WAY_OUT)


def _items(holder: dict[str, Any], key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    listed = holder.get(key)
    if isinstance(listed, list):
        for index, item in enumerate(listed):
            if isinstance(item, dict):
                yield index, item
