from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.etl.scene import EtlScene
from tests.server_process import ServerProcess

ANSWER_LIMIT = 8 << 20


@pytest.fixture(scope="package")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtlScene]:
    """One server for all of these tests; each has transformers and buckets of its own."""
    folder = tmp_path_factory.mktemp("etl")
    environment = {"S3GW_ETL_AT_ONCE": "1", "S3GW_ETL_ANSWER_LIMIT": str(ANSWER_LIMIT)}
    # Its own objects are what is downloaded: by a name, so that addresses stay refused.
    environment["S3GW_OUTBOUND_ALLOW"] = "localhost"
    flags = ["--etl", "--no-auth"]
    with ServerProcess(folder, flags=flags, environment=environment, workers=1) as server:
        yield EtlScene(server)
