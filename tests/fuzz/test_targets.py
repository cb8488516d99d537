"""The targets of the fuzzer, tried with Hypothesis' bytes; `make fuzz` tries them for longer."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.archives.made import read_back
from tests.fuzz import (
    archives,
    authorization,
    chunked,
    documents,
    native,
    policies,
    post_forms,
    presigned,
    requests,
    tokens,
)
from tests.fuzz.front_door import BODY, BUCKET, OWNER, closed_door, open_door
from tests.fuzz.mutation import ODD, spliced
from tests.fuzz.registry import TARGETS
from tests.fuzz.written import read

MODULES = {name: import_module(f"tests.fuzz.{name}") for name in TARGETS}
EXAMPLES = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Changed at one place, which random bytes seldom are.
changes = st.builds(
    lambda kind, where, length, new: bytes([kind, 0]) + where.to_bytes(2, "big") + bytes([length])
    + new,
    st.integers(0, 255), st.integers(0, 2000), st.integers(0, 20),
    st.binary(max_size=20) | st.sampled_from(ODD),
)  # fmt: skip


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    yield MODULES[request.param]
    tracemalloc.stop()


def test_the_seeds_pass(target: ModuleType) -> None:
    for seed in target.SEEDS:
        target.one_input(seed)


@EXAMPLES
@given(data=st.binary(max_size=300) | changes | changes.map(lambda data: data[1:]))
def test_whatever_is_sent(target: ModuleType, data: bytes) -> None:
    target.one_input(data)


def test_every_target_is_listed() -> None:
    here = Path(__file__).parent
    found = {p.stem for p in here.glob("*.py") if "def one_input" in p.read_text()}
    assert found - {"test_targets"} == set(TARGETS)


def test_what_the_targets_begin_with_is_good() -> None:
    """Otherwise they would fuzz nothing but refusals."""
    door = closed_door()
    path = f"/{BUCKET}/key".encode()
    signed = [(b"authorization", authorization.GOOD), *authorization._OTHERS]
    assert door.ask("GET", path, headers=signed).body == BODY
    for query in presigned.GOOD:
        assert door.ask("GET", path, query).body == BODY
    assert post_forms._post(door, post_forms._KIND, post_forms.GOOD) == 204
    assert chunked._read(chunked.SIGNED, is_signed=True) is not None
    assert chunked._read(chunked.UNSIGNED, is_signed=False) is not None
    assert tokens.is_taken(tokens.GOOD.decode())
    assert tokens.is_taken(tokens._signed(tokens.CLAIMS))
    as_owner = [(b"x-account", OWNER.account.encode())]
    answer = open_door().ask("PUT", f"/{BUCKET}".encode(), b"policy", as_owner, policies.GOOD)
    assert answer.status == 204
    accepted = ("PUT ?tagging", "PUT ?cors", "PUT ?lifecycle", "PUT ?acl", "POST ?delete")
    for name in accepted:
        method, _, marker = name.partition(" ?")
        body = documents.TARGETS[name].encode()
        answer = open_door().ask(method, f"/{BUCKET}".encode(), marker.encode(), as_owner, body)
        assert answer.status < 300, (name, answer)
    # Half and more of the whole requests do what they are for.
    good = [native.NativeDoor().send(read(text.encode())).status for text in native.REQUESTS]
    assert sum(status < 300 for status in good) > len(good) * 0.7
    good = [requests.Desk().send(read(text.encode()), OWNER).status for text in requests.REQUESTS]
    assert sum(status < 300 for status in good) > len(good) * 0.5


def test_an_archive_without_a_change_is_read() -> None:
    for number in range(16):
        kind, archive = archives.archive_in(bytes([number]) + b"\0\0\0\0")
        found = read_back(kind, archive)
        assert found[: len(archives._FILES)] == archives._FILES


def test_a_splice_without_a_change_is_the_good_text() -> None:
    assert spliced(b"good", b"\0\0\0\0") == b"good"
    assert spliced(b"good", b"\0\0\1\2x") == b"gxd"
    assert spliced(b"good", b"\1other") == b"other"
