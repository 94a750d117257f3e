"""Where a bento may lie, and what an address of each kind looks like."""

from __future__ import annotations

from typing import Final

from dohyo.api.rule import VERSIONS, Rule, below, formatted
from dohyo.api.uri_forms import CLAIM, inside, of_form, without_login

_PLACES: Final = below("uri", VERSIONS)
_REPOSITORY: Final = "[a-z0-9]+([._/-]+[a-z0-9]+)*"
_TAG: Final = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_BY_DIGEST: Final = "@sha256:[a-f0-9]{64}"


URI_RULES: Final[tuple[Rule, ...]] = (
    formatted(
        "uri-scheme",
        _PLACES,
        "(s3|gs|https?|pvc|oci)://[^ ]+",
        "is no address of a bento; begin with https://, s3://, gs://, pvc:// or oci://",
    ),
    without_login("uri-without-login", _PLACES),
    of_form(
        "uri-of-web",
        _PLACES,
        "https?",
        "[^/?# ]+/[^ ]+",
        "names no file of a host; write https://host/path/model.bento",
    ),
    of_form(
        "uri-of-object",
        _PLACES,
        "s3|gs",
        "[^/ ]+/[^ ]*[^/ ]",
        "names no object of a bucket; write s3://bucket/path/model.bento",
    ),
    of_form(
        "uri-of-claim",
        _PLACES,
        "pvc",
        f"{CLAIM}/[^ ]+",
        "names no file of a PersistentVolumeClaim; write pvc://claim/path/model.bento",
    ),
    inside(
        "uri-inside-claim", _PLACES, "pvc", "leads out of the claim; write the path without '..'"
    ),
    of_form(
        "uri-of-registry",
        _PLACES,
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
