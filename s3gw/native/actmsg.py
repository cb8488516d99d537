"""Action message: the JSON document that says what most control requests want.

    {"action": "create-bck", "name": "", "value": ...}

Unknown keys are ignored, missing ones are empty.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from s3gw.native.errors import NativeError

T = TypeVar("T")

# Every action that AIStore knows: those that no operation takes are refused by name.
_ACTIONS = """
    create-bck destroy-bck set-bprops reset-bprops summary-bck ec-encode copy-bck etl-bck
    make-n-copies rechunk index-shard summary-shard rebalance move-bck resilver lru cleanup-store
    evict-remote-bck list load-lom-cache promote rename-obj mpt-upload mpt-complete mpt-abort
    reset-stats reset-config set-config rotate-logs reload-creds clear-lcache shutdown decommission
    copy-listrange delete-listrange etl-listrange evict-listrange prefetch-listrange archive attach
    detach enable-bend disable-bend start-maintenance stop-maintenance shutdown-node
    decommission-node attach-mp enable-mp detach-mp disable-mp rescan-mp fshc-mp check-lock
    get-batch invallistobjcache create-inventory destroy-inventory show-inventory blob-download
    start stop
"""
ACTIONS = frozenset(_ACTIONS.split())


class ActionMessage(msgspec.Struct, frozen=True):
    """An action message. `value` stays raw until an operation reads it as its own type."""

    action: str = ""
    name: str = ""
    value: msgspec.Raw = msgspec.Raw(b"null")


NO_MESSAGE = ActionMessage()
_DECODER = msgspec.json.Decoder(ActionMessage)


def read_message(text: bytes) -> ActionMessage:
    """Parse an action message; an empty body is an empty message. Raise 400 for any other body."""
    if not text.strip():
        return NO_MESSAGE
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NativeError(400, f"failed to read the action message: {error}") from None


def read_value(kind: type[T], value: bytes | msgspec.Raw) -> T:
    """Decode the value, or a whole document, as the type. Raise 400."""
    try:
        return msgspec.json.decode(value, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NativeError(400, f"invalid value: {error}") from None


def json(value: Any) -> bytes:
    return msgspec.json.encode(value)
