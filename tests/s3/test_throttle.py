"""Guessing at keys through the front door."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from s3gw.auth.throttle import Throttle
from s3gw.config.auth import ThrottleOptions
from s3gw.identity.accounts import Account
from storage.backends.memory import MemoryBackend
from tests.s3.forms import allowed, form, post
from tests.s3.gateway import ALICE, BOB, Gateway, code_of
from tests.storage.fake_clock import FakeClock

BURST = 3
GUESS = replace(ALICE, secrets={"ALICE-KEY": "not-the-secret"})


class Guarded(Gateway):
    def __init__(self) -> None:
        self.clock = FakeClock()
        throttle = Throttle(ThrottleOptions(burst=BURST, per_minute=60), self.clock)
        super().__init__(MemoryBackend(), throttle=throttle)

    def list(self, account: Account) -> tuple[int, str]:
        answer = self.send("GET", "/", account=account)
        return (200, "") if answer.status == 200 else code_of(answer)


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    gateway = Guarded()
    yield gateway
    gateway.close()


def test_who_guesses_is_told_to_slow_down(guarded: Guarded) -> None:
    for _ in range(BURST):
        assert guarded.list(GUESS) == (403, "SignatureDoesNotMatch")
    assert guarded.list(GUESS) == (503, "SlowDown")
    answer = guarded.send("GET", "/", account=ALICE)
    assert answer.headers["retry-after"] == "1"


def test_the_right_signature_passes_again_after_a_while(guarded: Guarded) -> None:
    for _ in range(BURST + 1):
        guarded.list(GUESS)
    assert guarded.list(ALICE) == (503, "SlowDown")
    guarded.clock.advance_s(1)
    assert guarded.list(ALICE) == (200, "")


def test_nobody_else_is_slowed_down(guarded: Guarded) -> None:
    for _ in range(BURST + 1):
        guarded.list(GUESS)
    assert guarded.list(BOB) == (200, "")


def test_presigned_urls_are_counted_with_their_key(guarded: Guarded) -> None:
    guarded.list(ALICE)
    query = "AWSAccessKeyId=ALICE-KEY&Signature=AAAA&Expires=4000000000"
    v4 = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ALICE-KEY%2F20260101%2Fus-east-1%2Fs3"
        "%2Faws4_request&X-Amz-Date=20990101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host"
        f"&X-Amz-Signature={'0' * 64}"
    )
    for _ in range(BURST):
        assert code_of(guarded.send("GET", f"/?{query}", account=None))[0] == 403
    for target in (f"/?{query}", f"/?{v4}"):
        assert code_of(guarded.send("GET", target, account=None)) == (503, "SlowDown")


def test_forms_are_counted_at_their_address(guarded: Guarded) -> None:
    bucket = guarded.new_bucket()
    fields = allowed(bucket, {"key": "k"})
    bad = form({**fields, "signature": "AAAA"})
    for _ in range(BURST):
        assert code_of(post(guarded, bucket, bad)) == (403, "SignatureDoesNotMatch")
    assert code_of(post(guarded, bucket, form(fields))) == (503, "SlowDown")
    assert guarded.list(ALICE) == (200, "")


def test_an_error_that_is_no_guess_is_not_counted(guarded: Guarded) -> None:
    for _ in range(BURST * 20):
        answer = guarded.send("GET", "/", {"authorization": "AWS4-HMAC-SHA256 x"}, account=None)
        assert code_of(answer) == (400, "AuthorizationHeaderMalformed")


def test_unknown_keys_are_slowed_down_in_the_end(guarded: Guarded) -> None:
    answers = [
        guarded.list(Account("x", secrets={f"KEY-{number}": "secret-secret"}))
        for number in range(BURST * 10 + 1)
    ]
    assert answers[0] == (403, "InvalidAccessKeyId")
    assert answers[-1] == (503, "SlowDown")
    assert guarded.list(ALICE) == (200, "")
