"""Markdown → the blocks of it that a reader would type."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = re.compile(r"^(?P<indent> *)```bash\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)


def bash_blocks(page: Path) -> list[str]:
    """Every bash block of the page, in its order, without its indentation."""
    return [textwrap.dedent(match["body"]) for match in _BLOCK.finditer(page.read_text())]
