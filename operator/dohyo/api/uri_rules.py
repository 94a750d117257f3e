"""Where a bento may lie, and what an address of each kind looks like."""

from __future__ import annotations

import re
from typing import Final

from dohyo.api.rule import VERSIONS, Rule, below, formatted
from dohyo.api.scalars import DNS_LABEL

_PLACES: Final = below("uri", VERSIONS)
_CLAIM: Final = f"{DNS_LABEL}([.]{DNS_LABEL})*"
_REPOSITORY: Final = "[a-z0-9]+([._/-]+[a-z0-9]+)*"
_TAG: Final = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_BY_DIGEST: Final = "@sha256:[a-f0-9]{64}"


def _form(name: str, schemes: str, rest: str, message: str) -> Rule:
    """What follows one of the schemes; an address of another scheme is none of its business."""
    of_these = f"^({schemes})://"
    whole = f"^({schemes})://({rest})$"
    return Rule(
        name=name,
        places=_PLACES,
        cel=f"!self.matches('{of_these}') || self.matches('{whole}')",
        holds=lambda uri: re.match(of_these, uri) is None or re.match(whole, uri) is not None,
        message=message,
    )


URI_RULES: Final[tuple[Rule, ...]] = (
    formatted(
        "uri-scheme",
        _PLACES,
        "(s3|gs|https?|pvc|oci)://[^ ]+",
        "is no address of a bento; begin with https://, s3://, gs://, pvc:// or oci://",
    ),
    Rule(
        name="uri-without-login",
        places=_PLACES,
        cel="!self.matches('^[a-z0-9]+://[^/?#]*@')",
        holds=lambda uri: re.match("^[a-z0-9]+://[^/?#]*@", uri) is None,
        message="holds a login that everybody can read here; put it into a Secret and name that "
        "in credentials.secretRef",
        # It is not repeated either.
        culprit=lambda uri: re.sub("://[^/?#]*@", "://…@", uri),
    ),
    _form(
        "uri-of-web",
        "https?",
        "[^/?# ]+/[^ ]+",
        "names no file of a host; write https://host/path/model.bento",
    ),
    _form(
        "uri-of-object",
        "s3|gs",
        "[^/ ]+/[^ ]*[^/ ]",
        "names no object of a bucket; write s3://bucket/path/model.bento",
    ),
    _form(
        "uri-of-claim",
        "pvc",
        f"{_CLAIM}/[^ ]+",
        "names no file of a PersistentVolumeClaim; write pvc://claim/path/model.bento",
    ),
    Rule(
        name="uri-inside-claim",
        places=_PLACES,
        cel="!self.startsWith('pvc://') || !self.matches('/[.][.](/|$)')",
        holds=lambda uri: not uri.startswith("pvc://") or re.search("/[.][.](/|$)", uri) is None,
        message="leads out of the claim; write the path without '..'",
    ),
    _form(
        "uri-of-registry",
        "oci",
        f"[^/@ ]+/{_REPOSITORY}(:{_TAG}|(:{_TAG})?{_BY_DIGEST})",
        "is no reference with a tag or digest; write oci://registry.example/repository:v12",
    ),
    Rule(
        name="uri-not-latest",
        places=_PLACES,
        cel="!self.startsWith('oci://') || !self.endsWith(':latest')",
        holds=lambda uri: not (uri.startswith("oci://") and uri.endswith(":latest")),
        message="names whatever is the latest; name one tag or digest",
    ),
    Rule(
        name="plain-http-with-digest",
        places=VERSIONS,
        cel="!has(self.uri) || !self.uri.startsWith('http://') || has(self.digest)",
        holds=lambda version: (
            not str(version.get("uri", "")).startswith("http://") or "digest" in version
        ),
        message="can be replaced by anybody on the way; give its digest as well, or use https",
        field="uri",
    ),
    Rule(
        name="credentials-with-uri",
        places=VERSIONS,
        cel="!has(self.credentials) || has(self.uri) && !self.uri.startsWith('pvc://')",
        holds=lambda version: (
            "credentials" not in version
            or ("uri" in version and not str(version["uri"]).startswith("pvc://"))
        ),
        message="opens nothing: only a uri of https, s3, gs or oci is fetched with it; an image is "
        "pulled with podTemplate.spec.imagePullSecrets",
        field="credentials",
    ),
)
