"""Training: PyTorch's `DataLoader` and WebDataset over samples and shards that are stored here.

The datasets are the SDK's own, for objects, shards and batches, and WebDataset's, by the native
URLs, through the SDK's files, and by S3. Loaders have workers, which are processes of their own.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from compat.aistore_sdk.scene import errors, fill, get, names, new_name, only_2, put, tar, untar
from compat.clients.target import endpoint, keys, noise
from compat.presign import Presigner

# These live in this suite's own environments only.
torch: Any = import_module("torch")
wds: Any = import_module("webdataset")
datasets: Any = import_module("aistore.pytorch")
BatchIterDataset: Any = import_module("aistore.pytorch.batch_iter_dataset").AISBatchIterDataset
loading: Any = import_module("torch.utils.data")

SAMPLES = {f"train/{number:03}": noise(100 + number, number) for number in range(50)}
PER_SHARD = 20
SHARDS = [f"shards/set-{number}.tar" for number in range(3)]
EXPECTED = {f"{number:04}": (noise(2000, number), number % 10) for number in range(60)}


def shard(number: int) -> bytes:
    """Twenty samples of WebDataset's kind: an image and its class."""
    chosen = list(EXPECTED.items())[number * PER_SHARD : (number + 1) * PER_SHARD]
    members = (
        pair
        for key, (image, label) in chosen
        for pair in ((f"{key}.bin", image), (f"{key}.cls", str(label).encode()))
    )
    return tar(members)


@pytest.fixture(name="samples", scope="module")
def _samples(client: Any) -> Iterator[Any]:
    made = fill(client.bucket(new_name()).create(), SAMPLES)
    yield made
    made.delete()


@pytest.fixture(name="shards", scope="module")
def _shards(client: Any) -> Iterator[Any]:
    made = client.bucket(new_name()).create()
    fill(made, {name: shard(number) for number, name in enumerate(SHARDS)})
    yield made
    made.delete()


def first(batch: Any) -> Any:
    """For loaders whose batches are single samples; workers need a function that can be named."""
    return batch[0]


def loaded(dataset: Any, workers: int = 2, **how: Any) -> list[Any]:
    """`list` would ask for the length, which one of the SDK's datasets fails to tell."""
    got = []
    for sample in loading.DataLoader(dataset, num_workers=workers, collate_fn=first, **how):
        got.append(sample)
    return got


@pytest.mark.parametrize("workers", [0, 2])
def test_a_map_dataset(samples: Any, workers: int) -> None:
    dataset = datasets.AISMapDataset(samples)
    assert (len(dataset), dataset[3]) == (50, ("train/003", SAMPLES["train/003"]))
    assert loaded(dataset, workers) == list(SAMPLES.items())


def test_a_map_dataset_is_shuffled(samples: Any) -> None:
    got = loaded(datasets.AISMapDataset(samples), shuffle=True)
    assert dict(got) == SAMPLES
    assert got != list(SAMPLES.items())


def test_a_map_dataset_of_a_group(samples: Any) -> None:
    group = samples.objects(obj_template="train/{010..019}")
    assert loaded(datasets.AISMapDataset(group)) == list(SAMPLES.items())[10:20]


def test_a_map_dataset_below_prefixes(samples: Any) -> None:
    below = {samples: ["train/00", "train/04"]}
    got = loaded(datasets.AISMapDataset(samples, prefix_map=below))
    assert [name for name, _ in got] == [*list(SAMPLES)[:10], *list(SAMPLES)[40:]]


def test_a_map_dataset_of_two_buckets(samples: Any, shards: Any) -> None:
    got = loaded(datasets.AISMapDataset([samples, shards]))
    assert [name for name, _ in got] == [*SAMPLES, *SHARDS]


def test_batches_of_a_size_in_bytes(samples: Any) -> None:
    dataset = datasets.AISMapDataset(samples)
    sampler = datasets.DynamicBatchSampler(dataset, max_batch_size=1000)
    loader = loading.DataLoader(dataset, batch_sampler=sampler, num_workers=2, collate_fn=list)
    batches = list(loader)
    assert [sample for batch in batches for sample in batch] == list(SAMPLES.items())
    assert max(sum(len(content) for _, content in batch) for batch in batches) <= 1000


def test_a_parallel_map_dataset(shards: Any) -> None:
    dataset = datasets.AISParallelMapDataset(shards, num_workers=2)
    name, content = dataset[1]
    with content:
        assert (name, content.tobytes()) == (SHARDS[1], shard(1))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_iterable_dataset_brings_each_sample_once(samples: Any, workers: int) -> None:
    got = loaded(datasets.AISIterDataset(samples), workers)
    assert (len(got), dict(got)) == (50, SAMPLES)


def test_an_iterable_dataset_knows_its_length(samples: Any) -> None:
    assert len(datasets.AISIterDataset(samples)) == 50


def test_workers_take_a_bucket_each(samples: Any, shards: Any) -> None:
    dataset = datasets.AISIterDataset([samples, shards], partition_sources_by_worker=True)
    got = loaded(dataset)
    assert len(got) == 53
    assert {name for name, _ in got} == {*SAMPLES, *SHARDS}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_shard_reader(shards: Any, workers: int) -> None:
    got = dict(loaded(datasets.AISShardReader(shards), workers))
    assert {key: (one["bin"], int(one["cls"])) for key, one in got.items()} == EXPECTED


def test_members_of_several_shards_side_by_side(bucket: Any) -> None:
    put(bucket, "text.tar", tar((f"{each}.txt", b"text %d" % each) for each in range(5)))
    put(bucket, "class.tar", tar((f"{each}.cls", b"%d" % each) for each in range(5)))
    sources = [
        import_module("aistore.sdk").DataShard(endpoint(), bucket.name, prefix=name)
        for name in ("text.tar", "class.tar")
    ]
    got = loaded(datasets.AISMultiShardStream(sources), 0)
    assert got == [(b"text %d" % each, b"%d" % each) for each in range(5)]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("streaming", [True, False])
def test_a_dataset_of_batches(client: Any, samples: Any, streaming: bool, workers: int) -> None:
    dataset = BatchIterDataset(samples, client, max_batch_size=7, streaming=streaming)
    got = loaded(dataset, workers)
    assert (len(got), dict(got)) == (50, SAMPLES)


@pytest.mark.parametrize("kind", [".tgz", ".zip"])
def test_a_dataset_of_batches_in_other_formats(client: Any, samples: Any, kind: str) -> None:
    assert dict(loaded(BatchIterDataset(samples, client, output_format=kind))) == SAMPLES


def test_a_dataset_of_batches_of_a_group(client: Any, samples: Any) -> None:
    group = samples.objects(obj_names=["train/009", "train/003"])
    got = loaded(BatchIterDataset(group, client), 0)
    assert got == [(name, SAMPLES[name]) for name in ("train/009", "train/003")]


class Members(loading.IterableDataset):  # type: ignore[misc]
    """Samples out of shards, so many in one batch; each worker has its share."""

    def __init__(self, client: Any, bucket: Any, wanted: list[tuple[str, str]]) -> None:
        self.client, self.bucket, self.wanted = client, bucket, wanted

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        worker = loading.get_worker_info()
        share = self.wanted[worker.id :: worker.num_workers] if worker else self.wanted
        for start in range(0, len(share), 16):
            batch = self.client.batch(bucket=self.bucket)
            for name, member in share[start : start + 16]:
                batch.add(name, archpath=member)
            for info, content in batch.get():
                yield info.archpath, content


@pytest.mark.parametrize("workers", [0, 2])
def test_members_of_shards_come_by_batches(client: Any, shards: Any, workers: int) -> None:
    wanted = [(SHARDS[number // PER_SHARD], f"{key}.bin") for number, key in enumerate(EXPECTED)][
        ::-1
    ]
    got = loaded(Members(client, shards, wanted), workers)
    assert dict(got) == {f"{key}.bin": image for key, (image, _) in EXPECTED.items()}
    # One worker keeps the order; several take turns.
    assert workers or [name for name, _ in got] == [member for _, member in wanted]


def test_samples_become_tensors(samples: Any) -> None:
    def stacked(batch: list[tuple[str, bytes]]) -> Any:
        return torch.stack([torch.frombuffer(bytearray(one[:100]), dtype=torch.uint8)
                            for _, one in batch])  # fmt: skip

    loader = loading.DataLoader(
        datasets.AISMapDataset(samples), batch_size=8, num_workers=2, collate_fn=stacked
    )
    batches = list(loader)
    assert [tuple(batch.shape) for batch in batches] == [(8, 100)] * 6 + [(2, 100)]
    assert batches[0][3].numpy().tobytes() == SAMPLES["train/003"][:100]


def decoded(urls: list[str], workers: int = 2) -> dict[str, tuple[bytes, int]]:
    """What WebDataset makes of shards, by a loader with workers."""
    dataset = wds.WebDataset(
        urls, shardshuffle=False, nodesplitter=None, workersplitter=wds.split_by_worker
    )
    chosen = dataset.decode().to_tuple("__key__", "bin", "cls")
    got = list(wds.WebLoader(chosen, batch_size=None, num_workers=workers))
    assert len(got) == len(EXPECTED)
    return {key: (image, label) for key, image, label in got}


def curl(url: str, *more: str) -> str:
    trusted = os.environ.get("REQUESTS_CA_BUNDLE")
    words = ["curl", "-sf", *(("--cacert", trusted) if trusted else ()), *more, url]
    return f"pipe:{shlex.join(words)}"


def test_webdataset_reads_native_urls(shards: Any) -> None:
    bearer = f"Authorization: Bearer {os.environ['AIS_AUTHN_TOKEN']}"
    assert decoded([curl(url, "-H", bearer) for url in shards.list_urls()]) == EXPECTED


def test_webdataset_reads_urls_of_s3(shards: Any) -> None:
    presigner = Presigner(urlsplit(endpoint()).netloc, *keys())
    urls = [endpoint() + presigner.url("GET", f"/{shards.name}/{name}") for name in SHARDS]
    assert decoded([curl(url) for url in urls]) == EXPECTED


def test_webdataset_reads_through_the_sdk(
    client: Any, shards: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This is how its users teach it a scheme."""

    def opened(url: str, *_: Any, **__: Any) -> Any:
        return client.get_object_from_url(url).get_reader().as_file()

    monkeypatch.setitem(import_module("webdataset.gopen").gopen_schemes, "ais", opened)
    assert decoded([f"ais://{shards.name}/{name}" for name in SHARDS]) == EXPECTED


def test_a_dataset_is_written_as_shards(bucket: Any, tmp_path: Path) -> None:
    parts: Any = import_module("aistore.sdk.dataset.dataset_config")
    data: Any = import_module("aistore.sdk.dataset.data_attribute").DataAttribute
    label: Any = import_module("aistore.sdk.dataset.label_attribute").LabelAttribute
    for number in range(10):
        (tmp_path / f"{number}.jpg").write_bytes(noise(500, number))
    config = parts.DatasetConfig(
        primary_attribute=data(path=tmp_path, file_type="jpg", name="image"),
        secondary_attributes=[label(name="cls", label_identifier=lambda name: name)],
    )
    bucket.write_dataset(config, pattern=str(tmp_path / "set"), maxcount=4, verbose=False)
    found = names(bucket)
    assert len(found) == 3
    members = [name for shard_name in found for name, _ in untar(get(bucket, shard_name))]
    assert sum(name.endswith(".image.jpg") for name in members) == 10
    assert sum(name.endswith(".cls") for name in members) == 10


@only_2
@pytest.mark.parametrize("going_on", [True, False])
def test_a_missing_sample_is_told_or_passed_over(client: Any, samples: Any, going_on: bool) -> None:
    chosen = [samples.object(name) for name in ("train/001", "none", "train/002")]

    class Chosen(import_module("aistore.sdk").AISSource):  # type: ignore[misc]
        """Names without a look at what is there."""

        client = None

        def list_all_objects_iter(self, **_: Any) -> Iterator[Any]:
            return iter(chosen)

        def list_urls(self, **_: Any) -> Iterator[str]:
            return iter(())

    dataset = BatchIterDataset(Chosen(), client, cont_on_err=going_on)
    if going_on:
        assert [name for name, _ in dataset] == ["train/001", "train/002"]
        return
    with pytest.raises(errors.ErrObjNotFound):
        list(iter(dataset))
