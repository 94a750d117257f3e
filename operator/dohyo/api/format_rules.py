"""The formats of single values: names, tags, addresses, shares, durations, quantities."""

from __future__ import annotations

import re
from typing import Final

from dohyo.api.names import DNS_LABEL, SERVICE_NAME
from dohyo.api.quantities import is_quantity
from dohyo.api.rule import ROOT_NAME, TOLERANCE, VERSIONS, Rule, below, formatted
from dohyo.api.scalars import (
    BENTO_TAG_PART,
    DURATION,
    HEADER_NAME,
    QUANTITY,
)

_DURATIONS: Final = (
    "spec.rollout.maxDuration",
    "spec.rollout.labels.maxDelay",
    "spec.rollout.steps[].for",
    "spec.rollout.gates[].slo",
)
_PERCENTS: Final = (
    "spec.challengers[].weight",
    "spec.rollout.steps[].weight",
    "spec.rollout.steps[].shadow",
    "spec.rollout.bandit.floor",
)
_IMAGE: Final = "[^ @]+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|(:[^ @]+)?@sha256:[a-f0-9]{64})"
_DIGEST: Final = "sha256:[a-f0-9]{64}"
_HOSTNAME: Final = f"([*][.])?{DNS_LABEL}([.]{DNS_LABEL})*"


def quantities(name: str, places: tuple[str, ...]) -> Rule:
    """A rule about the amounts of a container's resources."""
    return Rule(
        name=name,
        places=places,
        cel=f"type(self) == int ? int(self) >= 0 : string(self).matches('^({QUANTITY})$')",
        holds=is_quantity,
        message="is no quantity; write for instance 2, 500m or 1.5Gi",
    )


FORMAT_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        name="resource-name",
        places=(ROOT_NAME,),
        cel=f"self.{ROOT_NAME}.matches('^{SERVICE_NAME}$')",
        holds=lambda name: re.fullmatch(SERVICE_NAME, name) is not None,
        message="cannot be the name of a Service; use at most 63 lower-case letters, "
        "digits and '-', beginning with a letter",
    ),
    formatted(
        "version-name",
        below("name", VERSIONS),
        DNS_LABEL,
        "is no DNS label; use at most 63 lower-case letters, digits and '-'",
    ),
    formatted(
        "bento-tag",
        below("bento", VERSIONS),
        f"{BENTO_TAG_PART}:{BENTO_TAG_PART}",
        "is no bento tag; write <name>:<version> as `bentoml list` prints it, each at most 63 "
        "lower-case letters, digits, '-', '_' and '.'",
    ),
    Rule(
        name="bento-not-latest",
        places=below("bento", VERSIONS),
        cel="!self.endsWith(':latest')",
        holds=lambda tag: not tag.endswith(":latest"),
        message="names whatever is the latest bento; name one version",
    ),
    formatted(
        "image-pinned",
        below("image", VERSIONS),
        _IMAGE,
        "is no image with a tag or digest; write for instance registry.example/model:v12",
    ),
    Rule(
        name="image-not-latest",
        places=below("image", VERSIONS),
        cel="!self.endsWith(':latest')",
        holds=lambda image: not image.endswith(":latest"),
        message="names whatever is the latest image; name one tag or digest",
    ),
    formatted(
        "digest-format",
        below("digest", VERSIONS),
        _DIGEST,
        "is no digest; write sha256: and 64 hexadecimal digits",
    ),
    formatted(
        "duration-format",
        _DURATIONS,
        DURATION,
        "is no duration; write for instance 250ms, 90s, 10m, 1h30m or 14d",
    ),
    formatted(
        "sticky-header",
        ("spec.traffic.stickyBy.header",),
        HEADER_NAME,
        "is no header name; use letters, digits, '-' and '_', for instance x-customer-id",
    ),
    Rule(
        name="sticky-header-not-ours",
        places=("spec.traffic.stickyBy.header",),
        cel="!self.lowerAscii().startsWith('x-dohyo-')",
        holds=lambda header: not header.lower().startswith("x-dohyo-"),
        message="belongs to the gateway, which removes it from requests; use a header of your own",
    ),
    formatted(
        "route-hostname",
        ("spec.traffic.routes.hostnames[]",),
        _HOSTNAME,
        "is no host name; write for instance model.example.com or *.example.com",
    ),
    Rule(
        name="percent-decimals",
        places=_PERCENTS,
        cel=f"self * 100.0 - double(int(self * 100.0 + 0.5)) < {TOLERANCE:.6f} && "
        f"self * 100.0 - double(int(self * 100.0 + 0.5)) > -{TOLERANCE:.6f}",
        holds=lambda share: abs(share * 100 - int(share * 100 + 0.5)) < TOLERANCE,
        message="is finer than a request in ten thousand; give at most two decimals",
    ),
    quantities(
        "quantity-format",
        tuple(
            f"{place}.resources.{kind}{{}}" for place in VERSIONS for kind in ("requests", "limits")
        ),
    ),
)
