"""A certificate authority of a test's own."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Authority:
    """Signs certificates, and tokens.

    Attributes:
        certificate: its own, as a file in PEM.
        server: certificate and key of a server, in one file each.
    """

    certificate: Path
    server: tuple[Path, Path]
    key: RSAPrivateKey

    def token(self, claims: dict[str, Any]) -> str:
        """A JSON web token that carries the authority's certificate."""
        der = x509.load_pem_x509_certificate(self.certificate.read_bytes()).public_bytes(
            serialization.Encoding.DER
        )
        head = {"typ": "JWT", "alg": "RS256", "x5c": [b64encode(der).decode()]}
        signed = b".".join(_segment(json.dumps(part).encode()) for part in (head, claims))
        signature = self.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return (signed + b"." + _segment(signature)).decode()


def _segment(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")


def an_authority(folder: Path, *hosts: str) -> Authority:
    """An authority and a server's certificate for this machine, or for these host names."""
    root, root_key = _certificate("test authority", None)
    leaf, leaf_key = _certificate("server", (root, root_key), hosts)
    files = {
        "ca.crt": root.public_bytes(serialization.Encoding.PEM),
        "tls.crt": leaf.public_bytes(serialization.Encoding.PEM),
        "tls.key": leaf_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return Authority(folder / "ca.crt", (folder / "tls.crt", folder / "tls.key"), root_key)


def _certificate(
    name: str, issuer: tuple[x509.Certificate, RSAPrivateKey] | None, hosts: tuple[str, ...] = ()
) -> tuple[x509.Certificate, RSAPrivateKey]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - HOUR)
        .not_valid_after(now + 24 * HOUR)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer:
        here = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        names = x509.SubjectAlternativeName([*here, *(x509.DNSName(host) for host in hosts)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key
