from __future__ import annotations

from typing import Any

import h11
import pytest
from hypercorn.protocol.h11 import H11Protocol

from s3gw.server.hypercorn.patches import UnknownHypercorn, patch_hypercorn, with_reason


@pytest.fixture
def protocol(monkeypatch: pytest.MonkeyPatch) -> Any:
    """hypercorn's class, put back afterwards as it was."""
    monkeypatch.setattr(H11Protocol, "_send_h11_event", H11Protocol._send_h11_event)
    return H11Protocol


def test_mending_twice_is_mending_once(protocol: Any) -> None:
    patch_hypercorn()
    mended = protocol._send_h11_event
    patch_hypercorn()
    assert protocol._send_h11_event is mended


def test_an_unknown_hypercorn_is_not_touched(protocol: Any) -> None:
    async def changed(self: Any, event: Any) -> None:
        await self.something_new(event)

    protocol._send_h11_event = changed
    with pytest.raises(UnknownHypercorn):
        patch_hypercorn()
    assert protocol._send_h11_event is changed


def test_the_reason_is_the_one_of_the_status() -> None:
    event = with_reason(h11.InformationalResponse(status_code=100, headers=[("a", "b")]))
    assert event.reason == b"Continue"
    assert list(event.headers) == [(b"a", b"b")]
