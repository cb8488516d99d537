"""Keys of jobs: the server's own; a customer's key comes with requests only."""

from __future__ import annotations

from s3gw.keys.provider import KeyProvider, UnknownKey
from s3gw.objects.encryption import SSE_C, record_context
from storage.errors import KeyRequired
from storage.values import Encryption, Unlock


def unlock_with(keys: KeyProvider | None) -> Unlock:
    """Return the `unlock` of jobs; it raises `KeyRequired` with what is missing."""

    async def unlock(record: Encryption) -> bytes:
        if record.scheme == SSE_C:
            raise KeyRequired("it is encrypted with a key of the customer's")
        if keys is None:
            raise KeyRequired("it is encrypted, and this server has no master key")
        context = record_context(record.scheme, record.context)
        try:
            return await keys.unwrap(record.key_id, record.wrapped, context)
        except UnknownKey as error:
            raise KeyRequired(f"its key '{error.key_id}' does not exist") from None

    return unlock
