"""Counts of requests are those that Prometheus' own counters and histogram would have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.registry import Collector

from s3gw.telemetry.aistore_counters import counters
from s3gw.telemetry.exchange import Exchange
from s3gw.telemetry.request_counts import DURATIONS, RequestCounts, WithDurations

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

requests = st.lists(
    st.tuples(
        st.sampled_from(["GetObject", "PutObject", ""]),
        st.sampled_from([200, 404]),
        st.sampled_from(BUCKETS) | st.floats(0, 100),
        st.booleans(),
    )
)


def samples(collector: Collector) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in collector.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@given(requests)
def test_the_histogram_is_prometheus_own(sent: list[tuple[str, int, float, bool]]) -> None:
    registry, oracle = CollectorRegistry(), CollectorRegistry()
    counts = RequestCounts(registry)
    expected = Histogram(DURATIONS, "Oracle.", ("operation",), buckets=BUCKETS, registry=oracle)
    for operation, status, seconds, handed_over in sent:
        counts.add(
            Exchange("id", "", "GET", "/", operation=operation, status=status, seconds=seconds)
        )
        expected.labels(operation or "none").observe(seconds)
        if handed_over:
            counts.hand_over()
    counts.hand_over()
    found = samples(WithDurations(registry))
    durations = {key: value for key, value in found.items() if key[0].startswith(DURATIONS)}
    wanted = samples(oracle)
    assert durations.keys() == wanted.keys()
    assert all(abs(durations[key] - wanted[key]) < 1e-6 * len(sent) + 1e-9 for key in wanted)
    total = sum(value for key, value in found.items() if key[0] == "s3gw_requests_total")
    assert total == len(sent)


def test_the_first_since_it_was_handed_over_says_so() -> None:
    counts = RequestCounts(CollectorRegistry())
    exchange = Exchange("id", "", "GET", "/", bytes_in=3, bytes_out=5)
    assert [counts.add(exchange), counts.add(exchange)] == [True, False]
    counts.hand_over()
    assert counts.add(exchange)


def test_sizes_of_reads_and_writes_are_those_of_objects() -> None:
    registry = CollectorRegistry()
    counts = RequestCounts(registry)
    for operation, status, came, went in (
        ("GetObject", 200, 0, 100),
        ("native.GetObject", 206, 0, 10),
        ("GetObject", 404, 0, 300),
        ("ListObjectsV2", 200, 0, 5000),
        ("native.GetNodeStatus", 200, 0, 5000),
        ("PutObject", 200, 40, 7),
        ("native.UploadPart", 200, 2, 0),
        ("native.SetConfig", 200, 900, 0),
        ("PutObject", 400, 900, 300),
    ):
        exchange = Exchange("id", "", "GET", "/", operation=operation, status=status)
        exchange.bytes_in, exchange.bytes_out = came, went
        counts.add(exchange)
    counts.hand_over()
    found = counters(registry.collect())
    assert (found["get.size"], found["put.size"]) == (110, 42)
    assert (found["get.n"], found["put.n"]) == (3, 3)
