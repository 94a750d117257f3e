"""Values of the chart `dohyo-crds`."""

# ruff: noqa: RUF012  (pydantic copies defaults)

from __future__ import annotations

from charts.schema.kubernetes import Section, Texts


class Values(Section):
    aggregate_roles: bool = True
    """Adds ModelDeployments and BatchPredictions to Kubernetes' own roles view, edit and admin."""
    common_labels: Texts = {}
    """Further labels of these roles."""
