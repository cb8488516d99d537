"""Public facts about the server's own certificate."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

_TIME = "%Y-%m-%d %H:%M:%S UTC"


def certificate_facts(file: Path) -> dict[str, str]:
    """Describe the first certificate of the file, under AIStore's names. Raise `OSError` and
    `ValueError`."""
    read = x509.load_pem_x509_certificate(file.read_bytes())
    names = read.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    from_, to = read.not_valid_before_utc, read.not_valid_after_utc
    return {
        "version": str(read.version.value + 1),
        "issued-by (CN)": str(names[0].value) if names else "",
        "signature-algorithm": read.signature_algorithm_oid.dotted_string,
        "public-key-algorithm": read.public_key_algorithm_oid.dotted_string,
        "serial-number": str(read.serial_number),
        "valid": f"from {from_:{_TIME}} to {to:{_TIME}}",
    }
