"""Pods → why a version is not ready, in words a person can act on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dohyo.api.conditions import Reason, shortened
from dohyo.contract import FETCH_CONTAINER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# A bento that has not started by then is worth a word; it may still come.
SLOW_START_SECONDS = 60.0

_IMAGE_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
)
_CONFIG_REASONS = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)


@dataclass(frozen=True)
class Trouble:
    """What keeps a pod from answering.

    Attributes:
        reason: of the condition, in one word.
        message: Kubernetes' own word for it and what it said, at most 512 bytes.
        severity: the pod to be told of first has the highest.
    """

    reason: Reason
    message: str
    severity: int


def trouble(pods: Iterable[Mapping[str, Any]], now: datetime) -> Trouble | None:
    """The worst that is known of these pods; None when each is fine or merely starting."""
    found = [t for pod in pods if (t := _of_pod(pod, now)) is not None]
    return max(found, key=lambda t: t.severity) if found else None


def next_look(pods: Iterable[Mapping[str, Any]], now: datetime) -> float | None:
    """Seconds until a container that is still starting becomes worth a word; None without any."""
    ages = [
        age
        for pod in pods
        for age in (
            *(_age_unstarted(c, now) for c in pod.get("status", {}).get("containerStatuses", ())),
            *(_age(c, now) for c in pod.get("status", {}).get("initContainerStatuses", ())),
        )
    ]
    waits = [SLOW_START_SECONDS - age for age in ages if age is not None]
    return min((wait for wait in waits if wait > 0), default=None)


def _age_unstarted(container: Mapping[str, Any], now: datetime) -> float | None:
    return None if container.get("started") else _age(container, now)


def _age(container: Mapping[str, Any], now: datetime) -> float | None:
    """Seconds that a container runs; None when it does not."""
    since = container.get("state", {}).get("running", {}).get("startedAt")
    return (now - datetime.fromisoformat(since)).total_seconds() if since else None


def _of_pod(pod: Mapping[str, Any], now: datetime) -> Trouble | None:
    if "deletionTimestamp" in pod["metadata"]:
        return None
    return _unschedulable(pod) or _of_containers(pod, now) or _evicted(pod)


def _unschedulable(pod: Mapping[str, Any]) -> Trouble | None:
    for condition in pod.get("status", {}).get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return _trouble(Reason.UNSCHEDULABLE, "Unschedulable", condition.get("message"), 3)
    return None


def _evicted(pod: Mapping[str, Any]) -> Trouble | None:
    status = pod.get("status", {})
    if status.get("phase") != "Failed":
        return None
    word = status.get("reason", "Failed")
    return _trouble(Reason.CONTAINER_CRASHES, word, status.get("message"), 2)


def _of_containers(pod: Mapping[str, Any], now: datetime) -> Trouble | None:
    status = pod.get("status", {})
    found = [
        *(_of_init_container(state, now) for state in status.get("initContainerStatuses", ())),
        *(_of_container(state, now) for state in status.get("containerStatuses", ())),
    ]
    return max((t for t in found if t is not None), key=lambda t: t.severity, default=None)


def _of_init_container(container: Mapping[str, Any], now: datetime) -> Trouble | None:
    """It is not probed: it runs, ends well, or fails and is run again."""
    running = container.get("state", {}).get("running")
    fetches = container.get("name") == FETCH_CONTAINER
    trouble = _of_container(container, now) if running is None else _last_failure(container)
    if trouble is not None:
        if fetches and trouble.reason is Reason.CONTAINER_CRASHES:
            return replace(trouble, reason=Reason.BENTO_NOT_AVAILABLE)
        return trouble
    age = _age(container, now)
    if age is None or age < SLOW_START_SECONDS:
        return None
    since = (running or {}).get("startedAt")
    if fetches:
        message = f"fetches its bento since {since}"
        return _trouble(Reason.BENTO_NOT_AVAILABLE, "Fetching", message, 1)
    message = f"its init container {container.get('name')} runs since {since}"
    return _trouble(Reason.CONTAINER_CRASHES, "Initializing", message, 1)


def _last_failure(container: Mapping[str, Any]) -> Trouble | None:
    """What ended the run before this one, as the next one will most likely end the same way."""
    ended = container.get("lastState", {}).get("terminated")
    if ended is None or ended.get("exitCode", 0) == 0:
        return None
    return _ended(ended, "Error")


def _of_container(container: Mapping[str, Any], now: datetime) -> Trouble | None:
    state, last = container.get("state", {}), container.get("lastState", {})
    waiting = state.get("waiting", {})
    ended = state.get("terminated") or last.get("terminated")
    word = waiting.get("reason", "")
    if word in _IMAGE_REASONS:
        return _trouble(Reason.IMAGE_NOT_AVAILABLE, word, waiting.get("message"), 5)
    if word in _CONFIG_REASONS:
        return _trouble(Reason.CONTAINER_CRASHES, word, waiting.get("message"), 5)
    if container.get("ready"):
        return None
    if word == "CrashLoopBackOff" or _has_failed(ended):
        return _ended(ended, word or "Error")
    return _unready(state.get("running"), container, now)


def _has_failed(ended: Mapping[str, Any] | None) -> bool:
    return ended is not None and (
        ended.get("exitCode", 0) != 0 or ended.get("reason") == "OOMKilled"
    )


def _ended(ended: Mapping[str, Any] | None, word: str) -> Trouble:
    if ended is not None and ended.get("reason") == "OOMKilled":
        return _trouble(Reason.OUT_OF_MEMORY, "OOMKilled", "raise resources.limits.memory", 4)
    return _trouble(Reason.CONTAINER_CRASHES, word, _last_words(ended), 4)


def _unready(
    running: Mapping[str, Any] | None, container: Mapping[str, Any], now: datetime
) -> Trouble | None:
    if running is None:
        return None
    since = running.get("startedAt", "")
    if container.get("started"):
        message = f"runs since {since}, but its readiness probe GET /readyz fails"
        return _trouble(Reason.PROBE_FAILS, "NotReady", message, 1)
    age = _age_unstarted(container, now)
    if (age is None or age < SLOW_START_SECONDS) and not container.get("restartCount"):
        return None
    message = f"runs since {since}, but its startup probe GET /readyz has not passed yet"
    return _trouble(Reason.PROBE_FAILS, "NotStarted", message, 1)


def _last_words(ended: Mapping[str, Any] | None) -> str:
    if ended is None:
        return ""
    lines = [line.strip() for line in ended.get("message", "").splitlines() if line.strip()]
    code = f"exit code {ended.get('exitCode')}"
    return f"{code}: {lines[-1]}" if lines else code


def _trouble(reason: Reason, word: str, said: str | None, severity: int) -> Trouble:
    return Trouble(reason, shortened(f"{word}: {said}" if said else word), severity)
