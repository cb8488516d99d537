"""What the project promised itself, and whether this run keeps it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from compat.bench.measure import GCM, MD5, Figure
from compat.bench.slow_cloud import SlowCloud
from compat.bench.subjects import Nginx

Figures = Mapping[tuple[str, str], Figure]
Read = Callable[[Figures, str], float]

RSS_LIMIT_MIB = 300.0
LIST_CPU_MS = 8.0
DELETE_CPU_MS = 60.0
NATIVE_LIST_CPU_MS = 30.0
COLD_BYTE_MS = 20.0
# Two figures that should be the same may differ by the noise of a run.
SAME = 1.25
_SLOWER = "hypercorn"


@dataclass(frozen=True, slots=True)
class Expectation:
    """`read` gives the figure for one of our servers; it must be `at_least`, or else at most,
    the limit. Raises `KeyError` when what it needs was not measured."""

    text: str
    read: Read
    limit: float
    at_least: bool = True


@dataclass(frozen=True, slots=True)
class Checked:
    subject: str
    text: str
    value: float
    limit: float
    met: bool


def check_all(figures: Sequence[Figure], ours: Sequence[str]) -> list[Checked]:
    """Each expectation on each of our servers; those of which nothing was measured are left out."""
    table = {(each.subject, each.workload): each for each in figures}
    return [found for subject in ours for found in _check(table, subject)]


def _check(table: Figures, subject: str) -> Iterator[Checked]:
    for each in _expectations(subject):
        try:
            value = each.read(table, subject)
        except KeyError:
            continue
        compare = operator.ge if each.at_least else operator.le
        yield Checked(subject, each.text, value, each.limit, compare(value, each.limit))


def _expectations(subject: str) -> tuple[Expectation, ...]:
    small = 1 / 6 if subject.endswith(_SLOWER) else 1 / 4
    share = f"at least 1/{round(1 / small)} of nginx"
    return (
        Expectation(f"GET 4 KiB, authenticated: {share}", _against("get-4k", Nginx.name), small),
        Expectation(f"HEAD, authenticated: {share}", _against("head", Nginx.name), small),
        Expectation("GET 256 MiB: nginx' throughput", _against("get-256m", Nginx.name), 1.0),
        Expectation("PUT 256 MiB in one stream: 0.9 of MD5", _against("put-one", MD5), 0.9),
        Expectation(_no_more_than_gcm("PUT"), _beside_gcm("sse-put", "put-one"), 1 / SAME),
        Expectation(_no_more_than_gcm("GET"), _beside_gcm("sse-get", "get-256m"), 1 / SAME),
        Expectation("multipart: 1.5 times one stream", _multipart_gain, 1.5),
        *_list_expectations(),
        Expectation(f"delete 1,000 keys: at most {DELETE_CPU_MS:g} ms of processor time a call",
                    _cpu("delete-1000"), DELETE_CPU_MS, at_least=False),
        *_batch_expectations(),
        *_cloud_expectations(),
        Expectation(f"RSS of a worker, 64 clients moving 256 MiB: at most {RSS_LIMIT_MIB:g} MiB",
                    _crowd_rss, RSS_LIMIT_MIB, at_least=False),
    )  # fmt: skip


def _list_expectations() -> Iterator[Expectation]:
    names = ("list-1k", "list-1k-delimiter", "list-big", "list-big-delimiter")
    for name in names:
        text = f"{name}: at most {LIST_CPU_MS:g} ms of processor time a page"
        yield Expectation(text, _cpu(name), LIST_CPU_MS, at_least=False)
    for small, big in ((names[0], names[2]), (names[1], names[3])):
        text = f"{big}: the same as {small} (at most {SAME:g} times)"
        yield Expectation(text, _cpu_ratio(big, small), SAME, at_least=False)


def _batch_expectations() -> Iterator[Expectation]:
    for batch, one, many in (
        ("batch", "objects-one-by-one", "objects-32"),
        ("batch-members", "members-one-by-one", "members-32"),
    ):
        yield Expectation(f"{batch}: 8 times {one}", _beside(batch, one), 8.0)
        yield Expectation(f"{batch}: twice {many}", _beside(batch, many), 2.0)
    text = "the first byte of a batch: within a tenth of its time"
    yield Expectation(text, _first_byte_share, 0.1, at_least=False)
    member = "a member of a tar of 1 GiB: half the rate of an object of its size"
    yield Expectation(member, _beside("members-one-by-one", "objects-one-by-one"), 0.5)
    for name in ("native-list", "native-list-all"):
        text = f"{name}: at most {NATIVE_LIST_CPU_MS:g} ms of processor time for 10,000"
        yield Expectation(text, _cpu(name), NATIVE_LIST_CPU_MS, at_least=False)


def _cloud_expectations() -> Iterator[Expectation]:
    for name in ("blob-get", "blob-job"):
        yield Expectation(f"{name}: 4 times cold-large", _beside(name, "cold-large"), 4.0)
    yield Expectation("prefetch: 8 times cold-small", _beside("prefetch", "cold-small"), 8.0)
    text = f"cold-first-byte: at most {COLD_BYTE_MS:g} ms after the cloud's"
    yield Expectation(text, _after_the_cloud, COLD_BYTE_MS, at_least=False)
    for name in ("warm-4k", "warm-1m"):
        own = f"{name}-own"
        text = f"{name}: processor time within a tenth of {own}"
        yield Expectation(text, _cpu_ratio(name, own), 1.1, at_least=False)
        yield Expectation(f"{name}: the rate within a tenth of {own}", _beside(name, own), 0.9)


def _after_the_cloud(table: Figures, subject: str) -> float:
    name = "cold-first-byte"
    return table[subject, name].p50_ms - table[SlowCloud.name, name].p50_ms


def _beside(workload: str, other: str) -> Read:
    return lambda table, subject: table[subject, workload].rate / table[subject, other].rate


def _first_byte_share(table: Figures, subject: str) -> float:
    return table[subject, "batch-first-byte"].p50_ms / table[subject, "batch"].p50_ms


def _against(workload: str, other: str) -> Read:
    return lambda table, subject: table[subject, workload].rate / table[other, workload].rate


def _no_more_than_gcm(method: str) -> str:
    return f"{method} with SSE-S3: as without, and AES-GCM behind it ({1 / SAME:g} of that)"


def _beside_gcm(workload: str, plain: str) -> Read:
    """The rate over that of the plain work and the encryption of its bytes, one after the other."""

    def read(table: Figures, subject: str) -> float:
        one, other = table[subject, plain].rate, table[GCM, workload].rate
        return table[subject, workload].rate * (1 / one + 1 / other)

    return read


def _multipart_gain(table: Figures, subject: str) -> float:
    return table[subject, "multipart"].rate / table[subject, "put-one"].rate


def _cpu(workload: str) -> Read:
    return lambda table, subject: _known(table[subject, workload].cpu_ms_each)


def _cpu_ratio(workload: str, other: str) -> Read:
    return lambda table, subject: _cpu(workload)(table, subject) / _cpu(other)(table, subject)


def _crowd_rss(table: Figures, subject: str) -> float:
    return _known(table[subject, "crowd"].rss_mib)


def _known(value: float | None) -> float:
    if value is None:
        raise KeyError
    return value
