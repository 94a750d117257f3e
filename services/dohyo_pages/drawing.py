"""Figures as SVG that stands in the page itself."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final, Literal

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK: Final = "#1d3557"
# Neither a date nor addresses of vocabularies in a page that is complete in itself.
_NO_METADATA: Final = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def svg(figure: Figure, letters: Literal["path", "none"]) -> str:
    """The figure as an SVG element, the same bytes for the same data.

    Args:
        figure: with all that is drawn on it.
        letters: `path` draws them, so that they look alike everywhere; `none` leaves them to the
            reader's fonts, which is smaller by far.
    """
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "dohyo", "svg.fonttype": letters}):
        FigureCanvasSVG(figure).print_svg(text, metadata=_NO_METADATA)  # type: ignore[no-untyped-call]
    whole = text.getvalue()
    return whole[whole.index("<svg") :]
