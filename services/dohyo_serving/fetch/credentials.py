"""Credentials, as a mounted Secret or the environment names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dohyo_serving.fetch.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Names that storage clients know; in the environment as well as in a Secret.
_VARIABLES: Final = ("AWS_", "GOOGLE_")


def secrets_of(folder: Path | None, environ: Mapping[str, str]) -> dict[str, str]:
    """Everything that the folder holds, over what the environment says of storage.

    Raises:
        FetchError: the Secret is not there, or holds nothing.
    """
    found = {name: text for name, text in environ.items() if name.startswith(_VARIABLES)}
    if folder is None:
        return found
    mounted = _mounted(folder)
    if not mounted:
        name = environ.get("DOHYO_CREDENTIALS", "")
        raise FetchError(
            f"the Secret {name!r} of credentials.secretRef does not exist or is empty; "
            "make it in the version's namespace"
        )
    return {**found, **mounted}


def _mounted(folder: Path) -> dict[str, str]:
    found = {}
    try:
        for path in sorted(folder.iterdir()):
            # Kubernetes keeps the files themselves in hidden folders.
            if path.is_file() and not path.name.startswith(".."):
                found[path.name] = path.read_text().strip()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise FetchError(f"the credentials in {folder} cannot be read: {error}") from error
    return found
