"""On the way from one configuration to the next, no route ever leads nowhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dohyo_gateway.transition import Resource, State, steps

DRAIN = 10.0
NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
RESOURCES = st.builds(Resource, st.sampled_from([b"1", b"2"]), st.booleans())
WANTED = st.dictionaries(NAMES, RESOURCES)


@given(st.lists(st.tuples(WANTED, st.floats(0.1, 20)), min_size=1, max_size=6))
def test_routes_find_their_clusters_all_the_way(
    plans: list[tuple[dict[str, Resource], float]],
) -> None:
    state, routed, now = State(), set[str](), 0.0
    left: dict[str, float] = {}
    for wanted, seconds in plans:
        now += seconds
        found = steps(state, wanted, now, DRAIN)
        # Old routes and new ones are good while the routes are exchanged.
        assert routed | set(wanted) <= set(found.before.clusters)
        for name in routed & set(wanted):
            if state.clusters[name].empty is False:
                assert found.before.clusters[name].empty is False
        left = {n: left.get(n, now) for n in set(state.clusters) - set(wanted)}
        assert set(found.after.clusters) - set(wanted) == {
            name for name, since in left.items() if since + DRAIN > now
        }
        for name, resource in wanted.items():
            assert found.after.clusters[name] == resource
        assert set(found.after.leaving) == set(found.after.clusters) - set(wanted)
        state, routed = found.after, set(wanted)
        left = {n: since for n, since in left.items() if n in state.clusters}


def test_nothing_to_do() -> None:
    wanted = {"a": Resource(b"1", empty=False)}
    state = State(wanted)
    found = steps(state, wanted, 5.0, DRAIN)
    assert found.before == found.after == state


def test_a_cluster_that_comes_back_stays() -> None:
    wanted = {"a": Resource(b"1", empty=False)}
    gone = steps(State(wanted), {}, 0.0, DRAIN).after
    assert gone.leaving == {"a": DRAIN}
    assert steps(gone, wanted, 5.0, DRAIN).after == State(wanted)
    assert steps(gone, {}, DRAIN, DRAIN).after == State()
