"""Customer satisfaction over 12 products and 52 weeks, with everything known that data hide.

A customer answers a survey after a contact. Whether the answer is `satisfied` follows a known
probability; so do missing values, drift and the courtesy call that some customers get.
From week 40 on responses take longer and the mix of products moves (covariate drift), and
product P03 disappoints (concept drift).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Codes = NDArray[np.int64]

PRODUCTS: Final = tuple(f"P{number:02d}" for number in range(1, 13))
REGIONS: Final = ("north", "south", "east", "west")
PLANS: Final = ("free", "plus", "pro")
CHANNELS: Final = ("chat", "mail", "phone", "web")
WEEKS: Final = 52
DRIFT_WEEK: Final = 40
DRIFT_PRODUCT: Final = "P03"
FIRST_DAY: Final = np.datetime64("2025-01-06")
AGENTS: Final = 900
MISSING_AGE: Final = 0.08
MISSING_USAGE: Final = 0.25
MISSING_RESPONSE: Final = 0.30
LONG_RESPONSE_HOURS: Final = 12.0
# Bounds of the probability of a call when somebody chooses whom to call.
PROPENSITY: Final = (0.05, 0.9)

_MIX: Final = np.array([14, 12, 11, 10, 9, 9, 8, 8, 6, 5, 4, 4]) / 100
_MIX_LATE: Final = np.array([8, 8, 18, 8, 7, 7, 7, 7, 5, 5, 10, 10]) / 100
_PRODUCT: Final = np.linspace(-0.5, 0.5, 12)[[5, 2, 8, 0, 10, 6, 3, 11, 7, 1, 9, 4]]
_PRICE: Final = np.array([9, 12, 15, 19, 24, 29, 35, 42, 49, 59, 79, 99], dtype=float)
_CHANNEL: Final = np.array([0.2, -0.25, 0.1, 0.0])
_REGION: Final = np.array([0.1, -0.1, 0.0, 0.05])


@dataclass(frozen=True)
class Simulation:
    """The tables of one draw.

    Attributes:
        surveys: one row for each answer, in time order; `survey_id` names it.
        customers: one row for each customer; `customer_id` joins it to the surveys.
        truth: one row for each answer: the probabilities without and with a call (`p0`, `p1`),
            their difference, the propensity, and the values behind the missing ones.
    """

    surveys: pd.DataFrame
    customers: pd.DataFrame
    truth: pd.DataFrame

    def joined(self) -> pd.DataFrame:
        """Surveys with the columns of their customers; no truth."""
        places = self.surveys["customer_id"].to_numpy() - 1
        known = self.customers.drop(columns="customer_id").iloc[places]
        return pd.concat([self.surveys, known.reset_index(drop=True)], axis=1)


def simulate(
    rows: int = 50_000,
    seed: int = 1,
    treatment: Literal["randomised", "chosen"] = "randomised",
    confounding: float = 1.0,
) -> Simulation:
    """Draws the tables.

    Args:
        rows: answers.
        seed: the same seed gives the same tables.
        treatment: `randomised`: each customer is called with probability 0.5; `chosen`: those
            who look unhappy are called more often.
        confounding: how strongly the choice follows the look, 0 not at all.
    """
    chance = np.random.default_rng(seed)
    people = _people(chance, max(1, round(rows * 0.6)))
    contact = _contacts(chance, rows, people)
    looks = _looks(contact)
    eta0 = looks + chance.normal(0, 0.35, AGENTS)[contact["agent"]] - 0.1
    eta1 = eta0 + _effect(contact)
    propensity = np.full(rows, 0.5)
    if treatment == "chosen":
        propensity = np.clip(_sigmoid(-0.3 - confounding * (looks - 0.1)), *PROPENSITY)
    called = chance.random(rows) < propensity
    answer = np.where(called, eta1, eta0) + chance.logistic(size=rows)
    surveys = _surveys(chance, contact, called, propensity, answer)
    truth = _truth(surveys, contact, eta0, eta1, propensity)
    return Simulation(surveys, _customers(chance, people), truth)


def _people(chance: np.random.Generator, count: int) -> dict[str, Any]:
    plan = chance.choice(3, count, p=[0.5, 0.3, 0.2])
    return {
        "region": chance.choice(4, count, p=[0.3, 0.25, 0.25, 0.2]),
        "plan": plan,
        "age": np.clip(np.round(chance.normal(44, 14, count)), 18, 90),
        "usage": np.round(chance.gamma(2.0, 1.0, count) * np.array([4.0, 9.0, 16.0])[plan], 2),
        "tenure_days": np.round(chance.gamma(1.5, 400, count)).astype(np.int64),
    }


def _contacts(chance: np.random.Generator, rows: int, people: dict[str, Any]) -> dict[str, Any]:
    """What is so when the survey is asked, in time order; everything by its true value."""
    day = np.sort(chance.integers(0, WEEKS * 7, rows))
    late = day // 7 >= DRIFT_WEEK
    who = chance.integers(0, len(people["age"]), rows)
    product = np.where(late, chance.choice(12, rows, p=_MIX_LATE), chance.choice(12, rows, p=_MIX))
    hours = np.exp(chance.normal(1.9, 0.75, rows) + 0.4 * late)
    plan = people["plan"][who]
    return {
        "day": day,
        "late": late,
        "customer": who,
        "product": product,
        "channel": chance.choice(4, rows, p=[0.3, 0.3, 0.25, 0.15]),
        "agent": (chance.beta(1.2, 2.5, rows) * AGENTS).astype(np.int64),
        "hours": np.round(hours, 2),
        "tickets": chance.poisson(0.8, rows),
        "defects": chance.poisson(np.linspace(0.15, 0.6, 12)[product]),
        "price": np.round(_PRICE[product] * np.array([1.0, 0.9, 0.8])[plan], 2),
        "bought_days": np.round(chance.exponential(60, rows)).astype(np.int64),
        "tenure": people["tenure_days"][who] + day,
        **{name: people[name][who] for name in ("region", "plan", "age", "usage")},
    }


def _looks(contact: dict[str, Any]) -> Numbers:
    """Log odds of a satisfied answer without a call, but for the agent."""
    hours = np.log(contact["hours"]) - 1.9
    disappointing = contact["late"] & (contact["product"] == PRODUCTS.index(DRIFT_PRODUCT))
    eta: Numbers = (
        0.9
        + _PRODUCT[contact["product"]]
        + _CHANNEL[contact["channel"]]
        + _REGION[contact["region"]]
        - (0.45 + 0.5 * (contact["plan"] == 2)) * hours
        - 0.28 * contact["tickets"]
        - 0.55 * np.minimum(contact["defects"], 3)
        + 0.5 * np.cos(np.minimum(contact["tenure"], 1400) / 1400 * 2 * np.pi)
        - 0.006 * np.minimum(contact["bought_days"], 180)
        + 0.15 * np.log1p(contact["usage"])
        - 0.006 * contact["price"]
        - 1.2 * disappointing
    )
    return eta


def _effect(contact: dict[str, Any]) -> Numbers:
    """What a call does to the log odds: it soothes who waited, and annoys who did not."""
    effect: Numbers = (
        0.0
        + 0.8 * (np.log(contact["hours"]) - 1.9)
        + 0.02 * (contact["age"] - 44)
        + 0.4 * np.minimum(contact["tickets"], 3)
        - 0.3 * (contact["channel"] == CHANNELS.index("web"))
    )
    return effect


def _surveys(
    chance: np.random.Generator,
    contact: dict[str, Any],
    called: NDArray[np.bool_],
    propensity: Numbers,
    answer: Numbers,
) -> pd.DataFrame:
    rows = len(answer)
    asked = FIRST_DAY + contact["day"]
    long = contact["hours"] > LONG_RESPONSE_HOURS
    unwritten = long & (chance.random(rows) < MISSING_RESPONSE)
    return pd.DataFrame(
        {
            "survey_id": np.arange(1, rows + 1),
            "customer_id": contact["customer"] + 1,
            "survey_date": asked,
            "last_purchase_date": asked - contact["bought_days"],
            "product": _words(PRODUCTS, contact["product"]),
            "channel": _words(CHANNELS, contact["channel"]),
            "agent": _words([f"A{number:03d}" for number in range(AGENTS)], contact["agent"]),
            "response_hours": np.where(unwritten, np.nan, contact["hours"]),
            "tickets": contact["tickets"],
            "defects": contact["defects"],
            "price": contact["price"],
            "price_cents": np.round(contact["price"] * 100).astype(np.int64),
            "currency": _words(["EUR"], np.zeros(rows, dtype=np.int64)),
            "noise_level": np.round(chance.normal(size=rows), 4),
            "noise_draw": np.round(chance.random(rows), 4),
            "courtesy_call": called.astype(np.int64),
            "call_propensity": np.round(propensity, 6),
            "score": np.round(np.clip(5.5 + 0.9 * answer, 0, 10), 1),
            "satisfied": (answer > 0).astype(np.int64),
        }
    )


def _customers(chance: np.random.Generator, people: dict[str, Any]) -> pd.DataFrame:
    count = len(people["age"])
    unknown_age = chance.random(count) < MISSING_AGE
    unknown_usage = (people["plan"] == 0) & (chance.random(count) < MISSING_USAGE)
    return pd.DataFrame(
        {
            "customer_id": np.arange(1, count + 1),
            "signup_date": FIRST_DAY - people["tenure_days"],
            "region": _words(REGIONS, people["region"]),
            "plan": _words(PLANS, people["plan"]),
            "age": np.where(unknown_age, np.nan, people["age"]),
            "usage_hours": np.where(unknown_usage, np.nan, people["usage"]),
        }
    )


def _truth(
    surveys: pd.DataFrame,
    contact: dict[str, Any],
    eta0: Numbers,
    eta1: Numbers,
    propensity: Numbers,
) -> pd.DataFrame:
    p0, p1 = _sigmoid(eta0), _sigmoid(eta1)
    return pd.DataFrame(
        {
            "survey_id": surveys["survey_id"],
            "week": contact["day"] // 7,
            "p0": p0,
            "p1": p1,
            "effect": p1 - p0,
            "propensity": propensity,
            "probability": np.where(surveys["courtesy_call"] == 1, p1, p0),
            "drifted": contact["late"],
            "response_hours": contact["hours"],
            "age": contact["age"],
            "usage_hours": contact["usage"],
        }
    )


def _words(words: tuple[str, ...] | list[str], codes: Codes) -> NDArray[np.object_]:
    return np.array(words, dtype=object)[codes]


def _sigmoid(eta: Numbers) -> Numbers:
    odds: Numbers = 1 / (1 + np.exp(-eta))
    return odds
