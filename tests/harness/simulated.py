"""Rows of the simulator as the assessment of a treatment gets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dohyo_training.assess.treatment import Observed

if TYPE_CHECKING:
    from dohyo_training.simulate import Simulation

_NUMBERS = ["response_hours", "tickets", "defects", "price", "age", "usage_hours"]


def observed(simulation: Simulation, known: float | None = None) -> Observed:
    """All rows, numbers and codes alike.

    Args:
        simulation: with a treatment, given by chance or chosen.
        known: the chance of the treatment, where it is known.
    """
    frame = simulation.joined()
    x = frame[_NUMBERS].astype("float64")
    for name in ("product", "channel", "region", "plan"):
        x[name] = frame[name].astype("category").cat.codes.astype("float64")
    x["tenure"] = (frame["survey_date"] - frame["signup_date"]).dt.days.astype("float64")
    x["bought"] = (frame["survey_date"] - frame["last_purchase_date"]).dt.days.astype("float64")
    treated = frame["courtesy_call"].to_numpy() == 1
    return Observed(
        x.to_numpy(),
        frame["satisfied"].to_numpy("float64"),
        treated,
        None if known is None else np.full(len(treated), known),
        frame["response_hours"].fillna(20).to_numpy("float64"),
    )
