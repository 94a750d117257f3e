"""Events on a resource of ours, where `kubectl describe` shows them."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from dohyo.api.conditions import rfc3339
from dohyo.cluster.errors import ApiError
from dohyo.cluster.kinds import EVENT, MODEL_DEPLOYMENT, kind_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from dohyo.cluster.kinds import Kind
    from dohyo.cluster.objects import Objects
    from dohyo.status.events import Event

log = logging.getLogger(__name__)

_COMPONENT = "dohyo-operator"
_REMEMBERED = 4096


class Recorder:
    """Writes events; one that was written before is counted up instead of written again."""

    def __init__(self, client: Objects, instance: str, now: Callable[[], datetime]) -> None:
        self._client = client
        self._instance = instance
        self._now = now
        self._counts: OrderedDict[str, int] = OrderedDict()

    async def record(self, about: Mapping[str, Any], events: Iterable[Event]) -> None:
        """Tells what happened. An event that cannot be written is logged and given up."""
        for event in events:
            try:
                kind = kind_named(about.get("kind", MODEL_DEPLOYMENT.name))
                await self._record(kind, about["metadata"], event)
            except ApiError as error:
                if error.ending:
                    return
                log.warning("event %s could not be written: %s", event.reason, error)

    async def _record(self, kind: Kind, about: Mapping[str, Any], event: Event) -> None:
        name = _name(about, event)
        count = self._counts.get(name, 0)
        if count == 0:
            try:
                await self._client.create(EVENT, self._manifest(name, kind, about, event))
            except ApiError as error:
                if not error.conflict:
                    raise
                # Written before this process began; from now on it is counted.
                count = 1
        if count > 0:
            await self._count_up(name, kind, about, event, count + 1)
        self._counts[name] = count + 1
        self._counts.move_to_end(name)
        if len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)

    async def _count_up(
        self, name: str, kind: Kind, about: Mapping[str, Any], event: Event, count: int
    ) -> None:
        patch = {"count": count, "lastTimestamp": rfc3339(self._now())}
        try:
            await self._client.merge(EVENT, about["namespace"], name, patch)
        except ApiError as error:
            if not error.absent:
                raise
            # The API server forgets events after an hour.
            await self._client.create(EVENT, self._manifest(name, kind, about, event))

    def _manifest(
        self, name: str, kind: Kind, about: Mapping[str, Any], event: Event
    ) -> dict[str, Any]:
        now = rfc3339(self._now())
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.name,
            "metadata": {"name": name, "namespace": about["namespace"]},
            "involvedObject": {
                "apiVersion": kind.api_version,
                "kind": kind.name,
                "namespace": about["namespace"],
                "name": about["name"],
                "uid": about["uid"],
                "resourceVersion": about["resourceVersion"],
            },
            "type": event.type,
            "reason": event.reason,
            "message": event.message,
            "source": {"component": _COMPONENT},
            "reportingComponent": _COMPONENT,
            "reportingInstance": self._instance,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }


def _name(about: Mapping[str, Any], event: Event) -> str:
    """The same for the same event about the same object, so that it is never written twice."""
    text = "\n".join((about["uid"], event.type, event.reason, event.message))
    return f"{about['name']}.{hashlib.sha256(text.encode()).hexdigest()[:16]}"
