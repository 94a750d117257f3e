"""What the operator shows to the evidence service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dohyo.cluster.witnesses import UnheardError
from dohyo.contract.keys import FOR_TRIALS, KeyRing, KeysError

if TYPE_CHECKING:
    from pathlib import Path


class OperatorTokens:
    """Its tokens by the installation's master keys, as they are at the moment.

    Args:
        keys: folder of the master keys; None when there is none, and nothing is shown.
    """

    def __init__(self, keys: Path | None) -> None:
        self._keys = keys
        self._ring: KeyRing | None = None

    def __call__(self) -> tuple[str, ...]:
        """The newest key's first.

        Raises:
            UnheardError: the master keys have never been readable.
        """
        if self._keys is None:
            return ()
        try:
            self._ring = self._ring or KeyRing(self._keys)
        except KeysError as error:
            raise UnheardError(f"evidence service: the master's {error}") from error
        return self._ring.keys().installation_tokens(FOR_TRIALS)
