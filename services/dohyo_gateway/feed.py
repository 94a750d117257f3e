"""Where the gateway's World comes from: a cluster's API, or whoever else runs versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

    from dohyo_gateway.snapshot import World


class Feed(Protocol):
    """Tells what the gateway is to do, again and again.

    Attributes:
        changed: set whenever `world` may answer something new.
    """

    changed: asyncio.Event

    def world(self) -> World | None:
        """The whole truth as far as known; None until it is complete for the first time."""
        ...

    def is_alive(self, now: float) -> bool:
        """Whether it would learn of a change; an API that is away is no death.

        Args:
            now: `time.monotonic()`.
        """
        ...

    async def run(self) -> None:
        """Keeps `world` up to date until cancelled."""
        ...
