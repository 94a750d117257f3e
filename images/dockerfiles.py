"""The Dockerfile of each part: the stages that all share, and a last one of its own or its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from images.paths import PACKAGE

if TYPE_CHECKING:
    from pathlib import Path

# Parts whose images differ in nothing but the lock and what they start.
SERVICES: Final = {
    "operator": "dohyo-operator",
    "gateway": "dohyo-gateway-agent",
    "evidence": "dohyo-evidence",
}
_STAGES: Final = PACKAGE / "stages.Dockerfile"
_SERVICE: Final = PACKAGE / "service.Dockerfile"


def dockerfile(part: str) -> str:
    """The whole Dockerfile of a part."""
    program = SERVICES.get(part)
    if program is None:
        return _joined(_STAGES, PACKAGE / f"{part}.Dockerfile")
    return _joined(_STAGES, _SERVICE) + f'ENTRYPOINT ["{program}"]\n'


def _joined(*files: Path) -> str:
    return "\n".join(file.read_text() for file in files)
