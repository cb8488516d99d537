"""Transformers of a server that has them turned on."""

from __future__ import annotations

from s3gw.etl.service import EtlService
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode

_OFF = (
    "is not supported (etl job): ETL is turned off, start the server with --etl "
    "(etl.enabled = true)"
)


def etl_of(call: NativeCall, what: str = "ETL") -> EtlService:
    """Raise 501 where transformers are turned off; `what` would need them."""
    service = call.native.etl
    if service is None:
        raise NativeError(501, f"{what} {_OFF}", Tcode.UNSUPPORTED)
    return service


def targets_of(call: NativeCall) -> list[str]:
    """Return the targets that each have their own instance of a transformer."""
    members = call.native.members
    others = [each.target for each in members.others() if not each.is_missing]
    return [members.target, *others]
