"""From web servers: certificates, digests, redirects, and what is tried again."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from dohyo_serving.launcher import TERMINATED_EXIT_CODE
from tests.harness import bentos, ports
from tests.harness.bento_servers import web
from tests.harness.until import until
from tests.local.fetch.fetching import fetch, start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.authority import Authority
    from tests.local.fetch.conftest import Export

pytestmark = pytest.mark.timeout(180)
NAME = "greeter.bento"
OTHER = "sha256:" + "0" * 64


def test_a_fetched_bento_is_served(export: Export, authority: Authority, tmp_path: Path) -> None:
    with web(export.path.parent, authority) as site:
        done = fetch(
            f"{site.url}/{NAME}",
            tmp_path / "pod",
            *("--digest", export.digest, "--bento", export.tag),
            ca_crt=authority.certificate.read_text(),
        )
    assert done.code == 0, done.log
    assert done.word == {"bento": export.tag, "digest": export.digest, "dohyoServing": False}
    home = tmp_path / "home"
    home.mkdir()
    with bentos.served(str(done.folder), home=home) as served:
        status, text = served.send("POST", "/greet", '{"name": "ring"}')
    assert (status, text) == (200, "hello ring")


def test_an_unknown_authority_is_not_trusted(
    export: Export, authority: Authority, tmp_path: Path
) -> None:
    with web(export.path.parent, authority) as site:
        done = fetch(f"{site.url}/{NAME}", tmp_path)
    assert done.code == 1
    assert "certificate is not trusted" in done.last_line
    assert "ca.crt" in done.last_line
    assert not done.folder.exists()


def test_another_digest_unpacks_nothing(export: Export, tmp_path: Path) -> None:
    with web(export.path.parent) as site:
        done = fetch(f"{site.url}/{NAME}?signature=secret", tmp_path, "--digest", OTHER)
    assert done.code == 1
    assert f"its digest is {export.digest}, not {OTHER}" in done.last_line
    assert "secret" not in done.log
    assert sorted(path.name for path in tmp_path.iterdir()) == []


def test_plain_http_needs_a_digest(export: Export, tmp_path: Path) -> None:
    with web(export.path.parent) as site:
        refused = fetch(f"{site.url}/{NAME}", tmp_path / "a")
        done = fetch(f"{site.url}/{NAME}", tmp_path / "b", "--digest", export.digest)
    assert refused.code == 1
    assert "give its digest" in refused.last_line
    assert done.code == 0, done.log


def test_what_is_temporary_is_tried_again(export: Export, tmp_path: Path) -> None:
    with web(export.path.parent) as site:
        site.script += [503, 0]
        done = fetch(f"{site.url}/{NAME}", tmp_path, "--digest", export.digest)
    assert done.code == 0, done.log
    assert len(site.seen) == 3
    assert "answered 503" in done.log
    assert "the connection broke after 1000 of 1000000 bytes" in done.log


def test_what_is_final_is_not(export: Export, tmp_path: Path) -> None:
    with web(export.path.parent) as site:
        done = fetch(f"{site.url}/never.bento", tmp_path, "--digest", export.digest)
    assert done.code == 1
    assert len(site.seen) == 1
    assert done.last_line == (
        f"dohyo-fetch: {site.url}/never.bento: answered 404 File not found; "
        "nothing is there; correct the address"
    )


def test_patience_ends(tmp_path: Path) -> None:
    port = ports.free_port()
    options = ("--digest", OTHER, "--patience", "2")
    done = fetch(f"http://127.0.0.1:{port}/{NAME}", tmp_path, *options)
    assert done.code == 1
    assert "nobody listens there" in done.last_line
    assert "given up after" in done.last_line


def test_a_login_stays_with_its_server(
    export: Export, authority: Authority, tmp_path: Path
) -> None:
    login = "Basic " + base64.b64encode(b"reader:letmein").decode()
    secrets = {
        "ca_crt": authority.certificate.read_text(),
        "username": "reader",
        "password": "letmein",
    }
    with web(export.path.parent, authority) as own, web(export.path.parent, authority) as other:
        own.login = login
        refused = fetch(f"{own.url}/{NAME}", tmp_path / "a", ca_crt=secrets["ca_crt"])
        own.redirects["/moved"] = f"{own.url}/{NAME}"
        within = fetch(f"{own.url}/moved", tmp_path / "b", **secrets)
        own.redirects["/away"] = f"{other.url}/{NAME}"
        away = fetch(f"{own.url}/away", tmp_path / "c", **secrets)
    assert refused.code == 1
    assert "give credentials.secretRef" in refused.last_line
    assert (within.code, away.code) == (0, 0), within.log + away.log
    assert other.seen == [(f"/{NAME}", None)]


def test_a_redirect_to_plain_http_is_refused(
    export: Export, authority: Authority, tmp_path: Path
) -> None:
    with web(export.path.parent, authority) as site, web(export.path.parent) as plain:
        site.redirects["/moved"] = f"{plain.url}/{NAME}"
        secret = authority.certificate.read_text()
        refused = fetch(f"{site.url}/moved", tmp_path / "a", ca_crt=secret)
        options = ("--digest", export.digest)
        done = fetch(f"{site.url}/moved", tmp_path / "b", *options, ca_crt=secret)
    assert refused.code == 1
    assert "redirects to plain http://" in refused.last_line
    assert done.code == 0, done.log


def test_a_redirect_to_anything_else_is_refused(export: Export, tmp_path: Path) -> None:
    with web(export.path.parent) as site:
        site.redirects["/moved"] = "ftp://127.0.0.1/x"
        done = fetch(f"{site.url}/moved", tmp_path, "--digest", export.digest)
    assert done.code == 1
    assert "redirects to ftp://" in done.last_line


def test_another_bento_than_the_version_names(export: Export, tmp_path: Path) -> None:
    done = fetch(f"file://{export.path}", tmp_path, "--bento", "greeter:other")
    assert done.code == 1
    assert f"holds the bento {export.tag}, not greeter:other" in done.last_line


def test_no_archive_at_all(tmp_path: Path) -> None:
    text = tmp_path / "page.html"
    text.write_text("<html>Sign in</html>")
    done = fetch(f"file://{text}", tmp_path / "pod")
    assert done.code == 1
    assert "is no archive of a bento" in done.last_line


def test_it_ends_when_it_is_told_to(tmp_path: Path) -> None:
    """While it waits for a server that does not come."""
    port = ports.free_port()
    process = start(f"http://127.0.0.1:{port}/x", tmp_path, "--digest", OTHER)
    assert process.stderr is not None
    until("it waits", process.stderr.readline, lambda line: "again in" in line, seconds=20)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == TERMINATED_EXIT_CODE
