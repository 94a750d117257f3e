"""Where bentos are fetched from on the cluster: one pod with a web server, S3 and a registry.

All three speak TLS by a certificate of the test's own authority. The programs are copied into the
pod, so that no image is needed besides the runtime's.
"""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from images import samples
from tests.harness import bento_servers, storage_programs
from tests.harness.authority import an_authority
from tests.harness.bento_servers import PASSWORD, PASSWORD_LINE, S3_KEYS, USER
from tests.harness.manifests import RESOURCES
from tests.harness.pushing import digest_of, push
from tests.harness.store_pods import COMPLETE, opened, store_pod

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.live import Live, Object

NAME = "warehouse"
CREDENTIALS = "store"
REPOSITORY = "team/breast-cancer"
WEB_PORT, S3_PORT, REGISTRY_PORT = 8443, 7443, 5443
PORTS = {"web": WEB_PORT, "s3": S3_PORT, "registry": REGISTRY_PORT}
READY_SECONDS = 60

_PROGRAM = f"""
import functools, http.server, os, ssl, subprocess, time
while not os.path.exists("{COMPLETE}"):
    time.sleep(0.1)
certificate, key = "/srv/store/tls.crt", "/srv/store/tls.key"
subprocess.Popen(["/srv/store/versitygw", "--port", ":{S3_PORT}", "--quiet",
    "--access", "{S3_KEYS["AWS_ACCESS_KEY_ID"]}", "--secret", "{S3_KEYS["AWS_SECRET_ACCESS_KEY"]}",
    "--cert", certificate, "--key", key,
    "posix", "--sidecar", "/srv/store/metadata", "/srv/store/s3"])
subprocess.Popen(["/srv/store/docker-registry", "serve", "/srv/store/registry.yaml"])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/srv/store/web")
server = http.server.ThreadingHTTPServer(("", {WEB_PORT}), handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


@dataclass(frozen=True)
class Warehouse:
    """The addresses of one bento, and what it is.

    Attributes:
        bento: its tag.
        digest: of its archive.
        manifest: the digest under which the registry has it.
        archive: the same on this machine.
        host: of all three servers.
    """

    bento: str
    digest: str
    manifest: str
    archive: Path
    host: str

    @property
    def web(self) -> str:
        return f"https://{self.host}:{WEB_PORT}/model.bento"

    @property
    def s3(self) -> str:
        return "s3://models/deep/model.bento"

    @property
    def registry(self) -> str:
        return f"oci://{self.host}:{REGISTRY_PORT}/{REPOSITORY}:v1"


def open_warehouse(live: Live, namespace: str, bento: str, folder: Path) -> Warehouse:
    """Makes pod, Service and the Secret with its credentials; ready when it returns."""
    host = f"{NAME}.{namespace}"
    store = folder / "store"
    (store / "web").mkdir(parents=True)
    archive = store / "web" / "model.bento"
    samples.export(bento, archive)
    authority = an_authority(store, host)
    manifest = _filled(store, archive)
    live.create("Service", namespace, _service())
    live.create("Pod", namespace, store_pod(NAME, _PROGRAM, {"resources": RESOURCES}))
    live.create("Secret", namespace, _secret(host, authority.certificate.read_text()))
    opened(namespace, NAME, store, tuple(PORTS.values()), seconds=READY_SECONDS)
    digest = digest_of(archive.read_bytes())
    return Warehouse(bento, digest, manifest, archive, host)


def _filled(store: Path, archive: Path) -> str:
    """Lays out everything that the servers need; the manifest's digest."""
    (store / "s3" / "models" / "deep").mkdir(parents=True)
    (store / "metadata").mkdir()
    shutil.copy(archive, store / "s3" / "models" / "deep")
    registry = store / "registry"
    registry.mkdir()
    with bento_servers.registry(registry) as place:
        manifest = push(place, REPOSITORY, "v1", archive.read_bytes())
    for program in (storage_programs.versitygw(), storage_programs.docker_registry()):
        shutil.copy(program, store)
    (store / "htpasswd").write_text(f"{USER}:{PASSWORD_LINE}\n")
    configuration = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": "/srv/store/registry/blobs"}},
        "http": {
            "addr": f":{REGISTRY_PORT}",
            "secret": "of-one-story",
            "tls": {"certificate": "/srv/store/tls.crt", "key": "/srv/store/tls.key"},
        },
        "auth": {"htpasswd": {"realm": "story", "path": "/srv/store/htpasswd"}},
    }
    (store / "registry.yaml").write_text(json.dumps(configuration))
    return manifest


def _service() -> Object:
    return {
        "metadata": {"name": NAME},
        "spec": {
            "selector": {"app": NAME},
            "ports": [{"name": name, "port": port} for name, port in PORTS.items()],
        },
    }


def _secret(host: str, authority: str) -> Object:
    files = {
        **S3_KEYS,
        "AWS_ENDPOINT_URL": f"https://{host}:{S3_PORT}",
        "ca.crt": authority,
        "username": USER,
        "password": PASSWORD,
    }
    data = {name: base64.b64encode(text.encode()).decode() for name, text in files.items()}
    return {"metadata": {"name": CREDENTIALS}, "data": data}
