"""Keys of an installation and of a namespace: how they are derived, laid out and rotated.

A folder of keys has the layout of a mounted Secret: one file per key, named by the key's id and
holding base64 of 32 bytes; `current` names the key that signs; `entity` holds the key that
entities are hashed with. Every key in the folder verifies, so that two or more are valid during
a rotation. `entity` stays through rotations, because a person must stay one unit of a trial; a
folder without it takes the key whose id sorts first in its place.

The master's folder is read by those who serve every namespace. A namespace gets a folder of
its own, derived from the master, and can neither sign nor read for another namespace.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEY_BYTES: Final = 32
CURRENT_FILE: Final = "current"
ENTITY_FILE: Final = "entity"
KEY_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,14}[a-z0-9])?")
# What a bearer token is good for.
FOR_RECORDS: Final = "records"
FOR_FEEDBACK: Final = "feedback"
# Of a namespace: to read what is known of its trials.
FOR_REPORTS: Final = "reports"
# Of the installation: to declare trials, and to read about those of every namespace.
FOR_TRIALS: Final = "trials"

_CONTEXT: Final = b"dohyo/v1/"
# Stands in the installation's own tokens where others name their namespace.
_EVERYWHERE: Final = "*"


class KeysError(Exception):
    """Says which file of a folder of keys is wrong, and what belongs there."""


@dataclass(frozen=True)
class Keys:
    """What a folder of keys holds at one moment.

    Attributes:
        current: id of the key that signs.
        keys: every valid key by its id, 32 bytes each.
        entity: the key that entities are hashed with; the same through rotations.
        namespace: the one that the keys are derived for; None for the master.
    """

    current: str
    keys: Mapping[str, bytes]
    entity: bytes
    namespace: str | None = None
    _derived: dict[tuple[str, str], bytes] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def for_namespace(self, namespace: str) -> Keys:
        """The keys of a namespace, derived from the master's.

        Raises:
            KeysError: these are the keys of another namespace.
        """
        if self.namespace == namespace:
            return self
        if self.namespace is not None:
            raise KeysError(
                f"keys of namespace {self.namespace} cannot give keys of {namespace}; "
                "derive them from the master"
            )
        derived = {key_id: _for_namespace(key, namespace) for key_id, key in self.keys.items()}
        return Keys(self.current, derived, _for_namespace(self.entity, namespace), namespace)

    def signing_key(self, key_id: str, namespace: str) -> bytes | None:
        """The key of a prediction id's signature; None when it is none of these."""
        known = self._derived.get((key_id, namespace))
        if known is not None:
            return known
        key = self._of_namespace(key_id, namespace)
        if key is None:
            return None
        if len(self._derived) > 10_000:
            # The namespace comes from outside, and is not checked yet.
            self._derived.clear()
        return self._derived.setdefault((key_id, namespace), _derive(key, b"prediction-id"))

    def entity_hash(self, entity: str) -> bytes:
        """Eight bytes that stand for an entity in one namespace, and lead back to none."""
        return blake2b(
            entity.encode(errors="surrogatepass"), key=self.entity, digest_size=8
        ).digest()

    def token(self, purpose: str) -> str:
        """A bearer token of this namespace, by the current key.

        Raises:
            KeysError: the master has no namespace of its own.
        """
        if self.namespace is None:
            raise KeysError("a token belongs to a namespace; derive its keys first")
        return _token(self.keys[self.current], self.namespace, self.current, purpose)

    def installation_tokens(self, purpose: str) -> tuple[str, ...]:
        """Bearer tokens of the installation itself, one by each of its keys, the current first.

        Somebody else's copy of the keys may be older for a while: then an earlier key's token
        still counts.

        Raises:
            KeysError: these are the keys of a namespace.
        """
        if self.namespace is not None:
            raise KeysError(
                f"keys of namespace {self.namespace} give no token of the installation; "
                "use the master's"
            )
        order = sorted(self.keys, key=lambda key_id: (key_id != self.current, key_id))
        return tuple(_token(self.keys[name], _EVERYWHERE, name, purpose) for name in order)

    def is_installation_token(self, token: str, purpose: str) -> bool:
        """Whether a bearer token is the installation's own, by any valid key."""
        key_id = token.removeprefix(f"{_EVERYWHERE}.").partition(".")[0]
        key = self.keys.get(key_id)
        if key is None or self.namespace is not None:
            return False
        return _same(token, _token(key, _EVERYWHERE, key_id, purpose))

    def namespace_of_token(self, token: str, purpose: str) -> str | None:
        """The namespace that a bearer token belongs to; None when it is not valid."""
        namespace, _, rest = token.partition(".")
        key = self._of_namespace(rest.partition(".")[0], namespace)
        if key is None:
            return None
        expected = _token(key, namespace, rest.partition(".")[0], purpose)
        return namespace if _same(token, expected) else None

    def _of_namespace(self, key_id: str, namespace: str) -> bytes | None:
        key = self.keys.get(key_id)
        if key is None or not namespace or self.namespace not in (None, namespace):
            return None
        return key if self.namespace else _for_namespace(key, namespace)


class KeyRing:
    """A folder of keys that is read again when it has changed.

    A Secret's files change all at once, by a rename of the folder's link `..data`. In a plain
    folder write `current` last. A folder that cannot be read any more leaves the last keys
    valid, and `problem` says why.
    """

    def __init__(self, folder: Path, namespace: str | None = None) -> None:
        """Reads the folder.

        Args:
            folder: of a namespace's keys, or of the master's.
            namespace: whose keys these are; None for the master's.

        Raises:
            KeysError: the folder or a file in it is not as it must be.
        """
        self._folder = folder
        self._namespace = namespace
        self.problem: str | None = None
        self._state = self._stamp()
        self._keys = read_keys(folder, namespace)

    def keys(self) -> Keys:
        """The keys as they are now; two calls of `stat` when nothing has changed."""
        state = self._stamp()
        if state != self._state:
            try:
                self._keys = read_keys(self._folder, self._namespace)
            except KeysError as error:
                # The state is not noted, so that the next call tries again.
                self.problem = str(error)
            else:
                self._state = state
                self.problem = None
        return self._keys

    def _stamp(self) -> tuple[int, ...]:
        try:
            folder, current = os.stat(self._folder), os.stat(self._folder / CURRENT_FILE)  # noqa: PTH116
        except OSError:
            return ()
        return (folder.st_mtime_ns, current.st_mtime_ns, current.st_ino)


def read_keys(folder: Path, namespace: str | None = None) -> Keys:
    """The keys in a folder.

    Raises:
        KeysError: the folder or a file in it is not as it must be.
    """
    try:
        files = {
            path.name: path.read_text("ascii").strip()
            for path in sorted(folder.iterdir())
            if not path.name.startswith(".") and path.is_file()
        }
    except (OSError, UnicodeDecodeError) as error:
        raise KeysError(
            f"keys in {folder} cannot be read: {error}; mount the Secret there"
        ) from error
    return parse_keys(files, namespace, str(folder))


def parse_keys(files: Mapping[str, str], namespace: str | None = None, place: str = "keys") -> Keys:
    """The keys that the files of a folder hold, by the files' names.

    Raises:
        KeysError: a file is missing or holds something else.
    """
    keys = {
        name: _decoded(text, f"{place}/{name}")
        for name, text in sorted(files.items())
        if name not in (CURRENT_FILE, ENTITY_FILE)
    }
    for name in keys:
        if not KEY_ID.fullmatch(name):
            raise KeysError(
                f"{place}/{name}: a key's id has 1 to 16 of a-z, 0-9 and dashes; rename the file"
            )
    current = files.get(CURRENT_FILE)
    if current is None:
        raise KeysError(f"{place}/{CURRENT_FILE} is missing; it names the key that signs")
    if current not in keys:
        known = ", ".join(keys) or "none"
        raise KeysError(f"{place}/{CURRENT_FILE}: no key {current!r} here; choose one of: {known}")
    if ENTITY_FILE in files:
        entity = _decoded(files[ENTITY_FILE], f"{place}/{ENTITY_FILE}")
    else:
        entity = _derive(next(iter(keys.values())), b"entity")
    return Keys(current, keys, entity, namespace)


def key_files(keys: Keys) -> dict[str, str]:
    """The files of a folder that holds these keys: the `stringData` of a Secret."""
    files = {key_id: base64.b64encode(key).decode() for key_id, key in keys.keys.items()}
    files[CURRENT_FILE] = keys.current
    files[ENTITY_FILE] = base64.b64encode(keys.entity).decode()
    return files


def derive(key: bytes, info: bytes, length: int = KEY_BYTES, salt: bytes = b"") -> bytes:
    """HKDF with SHA-256 (RFC 5869)."""
    extracted = hmac.digest(salt or bytes(sha256().digest_size), key, "sha256")
    blocks, block = b"", b""
    for number in range(1, -(-length // sha256().digest_size) + 1):
        block = hmac.digest(extracted, block + info + bytes((number,)), "sha256")
        blocks += block
    return blocks[:length]


def _derive(key: bytes, purpose: bytes) -> bytes:
    return derive(key, _CONTEXT + purpose)


def _for_namespace(key: bytes, namespace: str) -> bytes:
    return _derive(key, b"namespace/" + namespace.encode(errors="surrogatepass"))


def _token(key: bytes, namespace: str, key_id: str, purpose: str) -> str:
    secret = base64.urlsafe_b64encode(_derive(key, b"token/" + purpose.encode()))
    return f"{namespace}.{key_id}.{secret.decode().rstrip('=')}"


def _same(given: str, expected: str) -> bool:
    """In a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode())


def _decoded(text: str, place: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeysError(f"{place}: no base64 of {KEY_BYTES} bytes; write `openssl rand -base64 32`")
    return key
