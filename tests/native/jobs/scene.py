"""The native front door with jobs, which run when the test says so."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from cluster.coordination.embedded import EmbeddedCoordination, prepare
from cluster.jobs.job_run import Download, JobContext, nothing_to_download
from cluster.jobs.registry import Registry
from cluster.jobs.runner import Limits, Runner
from s3gw.events.notifier import Notifier, Outcome
from s3gw.jobs.archiving import ObjectArchiver
from s3gw.jobs.copying import ObjectCopier
from s3gw.jobs.inventory.writing import InventoryWriter
from s3gw.jobs.promoting import FilePromoter
from s3gw.jobs.sorting.scratch import Room
from s3gw.jobs.sorting.sorter import ObjectSorter
from s3gw.keys.provider import KeyProvider
from s3gw.objects.encryption import unlock_with
from s3gw.objects.promotion.files import NOTHING_PROMOTABLE, Promotable
from s3gw.outbound.addresses import Allowed
from storage.backend import Backend
from storage.outbox_file import FileOutbox
from storage.outbox_file import prepare as prepare_outbox
from tests.native.scene import Scene, services
from tests.services import tier_of
from tests.storage.fake_clock import FakeClock


class JobScene(Scene):
    """`rounds` counts what was cleaned; events of the target `hook` stay in the outbox."""

    def __init__(
        self,
        store: Backend,
        keys: KeyProvider,
        folder: Path,
        promotable: Promotable = NOTHING_PROMOTABLE,
    ) -> None:
        self.folder = folder
        prepare(folder / "coordination.db")
        prepare_outbox(folder / "events.db")
        self.clock = FakeClock(2_000_000_000)
        self.coordination = EmbeddedCoordination(folder / "coordination.db")
        self.registry = Registry(self.coordination, clock=self.clock)
        self.outbox = FileOutbox(folder / "events.db", limit_bytes=1 << 20)
        self.rounds = 0
        self.download: Download = nothing_to_download
        self.allowed = Allowed()
        self.notifier = self._notifier()
        everything = services(store, keys, announcer=self.notifier, registry=self.registry)
        self.objects = everything.s3.objects
        self.vault = everything.native.authn.directory.vault
        self.batch_jobs = everything.s3.batches.jobs
        self.promotable = promotable
        native = replace(everything.native, promotable=promotable)
        super().__init__(store, dataclasses.replace(everything, native=native))

    def close(self) -> None:
        super().close()
        self.coordination.close()
        self.outbox.close()

    def run_jobs(self) -> None:
        """Until none runs or waits."""
        self.server.run(self._run_jobs())

    def begin(self, method: str, target: str, action: str, value: Any = None, **more: Any) -> str:
        """The id of a job that was begun."""
        answer = self.act(method, target, action, value, **more)
        assert answer.status == 200, answer.body
        return answer.body.decode()

    def done(
        self, method: str, target: str, action: str, value: Any = None, **more: Any
    ) -> dict[str, Any]:
        """The snapshot of a job, run to its end."""
        xid = self.begin(method, target, action, value, **more)
        self.run_jobs()
        return self.snap(xid)

    def ask(self, what: str, document: Any = None, **more: Any) -> Any:
        answer = self.send("GET", f"cluster?what={what}", document, **more)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def snap(self, xid: str, **more: Any) -> dict[str, Any]:
        (snaps,) = self.ask("qryxstats", {"ID": xid}, **more).values()
        (snap,) = snaps
        assert isinstance(snap, dict)
        return snap

    def names(self, bucket: str) -> list[str]:
        return [entry["n"] for entry in self.listing(bucket)["Entries"]]

    def events(self) -> list[Any]:
        """What waits for the target `hook`, and then no longer."""
        return self.server.run(self._events())  # type: ignore[no-any-return]

    async def _events(self) -> list[Any]:
        waiting = await self.outbox.read("hook", 100)
        await self.outbox.drop([each.id for each in waiting])
        messages = (json.loads(each.body) for each in waiting)
        return [record for message in messages for record in message.get("Records", ())]

    async def _run_jobs(self) -> None:
        runner = self._runner()

        async def quiet(_: float) -> bool:
            if runner.tasks:
                await asyncio.wait(runner.tasks)
            return await self._is_quiet()

        await runner.run(quiet)

    async def watched_jobs(self) -> None:
        """The same with looks at requests to stop, as the real one has them."""

        async def quiet(_: float) -> bool:
            await asyncio.sleep(0.01)
            return await self._is_quiet()

        await self._runner().run(quiet)

    async def _is_quiet(self) -> bool:
        return all(each.is_over or each.is_idle for each in await self.registry.all())

    def _runner(self) -> Runner:
        copier = ObjectCopier(self.objects)
        archiver = ObjectArchiver(self.objects)
        tier = tier_of(self.store)
        context = JobContext(
            store=self.store,
            copy=copier.copy,
            delete=copier.delete,
            clean=self._clean,
            archive=archiver.archive,
            unlock=unlock_with(self.objects.encryption.keys),
            files=FilePromoter(self.objects, self.promotable),
            archives=self.objects.archives,
            fetch=tier.fetch,
            evict=tier.evict,
            local=tier.local,
            record=self.registry.add_ended,
            download=self.download,
            sort=ObjectSorter(self.objects, Room(self.folder), self.allowed).sort,
            report=InventoryWriter(self.objects).begin,
        )
        return Runner(context, self.registry, Limits())

    async def _clean(self) -> bool:
        self.rounds += 1
        return False

    def _notifier(self) -> Notifier:
        return Notifier(self.outbox, ["hook"], region="us-east-1", count=_nobody_counts)


def _nobody_counts(target: str, outcome: Outcome, number: int) -> None:
    """Nobody looks."""
