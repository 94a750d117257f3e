"""The tables: each a function from a number of runs to rows with limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.evidence import allocation, delays, drift, faults, latency, shadow, units
from benchmarks.evidence.controls import Asymptotic, NaiveZ
from benchmarks.evidence.deciders import Events, Weighted, decision_times
from benchmarks.evidence.rows import ALPHA, LIMIT, Row, control, error, median, null, power
from benchmarks.evidence.streams import HARMS, NULLS, always, constant, rising
from dohyo.verdict.planning import events_until_ratio
from dohyo_evidence.sequential.events import below

if TYPE_CHECKING:
    from benchmarks.evidence.streams import Traffic
    from dohyo_evidence.sequential.arrays import FloatArray

SEED = 20_261_125
_STATED_NULLS = ((0.025, 0.018), (0.019, 0.020), (0.040, 0.030), (0.033, 0.025))
# None: the asymptotic sequence is as good as it promises with half of the traffic each.
_STATED_CONTROLS = ((0.47, None), (0.82, 0.53), (1.0, 0.84), (0.98, 0.59))
_STATED_HARMS = ((2859.0, 3207.0), (10_700.0, 13_500.0))


def false_decisions(runs: int) -> list[Row]:
    """Split traffic where nothing is to be found."""
    rows = []
    for traffic, (f1, f2), (z, asymptotic) in zip(
        NULLS, _STATED_NULLS, _STATED_CONTROLS, strict=True
    ):
        rows += [
            null(f"{traffic.name}: F1", _shipped(traffic, Events(runs)), stated=f1),
            null(f"{traffic.name}: F2", _shipped(traffic, Weighted(runs)), stated=f2),
            control(f"{traffic.name}: z, control", _control(traffic, NaiveZ, runs), stated=z),
        ]
        if asymptotic is not None:
            times = _control(traffic, Asymptotic, runs)
            rows.append(control(f"{traffic.name}: asymptotic, control", times, stated=asymptotic))
    return rows


def promotion(runs: int) -> list[Row]:
    """How often a challenger that is just not good enough is promoted, all over the range."""
    rows = []
    for share in (0.05, 0.2, 0.5):
        for rate in (0.005, 0.05):
            for margin in (1.25, 2.0):
                traffic = constant("", 10_000, share, rate, rate * margin)
                times = _shipped(traffic, Events(runs, margin, below(margin)))
                rows.append(
                    null(f"{rate:g} at the margin of {margin:g}, share {share:g}: F1", times)
                )
        for accuracy in (0.6, 0.9, 0.99):
            traffic = constant("", 10_000, share, accuracy, accuracy)
            times = _shipped(traffic, Weighted(runs, worse=False))
            rows.append(null(f"equal accuracy {accuracy:g}, share {share:g}: F2", times))
            traffic = constant("", 10_000, share, accuracy, accuracy - 0.02)
            times = _shipped(traffic, Weighted(runs, -0.02, worse=False))
            name = f"accuracy {accuracy:g} less the margin of .02, share {share:g}: F2"
            rows.append(null(name, times))
    return rows


def pods(runs: int) -> list[Row]:
    """Retries and ejected pods, of equally good versions."""
    found = faults.retried(runs, SEED)
    return [
        null("pods that fail, by final answers: F1", found["answers"]),
        control("pods that fail, by attempts: F1, control", found["attempts"]),
    ]


def slowness(runs: int) -> list[Row]:
    """F1 at the champion's p50, p90 and p99, averaged."""
    alike = latency.found_slower(latency.Slower(), runs, SEED)
    tenth = latency.found_slower(latency.Slower(everywhere=1.1), runs, SEED)
    rare = latency.found_slower(latency.Slower(rare=0.03), runs, SEED)
    tolerance = 0.2 * 0.885 + 3 * error(0.885, runs)
    return [
        null("equally slow, by day and night: F1", alike, stated=0.035),
        power("10 % slower everywhere, within 20,000: F1", tenth, 0.885, tolerance),
        median("3 % of the requests 8 times as slow: F1", rare, 3650),
    ]


def harm(runs: int) -> list[Row]:
    """How many requests it takes to see that the challenger fails more often."""
    rows = []
    for traffic, (f1, f2) in zip(HARMS, _STATED_HARMS, strict=True):
        rows += [
            median(f"{traffic.name}: F1", _to_the_median(traffic, Events(runs)), f1),
            median(f"{traffic.name}: F2", _to_the_median(traffic, Weighted(runs)), f2),
        ]
    return rows


def quality(runs: int) -> list[Row]:
    """How many labels it takes to see that the challenger is right more often."""
    half = constant("", 40_000, 0.5, 0.90, 0.92)
    tenth = constant("", 100_000, 0.1, 0.90, 0.92)
    rows = [
        null("equal accuracy, pairs: F3", shadow.quality(0.90, 6_000, runs, SEED), stated=0.0425),
        null("equal rates, pairs: paired rates", shadow.rates((0.03, 0.03), 1, 6_000, runs, SEED)),
        null(
            "rate at the ratio of 1.5: paired rates",
            shadow.rates((0.02, 0.03), 1.5, 6_000, runs, SEED),
        ),
        median("accuracy .90 to .92, pairs: F3", shadow.quality(0.92, 20_000, runs, SEED), 1325),
        median("accuracy .90 to .91, pairs: F3", shadow.quality(0.91, 40_000, runs, SEED), 4284),
    ]
    better = [_to_the_median(t, Weighted(runs, worse=False)) for t in (half, tenth)]
    rows.append(median("accuracy .90 to .92, half of the traffic: F2", better[0], 4720))
    rows.append(median("accuracy .90 to .92, a tenth: F2", better[1], 18_900))
    return rows


def dependence(runs: int) -> list[Row]:
    """Sticky entities, bursts and late labels."""
    sticky, bursts = units.sticky(runs, SEED), units.bursts(runs, SEED)
    unequal = delays.draw(runs, 30, delays.CHALLENGER_DAYS, SEED)
    equal = delays.draw(runs, 30, delays.CHAMPION_DAYS, SEED)
    return [
        control("sticky entities, by request: F1, control", sticky["requests"], stated=0.63),
        null("sticky entities, by first window: F1", sticky["events"], stated=0.013),
        null("sticky entities, mean of first window: F2", sticky["means"], stated=0.027),
        control("bursts, by request: F1, control", bursts["requests"], stated=0.57),
        null("bursts, one per entity: F1", bursts["events"], stated=0.027),
        control(
            "late errors, on arrival: F2, control", delays.on_arrival(unequal, 30), stated=0.74
        ),
        control(
            "late errors, 5 d watermark: F2, control",
            delays.behind_watermark(unequal, 30, 5),
            stated=0.61,
        ),
        null(
            "late errors, 15 d watermark: F2",
            delays.behind_watermark(unequal, 30, 15),
            stated=0.015,
        ),
        null("equal delays, on arrival: F2", delays.on_arrival(equal, 30), stated=0.04),
    ]


def bandit(runs: int) -> list[Row]:
    """What the floor costs, and what it buys."""
    rows = []
    stated = ((0.05, 0.29, 0.3270), (0.10, 0.62, 0.3258), (0.20, 0.77, 0.3231))
    for floor, found, reward in stated:
        case = allocation.Bandit(20_000, always(0.30), always(0.33), floor)
        outcome = allocation.run(case, ((allocation.better(runs), LIMIT),), runs, SEED)
        tolerance = 0.1 + 3 * error(found, runs)
        rows.append(
            power(f"floor {floor}: F2 finds .33 against .30", outcome.times[0], found, tolerance)
        )
        # Within the difference that a tenth of the traffic makes.
        spread = 0.003 * 0.2
        low, high = reward - spread, reward + spread
        rows.append(Row(f"floor {floor}: mean reward", outcome.reward, low, high, reward))
    for name, rate, stated_f2, stated_z in (
        ("equal arms", always(0.3), 0.023, 0.47),
        ("drift .2 to .5", rising(0.2, 0.5, 8_000), 0.007, 1.0),
    ):
        case = allocation.Bandit(8_000, rate, rate, 0.05)
        z = NaiveZ(runs, ALPHA)
        deciders = ((allocation.better(runs), LIMIT), (z, z.limit))
        outcome = allocation.run(case, deciders, runs, SEED)
        rows.append(null(f"Thompson, {name}: F2", outcome.times[0], stated=stated_f2))
        rows.append(control(f"Thompson, {name}: z, control", outcome.times[1], stated=stated_z))
    return rows


def drifting(runs: int) -> list[Row]:
    """PSI and KS without drift, and how often they see it in 1,000 values."""
    rows = []
    for bins, count in ((10, 200), (10, 1_000), (20, 1_000), (20, 5_000)):
        psi, ks = drift.alarms(drift.nothing, bins, count, runs, SEED)
        high = 0.015 + 3 * error(drift.LEVEL, runs)
        rows.append(Row(f"no drift, {bins} bins, {count} values: PSI at .01", psi, 0.0, high, 0.01))
        rows.append(Row(f"no drift, {bins} bins, {count} values: KS at .01", ks, 0.0, high, 0.01))
    for name, shift, stated_psi, stated_ks in (
        ("mean by .1 sd", drift.mean_by(0.1), 0.14, 0.37),
        ("mean by .2 sd", drift.mean_by(0.2), 0.92, 0.99),
        ("sd by 1.2", drift.wider, 1.0, 0.64),
        ("5 % outliers", drift.outliers, 0.96, 0.38),
    ):
        psi, ks = drift.alarms(shift, 20, 1_000, runs, SEED)
        for test, found, stated in (("PSI", psi, stated_psi), ("KS", ks, stated_ks)):
            least = 0.8 * stated - 3 * error(stated, runs)
            rows.append(Row(f"{name}: {test}", found, least, 1.0, stated))
    return rows


def planning(runs: int) -> list[Row]:
    """Events until F1 shows non-inferiority, planned and simulated."""
    rows = []
    for margin, share, stated in (
        (1.25, 0.1, 1162.0),
        (1.5, 0.1, 347.0),
        (2.0, 0.1, 100.0),
        (1.25, 0.5, 477.0),
        (1.5, 0.5, 167.0),
        (2.0, 0.5, 51.0),
    ):
        planned = events_until_ratio(1.0, margin, share, 1 / ALPHA)
        name = f"not worse than {margin}, share {share}: events planned"
        rows.append(Row(name, planned, 0.8 * stated, 1.2 * stated, stated))
        # Every request is an event: only events count.
        stream = constant("", int(20 * stated), share, 1.0, 1.0)
        decider = Events(runs, margin, below(margin))
        times = _to_the_median(stream, decider)
        rows.append(
            median(f"not worse than {margin}, share {share}: events simulated", times, stated)
        )
    return rows


TABLES = {
    "false decisions": false_decisions,
    "promotion": promotion,
    "pods": pods,
    "slowness": slowness,
    "harm": harm,
    "quality": quality,
    "dependence": dependence,
    "bandit": bandit,
    "drift": drifting,
    "planning": planning,
}


def _shipped(traffic: Traffic, decider: Events | Weighted) -> FloatArray:
    return decision_times(traffic, decider, LIMIT, SEED)


def _to_the_median(traffic: Traffic, decider: Events | Weighted) -> FloatArray:
    """As long as it takes to know when half of the runs have decided."""
    return decision_times(traffic, decider, LIMIT, SEED, enough=0.52)


def _control(traffic: Traffic, kind: type[NaiveZ | Asymptotic], runs: int) -> FloatArray:
    decider = kind(runs, ALPHA)
    return decision_times(traffic, decider, decider.limit, SEED)
