"""Addresses, digests and credentials: taken apart, or refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from dohyo_serving.fetch.address import address_of, digest_of
from dohyo_serving.fetch.credentials import secrets_of
from dohyo_serving.fetch.errors import FetchError
from dohyo_serving.fetch.order import Order
from dohyo_serving.fetch.registry import Registry
from dohyo_serving.fetch.registry_access import Login, login_of


@pytest.mark.parametrize(
    ("uri", "parts", "shown"),
    [
        ("s3://b/k/x.bento", ("s3", "b", "k/x.bento"), "s3://b/k/x.bento"),
        ("https://h:8443/a%20b?sig=1", ("https", "h:8443", "a b"), "https://h:8443/a%20b"),
        ("pvc://claim/x", ("pvc", "claim", "x"), "pvc://claim/x"),
        ("oci://h:5000/r/n:v1@sha256:0", ("oci", "h:5000", "r/n:v1@sha256:0"), None),
        ("file:///a/b.bento", ("file", "", "/a/b.bento"), "file:///a/b.bento"),
    ],
)
def test_addresses(uri: str, parts: tuple[str, str, str], shown: str | None) -> None:
    address = address_of(uri)
    assert (address.scheme, address.place, address.path) == parts
    assert str(address) == (shown or uri)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("models/x.bento", "is no address"),
        ("ftp://h/x", "begin with https"),
        ("s3://bucket", "write s3://bucket/key"),
        ("https:///x", "write https://host/path"),
        ("https://h:port/x", "correct the address"),
        ("file://host/x", "name an absolute path"),
        ("https://me:secret@h/x", "give credentials by a Secret"),
    ],
)
def test_what_is_no_address(uri: str, words: str) -> None:
    with pytest.raises(FetchError, match=words) as refused:
        address_of(uri)
    assert "secret@" not in str(refused.value)


def test_digests() -> None:
    assert digest_of(None) is digest_of("") is None
    assert digest_of("sha256:" + "a" * 64) == "sha256:" + "a" * 64
    with pytest.raises(FetchError, match="write sha256:"):
        digest_of("md5:1")


def test_a_secret_goes_before_the_environment(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "AWS_REGION").write_text("eu-1\n")
    (tmp_path / "ca.crt").write_text("pem")
    environ = {"AWS_REGION": "us-1", "AWS_PROFILE": "p", "HOME": "/"}
    assert secrets_of(tmp_path, environ) == {
        "AWS_REGION": "eu-1",
        "AWS_PROFILE": "p",
        "ca.crt": "pem",
    }
    assert secrets_of(None, environ) == {"AWS_REGION": "us-1", "AWS_PROFILE": "p"}


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"Secret 'store' .* does not exist or is empty"):
        secrets_of(tmp_path / "none", {"DOHYO_CREDENTIALS": "store"})


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ('{"auths": {"r.example": {"auth": "YTpiOmM="}}}', Login("a", "b:c")),
        ('{"auths": {"https://r.example/v1/": {"username": "a", "password": "b"}}}', ("a", "b")),
        ('{"auths": {"other.example": {"auth": "YTpi"}}}', None),
    ],
)
def test_logins_of_a_docker_config(config: str, expected: Login | None) -> None:
    assert login_of({".dockerconfigjson": config}, "r.example") == expected


@pytest.mark.parametrize("config", ["", "[]", '{"auths": {"r.example": {"auth": 1}}}', "{}"])
def test_a_docker_config_that_is_none(config: str) -> None:
    with pytest.raises(FetchError, match="kubectl create secret docker-registry"):
        login_of({".dockerconfigjson": config}, "r.example")


@pytest.mark.parametrize("reference", ["h/name", "h/Name:v1", "h/n@sha256:1", "h/n:v1:v2"])
def test_what_is_no_reference(reference: str) -> None:
    order = Order(address_of(f"oci://{reference}"), None, {}, Path("/"))
    with pytest.raises(FetchError, match="write oci://host/repository:tag"):
        Registry(order)
