"""`python -m tests.stall [WORD...]`: the longest step of a worker's loop under the worst input.

Each input is sent alone to a whole gateway in this process, while the loop looks at the CPU time of
its thread between all steps. With words, only the inputs that have all of them in their names.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from s3gw.server.memory import keep_freed_blocks, settle_garbage_collector
from tests.stall.corpus import CORPUS
from tests.stall.world import new_world

MOST_MS = 20.0


def main() -> int:
    chosen = {name: each for name, each in CORPUS.items() if all(w in name for w in sys.argv[1:])}
    late = []
    # As a worker does.
    keep_freed_blocks()
    print(f"{'longest step':>13}  {'whole':>8}  status  input")
    for name, prepare in chosen.items():
        with tempfile.TemporaryDirectory() as folder, new_world(Path(folder)) as world:
            settle_garbage_collector()
            send = prepare(world)
            began = time.perf_counter()
            answer, longest_ms = world.measured(send)
            whole_ms = (time.perf_counter() - began) * 1000
        mark = "  <-- too long" if longest_ms > MOST_MS else ""
        print(
            f"{longest_ms:10.1f} ms  {whole_ms:5.0f} ms  {answer.status}     {name}{mark}",
            flush=True,
        )
        late += [name] if mark else []
    if late:
        print(f"{len(late)} of {len(chosen)} inputs hold the loop for more than {MOST_MS:g} ms.")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
