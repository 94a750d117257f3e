"""The evidence service of a ring: a process on SQLite, started when somebody's gates need it."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from dohyo.contract.keys import CURRENT_FILE, KEY_BYTES, key_files, read_keys
from dohyo.local.processes import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from dohyo.cluster.exchange import Json
    from dohyo.local.processes import Household

_MODULE: Final = "dohyo_evidence.main"
_HOST: Final = "127.0.0.1"
_KEY: Final = "local"
_ASK_AGAIN_SECONDS: Final = 0.2
# On one machine nothing is under way for long, and a person watches. But replicas that could not
# reach the service while it started come back seconds later, each in its own time: settling
# before all have would look as if requests had gone astray.
_PACE: Final = {
    "DOHYO_SCORE_SECONDS": "1",
    "DOHYO_GRACE_SECONDS": "15",
    "DOHYO_CATCH_UP_SECONDS": "5",
    "DOHYO_DRIFT_WINDOW_SECONDS": "60",
}
_WINDOW_SECONDS: Final = "2"


@dataclass(frozen=True)
class Archive:
    """Where the service keeps what it knows.

    Attributes:
        folder: of the database and of the keys, which it makes itself.
        log: file that gets its output.
        port: that it listens on.
    """

    folder: Path
    log: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.port}"


class LocalEvidence:
    """Keeps the service up from the first gate on.

    Args:
        household: starts it.
        archive: where it keeps what it knows.
        resources: the present ModelDeployments.

    Attributes:
        stirred: to be set when a ModelDeployment has changed.
    """

    def __init__(
        self, household: Household, archive: Archive, resources: Callable[[], Iterable[Json]]
    ) -> None:
        self.stirred = asyncio.Event()
        self._household = household
        self._archive = archive
        self._resources = resources

    def variables(self, namespace: str) -> dict[str, str]:
        """What a replica of that namespace is told: whom to tell, and by which keys to sign."""
        if not is_available():
            return {}
        return {
            "DOHYO_EVIDENCE_URL": self._archive.url,
            "DOHYO_KEYS": str(self._keys_of(namespace)),
            "DOHYO_WINDOW_SECONDS": _WINDOW_SECONDS,
        }

    def gateway_variables(self) -> dict[str, str]:
        """What the gateway is told: where feedback and bad answers go, and by which keys."""
        if not is_available():
            return {}
        return {
            "DOHYO_EVIDENCE_ADDRESS": f"{_HOST}:{self._archive.port}",
            "DOHYO_MASTER_KEYS": str(self._master()),
        }

    @property
    def keys(self) -> Path:
        """The folder of the ring's own key, by which the operator's part is known."""
        return self._archive.folder / "keys"

    async def run(self) -> None:
        """Waits until gates need it, and then keeps it up until cancelled."""
        while not (is_available() and any(_judges(raw) for raw in self._resources())):
            await self.stirred.wait()
            self.stirred.clear()
        await self._household.keep(self._program())

    async def answers(self) -> None:
        """Waits until the service listens; for ever while no gate needs it."""
        while True:
            try:
                _, writer = await asyncio.open_connection(_HOST, self._archive.port)
            except OSError:
                await asyncio.sleep(_ASK_AGAIN_SECONDS)
            else:
                writer.close()
                return

    def _program(self) -> Program:
        database = self._archive.folder / "evidence.db"
        variables = {
            **_PACE,
            **os.environ,
            "DOHYO_DATABASE_URL": f"sqlite:///{database}",
            "DOHYO_KEYS_FOLDER": str(self._master()),
            "DOHYO_EVIDENCE_PORT": str(self._archive.port),
            "DOHYO_EVIDENCE_HOST": _HOST,
        }
        command = (sys.executable, "-m", _MODULE)
        return Program("evidence", command, variables, self._archive.log)

    def _master(self) -> Path:
        """The folder of the ring's own key, made on its first use."""
        folder = self.keys
        if not (folder / CURRENT_FILE).exists():
            key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
            _write_keys(folder, {_KEY: key, CURRENT_FILE: _KEY})
        return folder

    def _keys_of(self, namespace: str) -> Path:
        """The folder of a namespace's keys, derived from the ring's own."""
        folder = self._archive.folder / "keys-of" / namespace
        if not (folder / CURRENT_FILE).exists():
            derived = read_keys(self._master()).for_namespace(namespace)
            _write_keys(folder, key_files(derived))
        return folder


def is_available() -> bool:
    """Whether this installation has the service."""
    try:
        return find_spec(_MODULE) is not None
    except ModuleNotFoundError:
        return False


def _judges(raw: Json) -> bool:
    return bool((raw["spec"].get("rollout") or {}).get("gates"))


def _write_keys(folder: Path, files: Mapping[str, str]) -> None:
    """The one that is looked for comes last: a folder that has it is complete."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in sorted(files, key=lambda name: name == CURRENT_FILE):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(files[name])
