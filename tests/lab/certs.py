"""Certificates for tests: an authority of one's own, and what it issues, good and bad.

    with Authority() as authority:
        good = authority.issue("mail.isp.example", addresses=["127.0.0.1"])
        server = ScriptedServer(Script(verbs={"STARTTLS": ["220 go", StartTls(good.context())]}))
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import ipaddress
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


@functools.cache
def key(name: str) -> rsa.RSAPrivateKey:
    """One for each name: making them is slow, and whose they are is of no importance here."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def distinguished(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def pem(secret: rsa.RSAPrivateKey) -> bytes:
    return secret.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@dataclass(frozen=True)
class Certificate:
    """`path` holds key and certificate."""

    path: Path
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def begins(self) -> datetime.datetime:
        return self.certificate.not_valid_before

    @property
    def ends(self) -> datetime.datetime:
        return self.certificate.not_valid_after

    @property
    def sha256(self) -> str:
        """In colons, as etrnctl shows it."""
        return ":".join(f"{byte:02x}" for byte in hashlib.sha256(self.der).digest())

    def context(self, only: ssl.TLSVersion | None = None, client_certificate: ssl.VerifyMode = ssl.CERT_NONE) -> ssl.SSLContext:
        """A server's, which speaks `only` this version, whatever Debian thinks of it, and may want the client's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        if only:
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = only
        context.verify_mode = client_certificate
        return context


class Authority:
    """Files lie in a directory of its own until close()."""

    def __init__(self, name: str = "Laboratory Authority") -> None:
        self.name = name
        self._directory = tempfile.TemporaryDirectory(prefix="lab-certs-")
        self._count = 0
        now = datetime.datetime.utcnow()
        self.root = self._write(
            self._builder(name, name, key("authority"), now - 30 * DAY, now + 365 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
            .sign(key("authority"), hashes.SHA256()), key("authority"))

    def __enter__(self) -> Authority:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._directory.cleanup()

    def issue(self, *names: str, addresses: Sequence[str] = (), subject: str = "", days: tuple[int, int] = (-10, 90),
              self_signed: bool = False, revocation_list: str = "", client_only: bool = False) -> Certificate:
        """For these names and IP addresses, valid from and to so many days from now. Without any it has no
        subjectAltName. Self-signed, it is its own issuer."""
        now = datetime.datetime.utcnow()
        subject = subject or (*names, *addresses, "nobody")[0]
        issuer, signer = (subject, "host") if self_signed else (self.name, "authority")
        builder = self._builder(subject, issuer, key("host"), now + days[0] * DAY, now + days[1] * DAY)
        general = [*map(x509.DNSName, names), *(x509.IPAddress(ipaddress.ip_address(each)) for each in addresses)]
        if general:
            builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client_only else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if revocation_list:
            place = x509.DistributionPoint([x509.UniformResourceIdentifier(revocation_list)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([place]), critical=False)
        return self._write(builder.sign(key(signer), hashes.SHA256()), key("host"))

    def _builder(self, subject: str, issuer: str, whose: rsa.RSAPrivateKey, begins: datetime.datetime,
                 ends: datetime.datetime) -> x509.CertificateBuilder:
        return (x509.CertificateBuilder().subject_name(distinguished(subject)).issuer_name(distinguished(issuer))
                .public_key(whose.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(begins).not_valid_after(ends))

    def _write(self, certificate: x509.Certificate, secret: rsa.RSAPrivateKey) -> Certificate:
        self._count += 1
        path = Path(self._directory.name) / f"{self._count}.pem"
        path.write_bytes(pem(secret) + certificate.public_bytes(serialization.Encoding.PEM))  # as Postfix wants it
        return Certificate(path, certificate)
