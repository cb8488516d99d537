"""The section `[notifications]`: events of buckets, and the targets that they are sent to."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.config.declaration import Tables, required, setting
from s3gw.config.types import Choice, Seconds, Size, Text


@dataclass(frozen=True, slots=True)
class NotificationTarget:
    """A receiver of events; a bucket's rules name it in an ARN."""

    name: str = required(
        "The name, the last part of the ARNs of this target.",
        Text("1 to 64 letters, digits and any of _ -", r"[A-Za-z0-9_-]{1,64}"),
    )
    url: str = required(
        "Where each event is sent with POST; redirects are not followed.",
        Text("an http or https URL", r"https?://[!-~]+"),
    )
    type: str = setting("webhook", "How it is notified.", Choice(("webhook",)))
    authorization: str = setting(
        "",
        "The whole value of the Authorization header, such as `Bearer 0123456789`.",
        Text("a header's value", r"[ -~]*"),
        secret=True,
    )
    timeout_s: float = setting(
        10.0, "How long one attempt may take, response included.", Seconds(0.01, 300)
    )


@dataclass(frozen=True, slots=True)
class Notifications:
    """Events of buckets, sent to targets."""

    targets: tuple[NotificationTarget, ...] = setting(
        (), "The targets: `[[notifications.targets]]` tables.", Tables(NotificationTarget)
    )
    queue_bytes: int = setting(
        64 << 20,
        "How many bytes of events may wait for one target, some 1 KB each; further events for it "
        "are dropped, counted and logged.",
        Size(1 << 10, 1 << 40),
    )
    interval_s: float = setting(
        0.5, "How often the queue is checked while it is empty.", Seconds(0.01, 3600)
    )
    retry_s: float = setting(
        1.0,
        "How long to wait after a target failed; doubled each time it fails again.",
        Seconds(0.01, 3600),
    )
    longest_retry_s: float = setting(
        300.0, "The longest wait between two attempts.", Seconds(0.01, 86400)
    )
    keep_s: float = setting(
        86400.0,
        "How old an event may be before it is dropped, counted and logged.",
        Seconds(1, 366 * 86400),
    )
