"""Audit log: changes of access rights, and attempts at them.

One JSON line for each action, whether done or refused: policies, ACLs, ownership, public access,
creation and removal of buckets, locks and bypassing them, encryption, logging, users, roles, keys
and tokens. The line has the names in an action; its content (documents, secrets, tokens,
signatures) is never logged.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import msgspec

from s3gw.config.loading import ConfigError
from s3gw.telemetry.line_writer import LineWriter, Sink, open_sink
from s3gw.telemetry.logs import timestamp

if TYPE_CHECKING:
    from pathlib import Path

    from s3gw.telemetry.exchange import Exchange

log = logging.getLogger(__name__)

FILE_NAME = "audit.log"
MAX_WAITING = 10_000
# An ARN with the longest names of a bucket and of an object has fewer characters.
MAX_TEXT = 1200
_CHANGES = """
    CreateBucket DeleteBucket
    PutBucketAbac PutBucketAccelerateConfiguration PutBucketAcl PutBucketCors PutBucketEncryption
    PutBucketInventoryConfiguration PutBucketLifecycleConfiguration PutBucketLogging
    PutBucketNotificationConfiguration PutBucketOwnershipControls PutBucketPolicy
    PutBucketRequestPayment
    PutBucketTagging PutBucketVersioning PutBucketWebsite PutObjectLockConfiguration
    PutPublicAccessBlock
    DeleteBucketCors DeleteBucketEncryption DeleteBucketLifecycle DeleteBucketOwnershipControls
    DeleteBucketPolicy DeleteBucketReplication DeleteBucketTagging DeleteBucketWebsite
    DeleteBucketAnalyticsConfiguration DeleteBucketIntelligentTieringConfiguration
    DeleteBucketInventoryConfiguration DeleteBucketMetadataConfiguration
    DeleteBucketMetadataTableConfiguration DeleteBucketMetricsConfiguration
    DeletePublicAccessBlock
    PutObjectAcl PutObjectLegalHold PutObjectRetention
"""
AUDITED = frozenset(_CHANGES.split())
# Audited when they bypass a lock.
BYPASSING = frozenset({"DeleteObject", "DeleteObjects", "PutObjectRetention"})


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """`action` is the operation's name; `resource` its subject, as an ARN or a path; `outcome` a
    status, `done`, or a reason; `source` the front end, or `cli`. `account`, `user` and
    `access_key` are the caller's, if known."""

    action: str
    resource: str
    outcome: str
    source: str = "s3"
    request_id: str = ""
    account: str = ""
    user: str = ""
    access_key: str = ""
    remote: str = ""
    bypass_governance: bool = False


class Audit:
    """Writes to the sink, if there is one."""

    def __init__(self, sink: Sink | None) -> None:
        self._writer: LineWriter | None = None
        if sink is not None:
            self._writer = LineWriter(sink, "audit log", max_waiting=MAX_WAITING)

    def record(self, action: Action) -> None:
        if self._writer is None:
            return
        told = {name: _clipped(value) for name, value in msgspec.structs.asdict(action).items()}
        line = _ENCODER.encode({"time": timestamp(time.time()), **told})
        if not self._writer.write(line + b"\n"):
            log.error("audit line dropped", extra={"action": action.action})

    def observe(self, exchange: Exchange) -> None:
        """Write a line for a request to S3, if it is audited."""
        if exchange.operation in AUDITED or exchange.operation in BYPASSING:
            bypass = exchange.operation in BYPASSING and exchange.bypasses_lock
            if exchange.operation in AUDITED or bypass:
                self.record(_action(exchange, bypass))

    def close(self) -> None:
        """Return when everything is written."""
        if self._writer is not None:
            self._writer.close()


def _clipped(value: object) -> object:
    """Cut what a client may have made long: names that can be are shorter."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return f"{value[:MAX_TEXT]}... ({len(value)} characters)"
    return value


NO_AUDIT = Audit(None)
_ENCODER = msgspec.json.Encoder()


def open_audit(target: str, folder: Path) -> Audit:
    """Open the log. `target` is `-` for stdout, `off`, a file's path, or empty for a file in the
    folder. Raises `ConfigError`."""
    if target == "off":
        return Audit(None)
    try:
        return Audit(open_sink(target or str(folder / FILE_NAME)))
    except OSError as error:
        raise ConfigError(
            f"log.audit = {target!r}: the file cannot be opened: {error.strerror}."
        ) from None


def _action(exchange: Exchange, bypass: bool) -> Action:
    principal = exchange.principal
    key = exchange.head.key if exchange.head else ""
    return Action(
        action=exchange.operation,
        resource=f"arn:aws:s3:::{exchange.bucket}{'/' if key else ''}{key}",
        outcome=f"{exchange.status} {exchange.error_code}".rstrip(),
        request_id=exchange.request_id,
        account=exchange.account,
        user=principal.user if principal else "",
        access_key=principal.access_key if principal else "",
        remote=exchange.remote,
        bypass_governance=bypass,
    )
