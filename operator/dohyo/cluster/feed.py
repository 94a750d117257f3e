"""Events of objects → the store and the queue: every trigger leads to the one reconcile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dohyo.cluster.kinds import RESOURCES
from dohyo.cluster.store import Key, owner_key
from dohyo.contract import BATCH_KIND, KIND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dohyo.cluster.exchange import Json
    from dohyo.cluster.kinds import Kind
    from dohyo.cluster.store import Store

# Several events of one change (a Deployment and its pods) are worth one pass.
_SETTLING_SECONDS = 0.1


class Feed:
    """Takes watch events in.

    Args:
        store: gets the objects.
        enqueue: gets the resources that they concern, and the seconds to wait.
        dependent: gives those that a resource concerns besides itself.
    """

    def __init__(
        self,
        store: Store,
        enqueue: Callable[[Key, float], None],
        dependent: Callable[[Key], Iterable[Key]] = lambda _: (),
    ) -> None:
        self._store = store
        self._enqueue = enqueue
        self._dependent = dependent

    def take(self, kind: Kind, event_type: str | None, raw: Json) -> None:
        """One event, or one object of a listing (type None)."""
        if event_type == "DELETED":
            self._store.remove(kind, raw)
            self.stir(kind, raw)
        elif self._store.put(kind, raw):
            self.stir(kind, raw)

    def stir(self, kind: Kind, raw: Json) -> None:
        """Asks for a pass over whom the object concerns."""
        for key in _concerned(kind, raw):
            self._enqueue(key, 0.0 if kind in RESOURCES else _SETTLING_SECONDS)
            if kind in RESOURCES:
                for other in self._dependent(key):
                    self._enqueue(other, _SETTLING_SECONDS)


def _concerned(kind: Kind, raw: Json) -> Iterable[Key]:
    metadata = raw["metadata"]
    if kind in RESOURCES:
        return {Key(metadata["namespace"], metadata["name"], kind.name)}
    # By label, and by owner when somebody has changed the label.
    concerned = {
        Key(metadata["namespace"], reference["name"], reference["kind"])
        for reference in metadata.get("ownerReferences") or ()
        if reference.get("kind") in (KIND, BATCH_KIND)
    }
    labelled = owner_key(raw)
    return concerned | ({labelled} if labelled is not None else set())
