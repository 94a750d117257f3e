"""Templates of reports → pages. A template extends `layout.html` of this package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def rendered(
    template: Path, content: Mapping[str, Any], filters: Mapping[str, Callable[..., str]]
) -> str:
    """A page.

    Args:
        template: a file with the blocks title, body and, if it needs any, style.
        content: what the template names; it is escaped.
        filters: what the template calls behind a bar.

    Raises:
        jinja2.UndefinedError: the template names something that the content lacks.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, Path(__file__).parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters
    return environment.get_template(template.name).render(content)
