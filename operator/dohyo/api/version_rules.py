"""What the fields of a version, and the versions of a ring, must agree on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from dohyo.api.quantities import amount, is_quantity
from dohyo.api.rule import TOLERANCE, VERSIONS, Rule, below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _requests_within_limits(resources: dict[str, Any]) -> bool:
    limits = resources.get("limits", {})
    return all(
        amount(wanted) <= amount(limits[name])
        for name, wanted in resources.get("requests", {}).items()
        if name in limits and is_quantity(wanted) and is_quantity(limits[name])
    )


def _excess(resources: dict[str, Any]) -> str:
    limits = resources["limits"]
    return ", ".join(
        f"{name} {wanted} > {limits[name]}"
        for name, wanted in resources["requests"].items()
        if not _requests_within_limits({"requests": {name: wanted}, "limits": limits})
    )


def requests_within_limits(name: str, places: tuple[str, ...]) -> Rule:
    """A rule about the resources of a container."""
    return Rule(
        name=name,
        places=places,
        cel="!has(self.requests) || !has(self.limits) || self.requests.all(k, "
        "!(k in self.limits) || !isQuantity(string(self.requests[k])) || "
        "!isQuantity(string(self.limits[k])) || "
        "quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)",
        holds=_requests_within_limits,
        message="asks for more than its limit; raise the limit or lower the request",
        field="requests",
        culprit=_excess,
    )


_VERSION_RULES: Final = (
    Rule(
        name="image-or-uri",
        places=VERSIONS,
        cel="has(self.image) != has(self.uri)",
        holds=lambda version: ("image" in version) != ("uri" in version),
        message="needs exactly one of image and uri; an image holds the bento, a uri leads to it",
    ),
    Rule(
        name="digest-with-uri",
        places=VERSIONS,
        cel="!has(self.digest) || has(self.uri)",
        holds=lambda version: "digest" not in version or "uri" in version,
        message="is checked only for what uri leads to; pin an image by its own digest, as "
        "name@sha256:…",
        field="digest",
    ),
    requests_within_limits("requests-within-limits", below("resources", VERSIONS)),
)


def repeated(names: Iterable[str]) -> str:
    """Those that come more than once, for people."""
    counts = Counter(names)
    return ", ".join(name for name, count in counts.items() if count > 1)


def _effective(spec: dict[str, Any], version: dict[str, Any], field: str) -> Any:
    return version.get("scaling", {}).get(field, spec["scaling"][field])


def _cel_effective(version: str, field: str) -> str:
    own = f"{version}.scaling.{field}"
    return f"(has({version}.scaling) && has({own}) ? {own} : self.scaling.{field})"


def _names_cpu(version: dict[str, Any]) -> bool:
    kinds = version.get("resources", {})
    named = {**kinds.get("limits", {}), **kinds.get("requests", {})}
    return ("requests" not in kinds and "limits" not in kinds) or "cpu" in named


def _cel_names_cpu(version: str) -> str:
    resources = f"{version}.resources"
    return (
        f"(!has({resources}) || !has({resources}.requests) && !has({resources}.limits) || "
        f"has({resources}.requests) && 'cpu' in {resources}.requests || "
        f"has({resources}.limits) && 'cpu' in {resources}.limits)"
    )


def _each_version(
    name: str,
    cel: Callable[[str], str],
    holds: Callable[[dict[str, Any], dict[str, Any]], bool],
    message: str,
) -> tuple[Rule, Rule]:
    """A rule about each version together with the rest of the spec."""
    return (
        Rule(
            name=f"champion-{name}",
            places=("spec",),
            cel=cel("self.champion"),
            holds=lambda spec: holds(spec, spec["champion"]),
            message=message,
            field="champion",
            culprit=lambda spec: str(spec["champion"]["name"]),
        ),
        Rule(
            name=f"challenger-{name}",
            places=("spec",),
            cel=f"self.challengers.all(c, {cel('c')})",
            holds=lambda spec: all(holds(spec, c) for c in spec["challengers"]),
            message=message,
            field="challengers",
            culprit=lambda spec: ", ".join(
                c["name"] for c in spec["challengers"] if not holds(spec, c)
            ),
        ),
    )


_SPEC_RULES: Final = (
    Rule(
        name="unique-version-names",
        places=("spec",),
        cel="self.challengers.all(c, self.challengers.exists_one(o, o.name == c.name))",
        holds=lambda spec: (
            len({c["name"] for c in spec["challengers"]}) == len(spec["challengers"])
        ),
        message="two challengers bear the same name; every version needs a name of its own",
        field="challengers",
        culprit=lambda spec: repeated(c["name"] for c in spec["challengers"]),
    ),
    Rule(
        name="champion-no-challenger",
        places=("spec",),
        cel="self.challengers.all(c, c.name != self.champion.name)",
        holds=lambda spec: all(c["name"] != spec["champion"]["name"] for c in spec["challengers"]),
        message="the champion is among the challengers; a version has one role",
        field="challengers",
        culprit=lambda spec: spec["champion"]["name"],
    ),
    Rule(
        name="weights-sum",
        places=("spec",),
        cel=f"self.challengers.map(c, c.weight).sum() <= 100.0 + {TOLERANCE:.6f}",
        holds=lambda spec: sum(c["weight"] for c in spec["challengers"]) <= 100 + TOLERANCE,
        message="the weights add up to more than 100 percent; lower them: the champion gets what "
        "is left",
        field="challengers",
        culprit=lambda spec: f"{sum(c['weight'] for c in spec['challengers']):g} %",
    ),
    Rule(
        name="scaling-limits",
        places=("spec.scaling",),
        cel="self.minReplicas <= self.maxReplicas",
        holds=lambda scaling: scaling["minReplicas"] <= scaling["maxReplicas"],
        message="is above maxReplicas; lower it or raise maxReplicas",
        field="minReplicas",
    ),
    *_each_version(
        "scaling-limits",
        lambda v: (
            f"!has({v}.scaling) || "
            f"!has({v}.scaling.minReplicas) && !has({v}.scaling.maxReplicas) || "
            f"{_cel_effective(v, 'minReplicas')} <= {_cel_effective(v, 'maxReplicas')}"
        ),
        lambda spec, v: (
            not {"minReplicas", "maxReplicas"} & set(v.get("scaling", {}))
            or bool(_effective(spec, v, "minReplicas") <= _effective(spec, v, "maxReplicas"))
        ),
        "its scaling, laid over spec.scaling, has minReplicas above maxReplicas; set both",
    ),
    *_each_version(
        "cpu-request",
        lambda v: f"{_cel_effective(v, 'metric')} != 'cpu' || {_cel_names_cpu(v)}",
        lambda spec, v: _effective(spec, v, "metric") != "cpu" or _names_cpu(v),
        "scales by cpu and its resources name none; add resources.requests.cpu",
    ),
    *_each_version(
        "cpu-awake",
        lambda v: (
            f"{_cel_effective(v, 'metric')} != 'cpu' || {_cel_effective(v, 'minReplicas')} > 0"
        ),
        lambda spec, v: (
            _effective(spec, v, "metric") != "cpu" or bool(_effective(spec, v, "minReplicas") > 0)
        ),
        "scales by cpu, which a sleeping version has not; set minReplicas to 1, or metric to "
        "concurrency",
    ),
)

VERSION_RULES: Final[tuple[Rule, ...]] = (*_VERSION_RULES, *_SPEC_RULES)
