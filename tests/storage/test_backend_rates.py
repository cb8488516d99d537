"""Rates of a bucket's requests at its backend: spread, slowed down, and repeated."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from storage.errors import BackendBusy
from storage.tier import Policy, Tier, TieredStore
from storage.tier.backend_rates import BackendRate, BackendRates, RequestKind
from storage.tier.paces import FORGOTTEN_S, OwnPaces, Pace, SharedPaces
from storage.values import BucketInfo, DeleteRequest, ListQuery
from tests.server_process import ROOT
from tests.storage.bodies import body_of, content_of
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.sync_bucket import put_options
from tests.storage.tier_scene import BUCKET, Scene, tier_scene

BUSY = BackendBusy("aws://train", "SlowDown")


def rate(most: int, retries: int = 3, **by_kind: int) -> BackendRate:
    """So many requests of each kind a minute, or so many of one."""
    every = {kind: by_kind.get(kind.value, most) for kind in RequestKind}
    return BackendRate(60.0, every, retries)


class Paced:
    """Requests at a clock that moves when somebody sleeps; `busy` of the next ones are refused."""

    def __init__(self, **options: Any) -> None:
        self.now_s = 1000.0
        self.rates = BackendRates(OwnPaces(lambda: self.now_s), sleep=self._sleep, **options)
        self.made_s: list[float] = []
        self.busy = 0
        self.slept: Callable[[], None] = lambda: None

    async def _sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.slept()

    async def _request(self, *_: Any) -> str:
        self.made_s.append(self.now_s)
        if self.busy:
            self.busy -= 1
            raise BUSY
        return "done"

    async def make(self, chosen: BackendRate, method: str = "get_object", *arguments: Any) -> Any:
        return await self.rates.make("b", chosen, method, self._request, *arguments)

    def seconds(self, count: int, chosen: BackendRate, method: str = "get_object") -> float:
        """How long so many requests take, one after the other."""

        async def story() -> float:
            begun_s = self.now_s
            for _ in range(count):
                await self.make(chosen, method)
            return self.now_s - begun_s

        return asyncio.run(story())


def test_requests_are_spread_over_the_interval() -> None:
    paced = Paced()
    assert paced.seconds(120, rate(120)) == pytest.approx(59, abs=0.01)
    assert paced.seconds(120, rate(120)) == pytest.approx(60, abs=0.01)


def test_what_was_not_used_of_a_second_may_be_used_at_once() -> None:
    paced = Paced()
    assert paced.seconds(100, rate(6000)) == 0
    paced.now_s += 3600
    assert paced.seconds(150, rate(6000)) == pytest.approx(0.5, abs=0.01)


def test_kinds_have_limits_of_their_own() -> None:
    paced = Paced()
    chosen = rate(6000, get=60, delete=6)
    assert paced.seconds(11, chosen, "head_object") == pytest.approx(10)
    assert paced.seconds(100, chosen, "create_upload") == 0
    assert paced.seconds(2, chosen, "delete_object") == pytest.approx(10)


def test_names_of_one_deletion_count_each() -> None:
    async def story() -> float:
        paced = Paced()
        names = [DeleteRequest(str(number)) for number in range(10)]
        await paced.make(rate(60), "delete_objects", "b", names)
        await paced.make(rate(60), "delete_object", "b", names[0])
        return paced.now_s - 1000

    assert asyncio.run(story()) == pytest.approx(10)


def test_waiting_requests_take_turns_and_too_many_are_refused() -> None:
    async def story() -> list[Any]:
        paced = Paced()
        waiting = [paced.make(rate(6)) for _ in range(9)]
        return await asyncio.gather(*waiting, return_exceptions=True)

    class Standing(Paced):
        async def _sleep(self, seconds: float) -> None:
            """The others come at the same time."""

    async def at_once() -> list[Any]:
        paced = Standing()
        waiting = [paced.make(rate(6)) for _ in range(9)]
        return await asyncio.gather(*waiting, return_exceptions=True)

    assert asyncio.run(story()) == ["done"] * 9
    outcomes = asyncio.run(at_once())
    assert outcomes[:7] == ["done"] * 7
    assert [type(each) for each in outcomes[7:]] == [BackendBusy, BackendBusy]


def test_a_busy_backend_is_asked_again_after_pauses_that_grow() -> None:
    paced = Paced()
    paced.busy = 3
    assert asyncio.run(paced.make(rate(60_000))) == "done"
    pauses = [later - before for before, later in zip(paced.made_s, paced.made_s[1:], strict=False)]
    for pause, longest in zip(pauses, (0.25, 0.5, 1.0), strict=True):
        assert longest / 2 <= pause <= longest


def test_a_busy_backend_is_given_up_after_so_many_retries() -> None:
    paced = Paced()
    paced.busy = 100
    with pytest.raises(BackendBusy):
        asyncio.run(paced.make(rate(60_000, retries=2)))
    assert len(paced.made_s) == 3


@pytest.mark.parametrize("method", ["put_object", "put_part"])
def test_what_has_sent_a_body_is_not_repeated(method: str) -> None:
    paced = Paced()
    paced.busy = 1
    with pytest.raises(BackendBusy):
        asyncio.run(paced.make(rate(60_000), method))
    assert len(paced.made_s) == 1


def test_a_busy_backend_slows_the_bucket_down_and_it_recovers() -> None:
    paced = Paced()
    chosen = rate(120, retries=1)
    paced.seconds(2, chosen)
    full_s = paced.seconds(10, chosen)
    paced.busy = 1
    paced.seconds(1, chosen)
    slowed_s = paced.seconds(10, chosen)
    assert slowed_s > 1.5 * full_s
    paced.now_s += 60
    paced.seconds(2, chosen)
    assert paced.seconds(10, chosen) == pytest.approx(full_s)


def test_a_rate_has_a_floor() -> None:
    paced = Paced()
    chosen = rate(60_000, retries=1)
    paced.busy = 1000
    for _ in range(20):
        with pytest.raises(BackendBusy):
            asyncio.run(paced.make(chosen))
    paced.busy = 0
    # A floor of 1/64 leaves some 15 requests a second.
    assert paced.seconds(32, chosen) < 4


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with tier_scene(tmp_path, FakeClock()) as scene:
        yield scene


def paced_store(scene: Scene, chosen: BackendRate, paced: Paced) -> TieredStore:
    def policy(_: BucketInfo) -> Policy:
        return Policy(rate=chosen)

    tier = Tier(scene.local, {"aws": scene.cloud}, policy, rates=paced.rates)
    return TieredStore(tier)


def test_a_bucket_with_a_rate_is_read_written_and_listed_at_it(scene: Scene) -> None:
    async def story() -> None:
        paced = Paced()
        store = paced_store(scene, rate(60), paced)
        await store.put_object(BUCKET, "a", body_of(b"one"), put_options())
        await store.head_object(BUCKET, "a")
        for _ in range(10):
            await content_of(await store.get_object(BUCKET, "a"))
        # What is here makes no request.
        assert paced.now_s == 1000
        for _ in range(3):
            await store.list_objects(BUCKET, ListQuery())
        assert paced.now_s == pytest.approx(1002)
        await store.delete_object(BUCKET, DeleteRequest("a"))
        assert paced.now_s == pytest.approx(1002)
        await store.tier.aclose()

    run(story())


def test_a_cold_read_waits_until_the_backend_is_not_busy(scene: Scene) -> None:
    async def story() -> None:
        paced = Paced()
        store = paced_store(scene, rate(60_000), paced)
        await scene.upload("a", b"one")
        scene.cloud.refusal = BUSY

        def over() -> None:
            scene.cloud.refusal = None

        paced.slept = over
        assert await content_of(await store.get_object(BUCKET, "a")) == b"one"
        await store.tier.aclose()

    run(story())


def test_a_rate_that_is_disabled_costs_nothing(scene: Scene) -> None:
    remote = scene.tier.remote_of(run(scene.tier.bucket(BUCKET)))
    assert remote is not None
    assert remote.backend is scene.cloud
    assert msgspec.structs.asdict(Policy())["rate"] is None


def take(pace: Pace, now_s: float) -> float:
    """Take one of 60 tokens a minute; the tokens that were there."""
    pace.tokens.wait_s(now_s, 1.0, 10.0)
    pace.tokens.tokens -= 1
    return pace.tokens.tokens


@pytest.mark.parametrize("shares", [True, False])
def test_processes_share_a_pace_through_the_file(tmp_path: Path, shares: bool) -> None:
    async def story() -> list[float]:
        files = [tmp_path / "rates", tmp_path / ("rates" if shares else "others")]
        both = [SharedPaces(file, lambda: 1000.0) for file in files]
        found = [await paces.change("get b", take) for paces in (*both, *both)]
        for paces in both:
            paces.close()
        return found

    assert asyncio.run(story()) == ([9, 8, 7, 6] if shares else [9, 9, 8, 8])


def test_no_change_is_lost_among_processes(tmp_path: Path) -> None:
    """Each of them takes a hundred tokens, at any time."""
    command = [sys.executable, "-c", _TAKER, str(tmp_path / "rates")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    takers = [subprocess.Popen(command, env=environment) for _ in range(4)]
    assert [taker.wait() for taker in takers] == [0] * 4
    paces = SharedPaces(tmp_path / "rates", lambda: 1000.0)
    assert asyncio.run(paces.change("get b", lambda pace, _: pace.tokens.tokens)) == 10 - 400
    paces.close()


_TAKER = """
import asyncio, sys
from pathlib import Path
from storage.tier.paces import SharedPaces

def take(pace, now_s):
    pace.tokens.wait_s(now_s, 1.0, 10.0)
    pace.tokens.tokens -= 1

async def main():
    paces = SharedPaces(Path(sys.argv[1]), lambda: 1000.0)
    for _ in range(100):
        await paces.change("get b", take)

asyncio.run(main())
"""


def test_keys_do_not_share_and_what_fails_changes_nothing(tmp_path: Path) -> None:
    def fail(pace: Pace, now_s: float) -> None:
        take(pace, now_s)
        raise BUSY

    async def story() -> None:
        paces = SharedPaces(tmp_path / "rates", lambda: 1000.0)
        keys = [f"get {number}" for number in range(300)]
        assert [await paces.change(key, take) for key in keys] == [9] * 300
        with pytest.raises(BackendBusy):
            await paces.change(keys[0], fail)
        assert [await paces.change(key, take) for key in keys] == [8] * 300
        paces.close()

    asyncio.run(story())


@pytest.mark.parametrize("later_s", [FORGOTTEN_S + 1, -1000.0])
def test_old_paces_and_those_of_before_a_restart_are_new(tmp_path: Path, later_s: float) -> None:
    now_s = 10_000.0

    async def story() -> list[float]:
        nonlocal now_s
        paces = SharedPaces(tmp_path / "rates", lambda: now_s)
        found = [await paces.change("get b", take) for _ in range(3)]
        now_s += later_s
        found.append(await paces.change("get b", take))
        paces.close()
        return found

    assert asyncio.run(story()) == [9, 8, 7, 9]
