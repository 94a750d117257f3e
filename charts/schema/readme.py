"""Typed values → a chart's README."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from charts.schema.options import options
from charts.schema.rights import rights_tables

if TYPE_CHECKING:
    from charts.schema.kubernetes import Section

_CRDS: Final = """\
# dohyo-crds

The custom resources `ModelDeployment` and `BatchPrediction` (`dohyo.dev/v1alpha1`).
They are a chart of their own because Helm never upgrades what lies in a chart's `crds/` folder.

```
helm install dohyo-crds charts/dohyo-crds --namespace dohyo-system --create-namespace
```

`helm upgrade` brings the new definitions; do it before upgrading the chart `dohyo`.
`helm uninstall` keeps both definitions, and with them every resource of theirs.
"""

_DOHYO: Final = """\
# dohyo

The operator, and the gateway that splits requests between a champion and its challengers.

```
helm install dohyo-crds charts/dohyo-crds --namespace dohyo-system --create-namespace
helm install dohyo charts/dohyo --namespace dohyo-system
```

Needs Kubernetes 1.30 or newer (native sidecars, `sleep` before a container stops) and Helm 3.14.
No webhook and no cert-manager: the API server itself checks every ModelDeployment.

- `helm upgrade` replaces gateway pods one by one, each after its successor serves;
  with two or more no request fails.
- `helm uninstall` takes operator and gateway away
  and leaves ModelDeployments, their definition and the pods of running models alone.
- To watch only some namespaces, name them: `--set watchNamespaces='{shop,search}'`.
  The chart then makes no cluster-wide role.
- On OpenShift set `fixedUser=false`.
- Network policies work only where the network plugin enforces them.
  They are rendered and checked against the schema; enforcement is unverified.
"""

_EXAMPLE: Final = """\
# dohyo-example

One `ModelDeployment`: a champion and a challenger of the sample bento, split 90 to 10.
Install `dohyo-crds` and `dohyo` first.

```
helm install example charts/dohyo-example
```
"""

_PROSE: Final = {"dohyo-crds": _CRDS, "dohyo": _DOHYO, "dohyo-example": _EXAMPLE}


def page(chart: str, values: Section) -> str:
    """The whole README of a chart."""
    parts = [
        "<!-- Generated from charts/schema; edit there and run `make generate`. -->\n",
        _PROSE[chart],
        "\n## Options\n\n",
        _option_table(values),
    ]
    if chart == "dohyo":
        parts += [
            "\n## Rights\n\n",
            "What operator and gateway agent may do at the API server, and what for. ",
            "Neither can read a Secret.\n\n",
            rights_tables(),
        ]
    return "".join(parts)


def _option_table(values: Section) -> str:
    lines = ["| option | default | what it does |", "|---|---|---|"]
    for option in options(values):
        name = ".".join(option.path)
        label = f"**`{name}`**" if option.is_group else f"`{name}`"
        default = "" if option.is_group else f"`{json.dumps(option.default, ensure_ascii=False)}`"
        description = option.description.replace("|", "\\|")
        lines.append(f"| {label} | {default} | {description} |")
    return "\n".join(lines) + "\n"
