"""The line as Envoy walks it is the line that the operator dealt."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dohyo.contract import BUCKETS, ROLE_CHALLENGER, ROLE_CHAMPION, RoutedVersion, RoutingTable
from dohyo_gateway.line import stretches


@st.composite
def tables(draw: st.DrawFn) -> RoutingTable:
    """Disjoint intervals, dealt to up to four challengers."""
    cuts = sorted(draw(st.sets(st.integers(0, BUCKETS), max_size=12)))
    owned: dict[str, list[tuple[int, int]]] = {name: [] for name in ("a", "b", "c", "d")}
    for interval in pairwise(cuts):
        owner = draw(st.sampled_from(["a", "b", "c", "d", "champion"]))
        if owner != "champion":
            owned[owner].append(interval)
    challengers = (
        RoutedVersion(name, f"s-{name}", ROLE_CHALLENGER, tuple(intervals))
        for name, intervals in owned.items()
    )
    champion = RoutedVersion("champion", "s", ROLE_CHAMPION)
    return RoutingTable(1, "t", "s", "x-id", 30, 1, (champion, *challengers))


@given(tables(), st.sets(st.sampled_from(["a", "b", "c", "d"])))
def test_every_bucket_keeps_its_owner(table: RoutingTable, ready: set[str]) -> None:
    walked = stretches(table, ready)
    line = [stretch for stretch in walked for _ in range(stretch.length)]
    assert len(line) == BUCKETS
    assert all(stretch.length > 0 for stretch in walked)
    for version in table.versions:
        for start, end in version.buckets:
            for at in (start, end - 1):
                assert line[at].version == version.name
                assert line[at].fallback == (version.name not in ready)
    champions = sum(stretch.version == "champion" for stretch in line)
    assert champions == table.share("champion")
    assert not any(stretch.fallback for stretch in line if stretch.version == "champion")
