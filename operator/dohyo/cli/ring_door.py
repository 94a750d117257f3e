"""The way from a command to the ring that `dohyo up` runs on this machine."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from dohyo.cli.complaint import Complaint
from dohyo.cluster.errors import ApiError, error_from
from dohyo.local.state import StateFolder, default_folder

if TYPE_CHECKING:
    from argparse import Namespace

    from dohyo.cluster.exchange import Request

_START_ONE = "start one by `dohyo up FILE`, or name its folder by --state"


@dataclass(frozen=True)
class RingDoor:
    """The door to a ring: the socket in its state folder."""

    state: StateFolder

    async def exchange(self, request: Request) -> dict[str, Any]:
        """The answer of the ring.

        Raises:
            ApiError: it refused, or does not answer.
        """
        limit = aiohttp.ClientTimeout(total=request.seconds)
        connector = aiohttp.UnixConnector(str(self.state.socket))
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=limit) as session,
                session.request(
                    request.method, f"http://ring{request.path}", json=request.body
                ) as response,
            ):
                data = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            why = str(error) or type(error).__name__
            raise ApiError(0, "Unreachable", why, str(request)) from error
        if response.status >= 400:
            raise error_from(response.status, data, str(request))
        document: dict[str, Any] = await response.json()
        return document

    def complaint(self, error: ApiError) -> Complaint:
        folder = self.state.folder
        if error.status == 0:
            return Complaint(f"the ring in {folder} does not answer: {error.message}")
        return Complaint(f"the ring in {folder}: {error.message or error.reason}")


def chosen_ring(arguments: Namespace) -> RingDoor | None:
    """The ring that is meant, or None when a cluster is.

    Raises:
        Complaint: a ring was asked for and none runs.
    """
    named = arguments.local or arguments.state
    state = StateFolder(Path(arguments.state or default_folder(os.environ)).absolute())
    if not named and not _found_by_itself(arguments, state):
        return None
    if not state.is_held():
        raise Complaint(f"no ring runs in {state.folder}; {_START_ONE}")
    if not named:
        present = state.presence()
        files = " ".join(present.files) if present is not None else ""
        words = f"of the local ring ({files}); --kubeconfig or --context name a cluster"
        print(words, file=sys.stderr)
    return RingDoor(state)


def _found_by_itself(arguments: Namespace, state: StateFolder) -> bool:
    """Whether a ring runs and nothing speaks for a cluster."""
    speaks_for_a_cluster = (
        arguments.kubeconfig
        or arguments.context
        or os.environ.get("KUBECONFIG")
        or Path(sys.argv[0]).name.startswith("kubectl")
    )
    return not speaks_for_a_cluster and state.is_held()
