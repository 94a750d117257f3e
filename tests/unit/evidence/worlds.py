"""Rows as the database holds them, of versions whose true rates and losses are chosen."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from dohyo_evidence.assembly import Settled, agreement_pairs, rate_units, score_units
from dohyo_evidence.trial_state import TrialState

if TYPE_CHECKING:
    from dohyo.contract.trials import TrialPlan

CHAMPION, CHALLENGER = False, True
# What happens to a unit: given whether it is the challenger's, and chance, rows for the tables.
Happening = Callable[[bool, np.random.Generator], dict[str, Any]]
World = Callable[["TrialPlan", int, np.random.Generator], TrialState]


def split(happens: Happening) -> World:
    """Half of the units each, all of them settled."""

    def world(plan: TrialPlan, units: int, random: np.random.Generator) -> TrialState:
        exposures, events, predictions, labels = [], [], [], []
        for number, challenger in enumerate((random.random(units) < 0.5).tolist()):
            unit = {"unit": f"u{number}", "at": float(number), "challenger": challenger}
            exposures.append(_row(unit, champion_share=5_000, challenger_share=5_000))
            found = happens(challenger, random)
            if "event" in found:
                events.append(_row(unit, **found["event"]))
            if "outcome" in found:
                asked = {**unit, "nonce": f"n{number}", "rows": 1}
                numbers = {"numbers": found["numbers"], "request": f"r{number}", "shadow": False}
                predictions.append(_row(asked, **numbers))
                if set(found["outcome"].values()) != {None}:
                    labels.append(_row(asked, row=0, numbers="", **found["outcome"]))
        state = TrialState(plan)
        state.fold_rates(rate_units(plan, exposures, events))
        worst = {gate.plan.name: gate.worst() for gate in state.scores}
        scored, _ = score_units(Settled(plan, exposures, predictions, labels), worst)
        state.fold_scores(scored)
        return state

    return world


def shadow(says: Callable[[bool, np.random.Generator], tuple[str, float]]) -> World:
    """All units are the champion's, and the challenger answers a copy of each.

    Args:
        says: given whether it is the challenger, its numbers and the label, if that is known.
    """

    def world(plan: TrialPlan, units: int, random: np.random.Generator) -> TrialState:
        exposures, predictions, labels = [], [], []
        for number in range(units):
            unit = {"unit": f"u{number}", "at": float(number), "rows": 1, "request": f"r{number}"}
            one = {**unit, "challenger": False, "shadow": False, "nonce": f"n{number}"}
            copy = {**unit, "challenger": True, "shadow": True, "nonce": f"c{number}"}
            exposures.append(_row(one, champion_share=10_000, challenger_share=0))
            numbers, label = says(CHAMPION, random)
            predictions += [
                _row(one, numbers=numbers),
                _row(copy, numbers=says(CHALLENGER, random)[0]),
            ]
            labels.append(_row(one, row=0, numbers="", label=label, reward=None))
        state = TrialState(plan)
        settled = Settled(plan, exposures, predictions, labels)
        state.fold_pairs(agreement_pairs(settled, by_request=False))
        state.fold_pairs(score_units(settled, {})[1])
        return state

    return world


def failing(champion: float, challenger: float) -> World:
    """These shares of the units meet an error."""
    return _bad({"code": "503", "seconds": 0.1, "failed": True}, champion, challenger)


def slow(seconds: float, champion: float, challenger: float) -> World:
    """These shares of the units wait for so long."""
    return _bad({"code": "200", "seconds": seconds, "failed": False}, champion, challenger)


def wrong(champion: float, challenger: float, *, off: float | None = None) -> World:
    """These shares of the answers, all of them class 1 with .8, turn out to be wrong.

    Args:
        champion, challenger: the shares.
        off: answers are the value 0 instead, and the wrong ones so far away from the truth.
    """

    def happens(is_challenger: bool, random: np.random.Generator) -> dict[str, Any]:
        missed = random.random() < (challenger if is_challenger else champion)
        numbers, label = ("0.2,0.8", float(not missed)) if off is None else ("0.0", off * missed)
        return {"numbers": numbers, "outcome": {"label": label, "reward": None}}

    return split(happens)


def earning(worth: float, champion: float, challenger: float) -> World:
    """These shares of the answers bring so much."""

    def happens(is_challenger: bool, random: np.random.Generator) -> dict[str, Any]:
        sold = random.random() < (challenger if is_challenger else champion)
        return {"numbers": "1.0", "outcome": {"label": None, "reward": worth * sold}}

    return split(happens)


def agreeing(share: float) -> World:
    """In this share of the pairs both say the same."""

    def says(is_challenger: bool, random: np.random.Generator) -> tuple[str, float]:
        return ("0.0" if is_challenger and random.random() >= share else "1.0"), 1.0

    return shadow(says)


def wrong_in_pairs(champion: float, challenger: float) -> World:
    """These shares of the answers to the same requests are wrong."""

    def says(is_challenger: bool, random: np.random.Generator) -> tuple[str, float]:
        missed = random.random() < (challenger if is_challenger else champion)
        return ("0.0" if missed else "1.0"), 1.0

    return shadow(says)


def _bad(event: dict[str, Any], champion: float, challenger: float) -> World:
    def happens(is_challenger: bool, random: np.random.Generator) -> dict[str, Any]:
        hit = random.random() < (challenger if is_challenger else champion)
        return {"event": event} if hit else {}

    return split(happens)


def _row(*parts: dict[str, Any], **more: Any) -> SimpleNamespace:
    return SimpleNamespace(
        **{name: value for part in parts for name, value in part.items()}, **more
    )
