"""Whether this process has the packages that a bento was built for.

BentoML does not look: a model pickled under another scikit-learn loads silently and may predict
something else.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def unmet(lines: Iterable[str], installed: Callable[[str], str | None]) -> list[str]:
    """What of a requirements file is not there, each with what is there instead.

    Lines that are no plain requirement (options, addresses, files) say nothing about this.
    """
    found = []
    for line in lines:
        requirement = _parsed(line)
        if requirement is None or (requirement.marker and not requirement.marker.evaluate()):
            continue
        version = installed(requirement.name)
        if version is None:
            found.append(f"{requirement.name}{requirement.specifier} (not here)")
        elif not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{requirement.name}{requirement.specifier} (here {version})")
    return found


def installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _parsed(line: str) -> Requirement | None:
    # Locked files carry hashes after the requirement, and comments.
    plain = line.partition("#")[0].partition(" --hash")[0].strip().rstrip("\\").strip()
    try:
        return Requirement(plain)
    except InvalidRequirement:
        return None
