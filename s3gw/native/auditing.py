"""Audit log lines of the native API: changes of rights, and attempts."""

from __future__ import annotations

from s3gw.identity.namespaces import in_arns
from s3gw.native.call import NativeCall
from s3gw.native.operation import NativeOperation
from s3gw.telemetry.audit import Action
from s3gw.telemetry.exchange import Exchange


def note(
    call: NativeCall, operation: type[NativeOperation], exchange: Exchange, status: int
) -> None:
    """Write one line for the request, if its operation is audited."""
    if not operation.is_audited:
        return
    call.native.audit.record(
        Action(
            action=operation.__name__,
            resource=_resource(call),
            outcome=str(status),
            source="native",
            request_id=exchange.request_id,
            account=exchange.account,
            user=call.caller.user,
            remote=exchange.remote,
        )
    )


def _resource(call: NativeCall) -> str:
    """Return the bucket or object, with its new name in a rename; in AuthN the path, with the name
    of what is created."""
    if call.bucket:
        named = f"arn:aws:s3:::{in_arns(call.bucket)}{'/' if call.key else ''}{call.key}"
        return f"{named} -> {call.made}" if call.made else named
    segments = [segment for segment in (*call.segments, call.made) if segment]
    return "/".join(segments)
