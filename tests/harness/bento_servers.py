"""Servers of this machine that bentos are fetched from."""

from __future__ import annotations

import base64
import http.server
import json
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.harness import storage_programs
from tests.harness.ports import free_port
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.harness.authority import Authority

USER, PASSWORD = "reader", "letmein-letmein"
# Of PASSWORD, by bcrypt at its lowest cost.
PASSWORD_LINE = "$2y$05$abcdefghijklmnopqrstuuWKaSg3hQzjLRzQucZjoGBjtzulekG6a"
S3_KEYS = {"AWS_ACCESS_KEY_ID": "fetcher", "AWS_SECRET_ACCESS_KEY": "fetcher-secret-1"}


@dataclass
class Folder:
    """A folder behind HTTP, and what it was asked.

    Attributes:
        url: of the server.
        seen: path and Authorization of every request.
        script: statuses for the next requests, before files are served; 0 breaks the connection.
        redirects: path → where it leads.
    """

    url: str
    seen: list[tuple[str, str | None]] = field(default_factory=list)
    script: list[int] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)
    login: str | None = None


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args: Any, site: list[Folder], **kwargs: Any) -> None:
        self._site = site[0]
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        site = self._site
        asked = self.headers.get("Authorization")
        site.seen.append((self.path, asked))
        status = site.script.pop(0) if site.script else 200
        if status == 0:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"x" * 1000)
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        elif status != 200:
            self.send_error(status)
        elif site.login is not None and asked != site.login:
            self.send_error(401)
        elif (target := site.redirects.get(urlsplit(self.path).path)) is not None:
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def web(folder: Path, authority: Authority | None = None) -> Iterator[Folder]:
    """A folder over HTTP, or over HTTPS with the authority's certificate."""
    site: list[Folder] = []
    handler = partial(_Handler, directory=str(folder), site=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    scheme = "http"
    if authority is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.server)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    site.append(Folder(f"{scheme}://127.0.0.1:{server.server_port}"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield site[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def s3(
    folder: Path, authority: Authority | None = None, keys: Mapping[str, str] = S3_KEYS
) -> Iterator[str]:
    """The endpoint of an S3 server whose buckets are the folders there, open to these keys."""
    port = free_port()
    command = [str(storage_programs.versitygw()), "--port", f"127.0.0.1:{port}", "--quiet"]
    command += ["--access", keys["AWS_ACCESS_KEY_ID"]]
    command += ["--secret", keys["AWS_SECRET_ACCESS_KEY"]]
    if authority is not None:
        command += ["--cert", str(authority.server[0]), "--key", str(authority.server[1])]
    # Its own metadata beside the files, as not every file system has extended attributes.
    sidecar = folder.with_name(f"metadata-of-{folder.name}")
    sidecar.mkdir(exist_ok=True)
    with _running([*command, "posix", "--sidecar", str(sidecar), str(folder)], port, folder):
        yield f"{'http' if authority is None else 'https'}://127.0.0.1:{port}"


@contextmanager
def gcs(folder: Path, authority: Authority) -> Iterator[str]:
    """The endpoint of an emulator of Google's store whose buckets are the folders there."""
    port = free_port()
    command = [str(storage_programs.fake_gcs_server()), "-scheme", "https", "-host", "127.0.0.1"]
    command += ["-port", str(port), "-public-host", f"127.0.0.1:{port}"]
    command += ["-cert-location", str(authority.server[0])]
    command += ["-private-key-location", str(authority.server[1])]
    # What lies in the folder is read at the start; what comes later stays in memory.
    command += ["-data", str(folder), "-backend", "memory"]
    with _running(command, port, folder):
        yield f"https://127.0.0.1:{port}"


@contextmanager
def registry(folder: Path, auth: dict[str, Any] | None = None) -> Iterator[str]:
    """host:port of an OCI registry that keeps its blobs in the folder."""
    port = free_port()
    configuration = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "of-one-test"},
    }
    if auth:
        configuration["auth"] = auth
    path = folder / f"registry-{port}.yaml"
    path.write_text(json.dumps(configuration))
    command = [str(storage_programs.docker_registry()), "serve", str(path)]
    with _running(command, port, folder):
        yield f"127.0.0.1:{port}"


def passwords(folder: Path) -> dict[str, Any]:
    """A registry's configuration that lets USER in by PASSWORD alone."""
    path = folder / "htpasswd"
    path.write_text(f"{USER}:{PASSWORD_LINE}\n")
    return {"htpasswd": {"realm": "test", "path": str(path)}}


@contextmanager
def tokens(authority: Authority) -> Iterator[dict[str, Any]]:
    """A registry's configuration that believes a token server, which gives USER what is asked."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if self.headers.get("Authorization") != f"Basic {login}":
                self.send_error(401)
                return
            kind, name, actions = parse_qs(urlsplit(self.path).query)["scope"][0].split(":")
            now = int(time.time())
            claims = {
                "iss": "tests",
                "sub": USER,
                "aud": "registry",
                "exp": now + 300,
                "nbf": now - 10,
                "iat": now,
                "jti": "1",
                "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
            }
            body = json.dumps({"token": authority.token(claims)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield {
            "token": {
                "realm": f"http://127.0.0.1:{server.server_port}/token",
                "service": "registry",
                "issuer": "tests",
                "rootcertbundle": str(authority.certificate),
            }
        }
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    log = folder.with_name(f"{folder.name}.log")
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:

            def listens() -> bool:
                assert process.poll() is None, log.read_text()[-2000:]
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                except OSError:
                    return False
                return True

            until(f"{command[0]} listens", listens, seconds=20)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
