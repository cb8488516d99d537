"""The disk under the queue of notifications says no."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import tracing
from tests.faults.tracing import failing
from tests.faults.wire import ask
from tests.webhook import BUCKET, Hook, listening, notify, serving


@pytest.mark.skipif(bool(tracing.why_not()), reason=tracing.why_not())
def test_a_write_whose_event_is_not_on_the_disk_is_not_answered_as_done(tmp_path: Path) -> None:
    with listening(Hook()) as hook, serving(tmp_path, hook.url) as server:
        notify(server.client())
        hook.wait_for(1)
        (data,), (pid,) = server.data, server.worker_pids()
        wal = data / "notifications.db-wal"
        with failing(pid, "fsync,fdatasync", "EIO", tmp_path, file=wal) as fault:
            answer = ask(server, "PUT", f"/{BUCKET}/k", b"x")
            assert fault.hits > 0
        assert (answer.status, answer.code) == (500, "InternalError")
        assert ask(server, "PUT", f"/{BUCKET}/k", b"x").status == 200
        hook.wait_for(2)
        assert set(hook.keys) == {"k"}
