"""What may be told of the server's own certificate."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509


def certificate_facts(file: Path) -> dict[str, str]:
    """Texts by name, of the first certificate in the file. Raises `OSError` and `ValueError`."""
    read = x509.load_pem_x509_certificate(file.read_bytes())
    valid = f"from {read.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC"
    return {
        "subject": read.subject.rfc4514_string(),
        "issued-by": read.issuer.rfc4514_string(),
        "version": read.version.name,
        "serial-number": str(read.serial_number),
        "signature-algo": read.signature_algorithm_oid._name,
        "valid": f"{valid} to {read.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC",
    }
