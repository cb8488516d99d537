"""ETL: classes of the SDK's own servers, sent by `init_class`, on a server of our own.

The transformers are run by this suite's Python, which has the SDK, Pillow and NumPy.
"""

from __future__ import annotations

import io
import os
import sys
import tarfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from compat.aistore_sdk.scene import contents, done, errors, fill, get, new_name, put, tar, untar
from compat.server import Server

# These live in this suite's own environments only.
sdk: Any = import_module("aistore.sdk")
EtlConfig: Any = import_module("aistore.sdk.etl").ETLConfig
numpy: Any = import_module("numpy")
Image: Any = import_module("PIL.Image")
_servers = "aistore.sdk.etl.webserver"
FastAPIServer: Any = import_module(f"{_servers}.fastapi_server").FastAPIServer
FlaskServer: Any = import_module(f"{_servers}.flask_server").FlaskServer
HTTPMultiThreadedServer: Any = import_module(
    f"{_servers}.http_multi_threaded_server"
).HTTPMultiThreadedServer

SERVERS = (FastAPIServer, FlaskServer, HTTPMultiThreadedServer)
WAYS = [
    *((kind, how) for kind in SERVERS for how in ("hpush", "hpull")),
    (FastAPIServer, "ws"),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a server with transformers."""
    server = Server(
        tmp_path_factory.mktemp("etl"),
        options=("--etl", "--no-auth"),
        environment={"S3GW_ETL_PYTHON": sys.executable},
        python=os.environ["COMPAT_SERVER_PYTHON"],
    )
    server.start()
    try:
        yield sdk.Client(server.endpoint)
    finally:
        server.stop()


@pytest.fixture
def etl(client: Any) -> Iterator[Any]:
    """A name of a transformer, with what removes it."""
    made = client.etl(new_name())
    yield made
    made.stop()
    made.delete()


def upper(kind: Any) -> Any:
    """A class that is pickled whole, as those of a user's own program are."""

    class Upper(kind):  # type: ignore[misc]
        def transform(self, data: bytes, path: str, etl_args: str) -> bytes:
            return data.upper() + etl_args.encode()

    return Upper


@pytest.mark.parametrize(("kind", "how"), WAYS)
def test_each_server_transforms_in_each_way(
    client: Any, bucket: Any, target: Any, etl: Any, kind: Any, how: str
) -> None:
    etl.init_class(comm_type=how)(upper(kind))
    fill(bucket, {"a/1.txt": b"one", "a/2.txt": b"two", "empty": b""})
    assert get(bucket, "a/1.txt", etl=EtlConfig(etl.name)) == b"ONE"
    assert get(bucket, "a/1.txt", etl=EtlConfig(etl.name, args={"a": 1})) == b'ONE{"a":1}'
    job = bucket.transform(etl_name=etl.name, to_bck=target, prefix_filter="a/", ext={"txt": "up"})
    done(client, job)
    assert contents(target) == {"a/1.up": b"ONE", "a/2.up": b"TWO"}


def test_pictures_are_made_smaller(bucket: Any, etl: Any) -> None:
    @etl.init_class(SIZE="16")
    class Thumbnail(FastAPIServer):  # type: ignore[misc]
        def transform(self, data: bytes, *_: Any) -> bytes:
            picture = Image.open(io.BytesIO(data))
            picture.thumbnail((int(os.environ["SIZE"]),) * 2)
            made = io.BytesIO()
            picture.save(made, "PNG")
            return made.getvalue()

    picture = io.BytesIO()
    Image.new("RGB", (64, 32), "red").save(picture, "PNG")
    put(bucket, "red.png", picture.getvalue())
    small = Image.open(io.BytesIO(get(bucket, "red.png", etl=EtlConfig(etl.name))))
    assert small.size == (16, 8)
    assert small.getpixel((3, 3)) == (255, 0, 0)


def test_shards_are_transformed_sample_by_sample(
    client: Any, bucket: Any, target: Any, etl: Any
) -> None:
    @etl.init_class()
    class Normalized(FastAPIServer):  # type: ignore[misc]
        def transform(self, data: bytes, *_: Any) -> bytes:
            made = io.BytesIO()
            with (
                tarfile.open(fileobj=io.BytesIO(data)) as old,
                tarfile.open(None, "w", made) as new,
            ):
                for member in old:
                    packed: Any = old.extractfile(member)
                    array = numpy.load(io.BytesIO(packed.read()))
                    body = io.BytesIO()
                    numpy.save(body, array / array.max())
                    member.size = len(body.getvalue())
                    new.addfile(member, io.BytesIO(body.getvalue()))
            return made.getvalue()

    def sample(top: int) -> bytes:
        body = io.BytesIO()
        numpy.save(body, numpy.linspace(0, top, 50))
        return body.getvalue()

    for shard in range(3):
        put(bucket, f"s{shard}.tar", tar([(f"{n}.npy", sample(n + shard + 1)) for n in range(4)]))
    done(client, bucket.transform(etl_name=etl.name, to_bck=target))
    for shard in range(3):
        made = dict(untar(get(target, f"s{shard}.tar")))
        assert sorted(made) == [f"{n}.npy" for n in range(4)]
        assert all(numpy.load(io.BytesIO(body)).max() == 1 for body in made.values())


def test_a_stream_is_transformed_as_it_comes(bucket: Any, etl: Any) -> None:
    @etl.init_class()
    class Streamed(FastAPIServer):  # type: ignore[misc]
        def transform_stream(self, reader: Any, *_: Any) -> Iterator[bytes]:
            while block := reader.read(64 << 10):
                yield block.upper()

    put(bucket, "k", b"abcdefgh" * 500_000)
    assert get(bucket, "k", etl=EtlConfig(etl.name)) == b"ABCDEFGH" * 500_000


def test_a_file_is_given_in_place_of_bytes(bucket: Any, etl: Any) -> None:
    @etl.init_class(ETL_DIRECT_FQN="true")
    class Files(FastAPIServer):  # type: ignore[misc]
        def transform(self, data: Any, *_: Any) -> bytes:
            return f"{Path(data).name} {len(Path(data).read_bytes())}".encode()

    put(bucket, "a/k.bin", bytes(1000))
    assert get(bucket, "a/k.bin", etl=EtlConfig(etl.name)) == b"k.bin 1000"


def test_pipelines_and_copies(client: Any, bucket: Any, etl: Any) -> None:
    etl.init_class()(upper(FastAPIServer))
    with client.etl(new_name()) as other:

        @other.init_class()
        class Reversed(FlaskServer):  # type: ignore[misc]
            def transform(self, data: bytes, *_: Any) -> bytes:
                return data[::-1]

        put(bucket, "k", b"abc")
        both = EtlConfig(etl >> other)
        assert get(bucket, "k", etl=both) == b"CBA"
        bucket.object("k").copy(bucket.object("copy"), etl=both)
        assert get(bucket, "copy") == b"CBA"


def test_what_cannot_be_transformed_is_listed(
    client: Any, bucket: Any, target: Any, etl: Any
) -> None:
    @etl.init_class()
    class Picky(FastAPIServer):  # type: ignore[misc]
        def transform(self, data: bytes, *_: Any) -> bytes:
            if data == b"bad":
                raise ValueError("it is bad")
            return data

    fill(bucket, {"good": b"good", "bad": b"bad"})
    with pytest.raises(errors.AISError, match="it is bad"):
        get(bucket, "bad", etl=EtlConfig(etl.name))
    job = bucket.transform(etl_name=etl.name, to_bck=target, cont_on_err=True)
    done(client, job)
    assert contents(target) == {"good": b"good"}
    (error,) = etl.view(job_id=job).obj_errors
    assert error.obj_name == f"ais://{bucket.name}/bad"
    assert "it is bad" in error.msg


def test_a_class_that_needs_more_says_what(client: Any) -> None:
    lacking = client.etl(new_name())
    with pytest.raises(errors.AISError, match="no-such-package"):
        lacking.init_class(dependencies=["no-such-package"])(upper(FastAPIServer))
    lacking.delete()


def test_one_is_listed_stopped_and_started(client: Any, bucket: Any, etl: Any) -> None:
    etl.init_class()(upper(HTTPMultiThreadedServer))
    put(bucket, "k", b"abc")
    (listed,) = [each for each in client.cluster().list_etls() if each.id == etl.name]
    assert listed.xaction_id.startswith("etl-")
    etl.stop()
    with pytest.raises(errors.AISError):
        get(bucket, "k", etl=EtlConfig(etl.name))
    etl.start()
    assert get(bucket, "k", etl=EtlConfig(etl.name)) == b"ABC"
