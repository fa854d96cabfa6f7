"""The user's certificates: a root and a leaf that signs, in the folder of settings."""

from __future__ import annotations

import datetime
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceshot.errors import InputError, MissingError
from faceshot.output import together, writing
from faceshot.reading import expanded

#: How long a chain is valid [days].
_DAYS = 3650
_LACKING = "signed metadata needs c2pa-python: pip install 'faceshot[provenance]'"


def config_folder() -> Path:
    """Our settings: ``FACESHOT_CONFIG``, else ``faceshot`` in the user's folder of settings."""
    given = os.environ.get("FACESHOT_CONFIG")
    if given:
        return expanded(given, "FACESHOT_CONFIG")
    base = os.environ.get("XDG_CONFIG_HOME") or os.environ.get("APPDATA")
    return (Path(base) if base else Path.home() / ".config") / "faceshot"


@dataclass(frozen=True)
class Chain:
    """Files of a chain in ``folder``: ``chain.pem`` (leaf, then root), ``key.pem`` (of the leaf), ``root.pem``."""

    folder: Path

    @classmethod
    def own(cls) -> Chain:
        """The user's, whether or not it is there."""
        return cls(config_folder() / "provenance")

    @property
    def certificates(self) -> Path:
        return self.folder / "chain.pem"

    @property
    def key(self) -> Path:
        return self.folder / "key.pem"

    @property
    def root(self) -> Path:
        return self.folder / "root.pem"

    @property
    def there(self) -> bool:
        """Whether files can be signed with it."""
        return self.certificates.is_file() and self.key.is_file()

    def secret(self) -> bytes:
        """The leaf's key as PEM.

        Raises:
            InputError: others could read it, or it cannot be read.
        """
        try:
            if os.name != "nt" and stat.S_IMODE(self.key.stat().st_mode) & 0o077:
                raise InputError(f"key {self.key} can be read by others: chmod 600 {self.key}")
            return self.key.read_bytes()
        except OSError as error:
            raise InputError(f"key {self.key} cannot be read: {error.strerror}") from error


def make_chain(chain: Chain) -> None:
    """Make a root that signs one leaf, for ES256; the root's key is not kept, so that it signs nothing else.

    Raises:
        InputError: a chain is there; it is never replaced. MissingError: no ``cryptography``.
    """
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise MissingError(_LACKING) from error
    paths = (chain.certificates, chain.key, chain.root)
    if any(path.exists() for path in paths):
        raise InputError(f"{chain.folder} holds a chain; it is kept. Move that folder away for a new one")
    root_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate("FaceShot user root", root_key.public_key(), root_key, ca=True)
    leaf = _certificate("FaceShot user", leaf_key.public_key(), root_key, ca=False)
    pem = [made.public_bytes(serialization.Encoding.PEM) for made in (leaf, root)]
    key = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with together(paths):
        for path, content in zip(paths, (b"".join(pem), key, pem[1]), strict=True):
            # Never readable by others, not even while it is written.
            with (
                writing(path) as part,
                os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f,
            ):
                f.write(content)


def _certificate(name: str, public: Any, issuer_key: Any, *, ca: bool) -> Any:
    """A certificate with the extensions that C2PA asks for (specification 2.2, section 14.5)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def entity(common: str) -> x509.Name:
        texts = ((NameOID.ORGANIZATION_NAME, "FaceShot user, self-signed"), (NameOID.COMMON_NAME, common))
        return x509.Name([x509.NameAttribute(kind, text) for kind, text in texts])

    now = datetime.datetime.now(datetime.timezone.utc)
    unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    usage = dict.fromkeys((*unused, "decipher_only"), False)
    usage |= {"digital_signature": not ca, "key_cert_sign": ca, "crl_sign": ca}
    builder = (
        x509.CertificateBuilder()
        .subject_name(entity(name))
        .issuer_name(entity("FaceShot user root"))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
