"""Every generated file of the charts, with the function that prints it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from charts.schema import dohyo, dohyo_crds, dohyo_example, readme
from charts.schema.alerts import alerts
from charts.schema.dashboard import dashboard
from charts.schema.json_schema import json_schema
from charts.schema.rights import rights_template
from charts.schema.values_yaml import values_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

CHARTS: Final = Path(__file__).resolve().parent
VALUES: Final = {
    "dohyo": dohyo.Values(),
    "dohyo-crds": dohyo_crds.Values(),
    "dohyo-example": dohyo_example.Values(),
}

# Path, and the text that must stand there.
FILES: Final[tuple[tuple[Path, Callable[[], str]], ...]] = (
    *(
        (CHARTS / chart / "values.yaml", partial(values_yaml, values))
        for chart, values in VALUES.items()
    ),
    *(
        (CHARTS / chart / "values.schema.json", partial(json_schema, type(values)))
        for chart, values in VALUES.items()
    ),
    *(
        (CHARTS / chart / "README.md", partial(readme.page, chart, values))
        for chart, values in VALUES.items()
    ),
    (CHARTS / "dohyo/templates/_rights.tpl", rights_template),
    (CHARTS / "dohyo/monitoring/dashboard.json", dashboard),
    (CHARTS / "dohyo/monitoring/alerts.yaml", alerts),
)
