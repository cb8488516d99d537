"""A certificate for the server under test, and how clients are told to trust it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from compat.installed import NotHere
from compat.suites import DOMAIN

# For Python's ssl, Go, Rust and curl; for botocore, where AWS_CA_BUNDLE keeps an old rclone from
# starting; for Node.
_TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files: the certificate, which vouches for itself, and its key."""

    certificate: Path
    key: Path

    def trusted(self) -> dict[str, str]:
        """The variables that make a client trust it."""
        return {name: str(self.certificate) for name in _TRUST}


def make_certificate(folder: Path) -> Certificate:
    """For this machine's address, and for all names below the domain of virtual hosts.

    Raises `NotHere` without openssl.
    """
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    command = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", "/CN=s3gw", "-keyout", str(made.key), "-out", str(made.certificate),
        "-addext", f"subjectAltName=IP:127.0.0.1,DNS:{DOMAIN},DNS:*.{DOMAIN}",
        # rustls takes no authority for a server.
        "-addext", "basicConstraints=critical,CA:FALSE",
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        raise NotHere("there is no openssl here") from None
    return made
