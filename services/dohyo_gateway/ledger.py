"""Envoy's counts → whose requests they were, in which role at that time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from dohyo.contract import ROLE_CHAMPION, VersionCounters
from dohyo_gateway import xds
from dohyo_gateway.admin import Reading
from dohyo_gateway.bootstrap import DURATION_BOUNDS

if TYPE_CHECKING:
    from collections.abc import Mapping

# A client that left before the first byte of its answer.
_NO_ANSWER: Final = "0"
CODE_CLIENT_LEFT: Final = "499"

_ACTIVE: Final = ("upstream_rq_active", "upstream_rq_pending_active")


class Who(NamedTuple):
    """One version in one role."""

    namespace: str
    deployment: str
    version: str
    role: str


@dataclass
class Answers:
    """Final answers with one code, cumulative."""

    requests: int = 0
    seconds: float = 0.0
    durations: list[int] = field(default_factory=lambda: [0] * len(DURATION_BOUNDS))


@dataclass
class Account:
    """All that is known of one version in one role, cumulative."""

    answers: defaultdict[str, Answers] = field(default_factory=lambda: defaultdict(Answers))
    retries: int = 0
    ejections: int = 0
    shadowed: int = 0
    shadowed_seconds: float = 0.0
    fallbacks: int = 0


@dataclass
class Moment:
    """What is true of one version now."""

    active: int = 0
    shadow_active: int = 0
    ejected: int = 0


class Ledger:
    """Turns successive readings into accounts.

    What was counted between two readings goes to the role that the version has in the roster, so
    read before the roster changes. Versions that left it keep their last role, and are forgotten
    `forget_seconds` later.
    """

    def __init__(self, forget_seconds: float) -> None:
        self._forget_seconds = forget_seconds
        self._last: Reading | None = None
        self._last_at = 0.0
        self._roster: dict[tuple[str, str], str] = {}
        self._gone: dict[tuple[str, str], float] = {}
        self._champions: dict[str, str] = {}
        self.accounts: defaultdict[Who, Account] = defaultdict(Account)
        self.moments: dict[tuple[str, str], Moment] = {}
        self.unrouted: defaultdict[str, int] = defaultdict(int)
        self.listener_changes = 0

    def expect(self, roles: Mapping[str, Mapping[str, str]]) -> None:
        """Says which versions may be counted soon; who has a role already keeps it for now."""
        for key, versions in roles.items():
            for name, role in versions.items():
                self._roster.setdefault((key, name), role)

    def enrol(self, roles: Mapping[str, Mapping[str, str]], now: float) -> None:
        """Says who plays which role from now on."""
        present = {
            (key, name): role for key, versions in roles.items() for name, role in versions.items()
        }
        for left in self._roster.keys() - present.keys():
            self._gone.setdefault(left, now)
        for back in self._gone.keys() & present.keys():
            del self._gone[back]
        self._roster |= present
        self._champions |= {
            key: name for (key, name), role in present.items() if role == ROLE_CHAMPION
        }
        for left in [left for left, at in self._gone.items() if now - at > self._forget_seconds]:
            self._forget(left)

    def settle(self, reading: Reading, now: float, counts_from_zero: bool = True) -> None:
        """Books what was counted since the last reading.

        Args:
            reading: as of now.
            now: a clock that never goes back, in seconds.
            counts_from_zero: whether Envoy's counts before the first reading are news; they are
                not if another agent has read them before.
        """
        last = self._last
        if last is None:
            last = Reading() if counts_from_zero else reading
        elif reading.uptime < last.uptime:
            last = Reading()
        self._book_answers(last, reading)
        self._book_clusters(last, reading, now - self._last_at if self._last is not None else 0.0)
        self.listener_changes = reading.listener_changes
        self._last, self._last_at = reading, now

    def counters(self) -> dict[str, dict[str, VersionCounters]]:
        """What each present version has had to bear, shadow copies among it."""
        found: defaultdict[str, dict[str, VersionCounters]] = defaultdict(dict)
        sums: defaultdict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0])
        for who, account in self.accounts.items():
            total = sums[f"{who.namespace}/{who.deployment}", who.version]
            total[0] += account.shadowed + sum(a.requests for a in account.answers.values())
            total[1] += account.shadowed_seconds + sum(a.seconds for a in account.answers.values())
        for key, version in self._roster.keys() - self._gone.keys():
            requests, seconds = sums[key, version]
            moment = self.moments.get((key, version), Moment())
            found[key][version] = VersionCounters(
                int(requests), seconds, moment.active + moment.shadow_active
            )
        return dict(found)

    def _book_answers(self, last: Reading, reading: Reading) -> None:
        for place, count in reading.requests.items():
            cluster, code = place
            new = _grown(count, last.requests.get(place, 0))
            named = _named(cluster)
            if named is None:
                self.unrouted[code] += new
                continue
            key, assigned, _, purpose = named
            version = assigned
            if purpose == xds.FALLBACK:
                version = self._champions.get(key, assigned)
                self._account(key, assigned).fallbacks += new
            elapsed = _grown(reading.microseconds.get(place, 0), last.microseconds.get(place, 0))
            account = self._account(key, version)
            if code == _NO_ANSWER:
                # Without a last byte the duration is in milliseconds, and it is no latency.
                gone = account.answers[CODE_CLIENT_LEFT]
                gone.requests += new
                gone.seconds += elapsed / 1e3
                continue
            answers = account.answers[code]
            answers.requests += new
            answers.seconds += elapsed / 1e6
            counted = reading.durations.get(place, ())
            before = last.durations.get(place, (0,) * len(counted))
            if counted and counted[-1] < before[-1]:
                before = (0,) * len(counted)
            for at, (now_count, old_count) in enumerate(zip(counted, before, strict=True)):
                answers.durations[at] += now_count - old_count

    def _book_clusters(self, last: Reading, reading: Reading, elapsed: float) -> None:
        moments: defaultdict[tuple[str, str], Moment] = defaultdict(Moment)
        for (cluster, name), value in reading.clusters.items():
            named = _named(cluster)
            if named is None:
                continue
            key, version, _, purpose = named
            new = _grown(value, last.clusters.get((cluster, name), 0))
            if purpose == xds.FALLBACK:
                version = self._champions.get(key, version)
            moment = moments[key, version]
            if name in _ACTIVE and purpose == xds.SHADOW:
                moment.shadow_active += value
                # Nobody measures how long a copy takes: the number in flight, summed over time.
                self._account(key, version).shadowed_seconds += value * elapsed
            elif name in _ACTIVE:
                moment.active += value
            elif name == "upstream_rq_total":
                self._account(key, version).shadowed += new
            elif name == "upstream_rq_retry":
                self._account(key, version).retries += new
            elif name == "outlier_detection.ejections_active":
                moment.ejected += value
            elif name == "outlier_detection.ejections_enforced_total":
                self._account(key, version).ejections += new
        self.moments = dict(moments)

    def _account(self, key: str, version: str) -> Account:
        namespace, _, deployment = key.partition("/")
        # A version that is new in Envoy and not enrolled yet is no champion.
        role = self._roster.get((key, version), "")
        return self.accounts[Who(namespace, deployment, version, role)]

    def _forget(self, left: tuple[str, str]) -> None:
        key, version = left
        del self._gone[left], self._roster[left]
        if self._champions.get(key) == version:
            del self._champions[key]
        for who in list(self.accounts):
            if (f"{who.namespace}/{who.deployment}", who.version) == left:
                del self.accounts[who]


def _grown(now: int, before: int) -> int:
    """How much a counter grew; one that is smaller than before has started anew."""
    return now - before if now >= before else now


class _Named(NamedTuple):
    key: str
    version: str
    protocol: str
    purpose: str


def _named(cluster: str) -> _Named | None:
    """The parts of a cluster's name (see `xds.cluster_name`); None of no ModelDeployment's."""
    parts = cluster.split("/")
    if len(parts) != 4:
        return None
    protocol, dash, purpose = parts[3].partition("-")
    return _Named(f"{parts[0]}/{parts[1]}", parts[2], protocol, dash + purpose)
