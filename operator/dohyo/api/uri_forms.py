"""What the addresses of every resource have in common: no login, one form by scheme, no way out."""

from __future__ import annotations

import re
from typing import Final

from dohyo.api.names import DNS_LABEL
from dohyo.api.rule import Rule

CLAIM: Final = f"{DNS_LABEL}([.]{DNS_LABEL})*"
_LOGIN: Final = "^[a-z0-9+]+://[^/?#]*@"


def without_login(name: str, places: tuple[str, ...]) -> Rule:
    """A rule against names and passwords inside an address."""
    return Rule(
        name=name,
        places=places,
        cel=f"!self.matches('{_LOGIN}')",
        holds=lambda uri: re.match(_LOGIN, uri) is None,
        message="holds a login that everybody can read here; put it into a Secret and name that "
        "in credentials.secretRef",
        # It is not repeated either.
        culprit=lambda uri: re.sub("://[^/?#]*@", "://…@", uri),
    )


def of_form(name: str, places: tuple[str, ...], schemes: str, rest: str, message: str) -> Rule:
    """A rule about what follows one of the schemes; other schemes are none of its business.

    Args:
        name: of the rule.
        places: where the address stands.
        schemes: alternatives, as ``s3|gs``.
        rest: pattern of all that follows ``://``.
        message: what is wrong, and after a semicolon the way out.
    """
    of_these = f"^({schemes})://"
    whole = f"^({schemes})://({rest})$"
    return Rule(
        name=name,
        places=places,
        cel=f"!self.matches('{of_these}') || self.matches('{whole}')",
        holds=lambda uri: re.match(of_these, uri) is None or re.match(whole, uri) is not None,
        message=message,
    )


def inside(name: str, places: tuple[str, ...], schemes: str, message: str) -> Rule:
    """A rule against ``..`` in the path of an address of one of the schemes.

    Args:
        name: of the rule.
        places: where the address stands.
        schemes: alternatives, as ``pvc|file``.
        message: what is wrong, and after a semicolon the way out.
    """
    of_these = f"^({schemes})://"
    return Rule(
        name=name,
        places=places,
        cel=f"!self.matches('{of_these}') || !self.matches('/[.][.](/|$)')",
        holds=lambda uri: re.match(of_these, uri) is None or re.search("/[.][.](/|$)", uri) is None,
        message=message,
    )
