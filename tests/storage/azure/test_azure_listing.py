"""Listings against a model of the service that lists from a name on, in one of Azure's orders."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, quote, urlsplit
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.backends.azure import AzureBackend, AzureOptions
from storage.values import ListQuery
from tests.storage.aws.double import Answerer, Asked, Double
from tests.storage.event_loop import run


class Model:
    """One container, with a hierarchical namespace or a flat one, in answers of at most `most`
    rows; it counts requests and rows."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.hierarchical = False
        self.most = 5000
        self.requests = self.rows = 0
        self.endpoint = ""

    def order(self, name: str) -> bytes:
        if self.hierarchical:
            name = name.removesuffix("/").replace("/", "\0")
        return name.encode("utf-16-be")

    async def answer(self, asked: Asked, to: Answerer) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.target).query).items()}
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        if self.hierarchical and any(prefix.startswith(f"{name}/") for name in self.names):
            await to.error(409, "ResourceTypeMismatch")
            return
        rows = self._rows(prefix, delimiter)
        # A marker is that of the start that it came from.
        begun, _, place = query.get("marker", f"{query.get('startFrom', '')}|0").rpartition("|")
        start = self.order(begun)
        rows = [row for row in rows if self.order(row[0]) >= start]
        begin = int(place)
        end = begin + min(int(query["maxresults"]), self.most)
        self.requests += 1
        self.rows += len(rows[begin:end])
        marker = escape(f"{begun}|{end}") if end < len(rows) else ""
        body = "".join(self._row(name, kind) for name, kind in rows[begin:end])
        text = f"<EnumerationResults><Blobs>{body}</Blobs><NextMarker>{marker}</NextMarker>"
        await to.send(200, f"{text}</EnumerationResults>".encode())

    def _rows(self, prefix: str, delimiter: str) -> list[tuple[str, str]]:
        kinds = dict.fromkeys(self.names, "file")
        if self.hierarchical and not delimiter:
            for name in self.names:
                parents = (name[:at] for at, each in enumerate(name) if each == "/")
                kinds.update(dict.fromkeys(parents, "directory"))
        found: dict[str, str] = {}
        for name, kind in kinds.items():
            if not name.startswith(prefix):
                continue
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            found[name if cut < 0 else name[: cut + 1]] = kind if cut < 0 else "prefix"
        return sorted(found.items(), key=lambda row: self.order(row[0]))

    def _row(self, name: str, kind: str) -> str:
        element = f'<Name Encoded="true">{escape(quote(name))}</Name>'
        if kind == "prefix":
            return f"<BlobPrefix>{element}</BlobPrefix>"
        said = f"<ResourceType>{kind}</ResourceType>" if self.hierarchical else ""
        said += "<Content-Length>1</Content-Length>"
        return f"<Blob>{element}<Properties>{said}</Properties></Blob>"


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    made = Model()
    double = Double(made.answer)
    run(double.__aenter__())
    made.endpoint = double.endpoint
    yield made
    run(double.__aexit__(None, None, None))


def listed(model: Model, query: ListQuery) -> list[str]:
    """The names and common prefixes of all pages, by a backend that knows nothing yet."""

    async def act() -> list[str]:
        options = AzureOptions(endpoint=model.endpoint, anonymous=True)
        async with AzureBackend(options) as backend:
            found: list[str] = []
            after = query.after
            while True:
                page = await backend.list_objects(
                    "bucket", ListQuery(query.prefix, query.delimiter, after, query.limit)
                )
                names = [*(info.name for info in page.objects), *page.common_prefixes]
                found += sorted(names, key=str.encode)
                if page.next_after is None:
                    return found
                assert len(names) == query.limit
                after = page.next_after

    return run(act())


def expected(names: list[str], query: ListQuery) -> list[str]:
    found = set()
    for name in names:
        if not name.startswith(query.prefix):
            continue
        cut = name.find(query.delimiter, len(query.prefix)) if query.delimiter else -1
        row = name if cut < 0 else name[: cut + 1]
        if row.encode() > query.after.encode() and not (cut >= 0 and query.after.startswith(row)):
            found.add(row)
    return sorted(found, key=str.encode)


SEGMENTS = st.sampled_from(["a", "a-", "a-b", "a b", "a0", "b", "b-a"])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join)


def without_files_as_directories(names: set[str]) -> list[str]:
    """A hierarchical namespace has none."""
    parents = {name[:at] for name in names for at, each in enumerate(name) if each == "/"}
    return sorted(names - parents)


@settings(max_examples=150, deadline=None)
@given(
    st.sets(PATHS, max_size=12).map(without_files_as_directories),
    st.sampled_from(["", "a", "a/", "a-", "b/a"]),
    st.sampled_from(["", "/"]),
    st.one_of(st.just(""), PATHS, PATHS.map(lambda path: f"{path}/")),
    st.integers(1, 4),
    st.integers(1, 5),
    st.booleans(),
)
def test_the_order_is_that_of_bytes_in_either_namespace(
    model: Model,
    names: list[str],
    prefix: str,
    delimiter: str,
    after: str,
    limit: int,
    most: int,
    hierarchical: bool,
) -> None:
    if hierarchical and any(prefix.startswith(f"{name}/") for name in names):
        return
    model.names, model.hierarchical, model.most = names, hierarchical, most
    query = ListQuery(prefix, delimiter, after, limit)
    assert listed(model, query) == expected(names, query)


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.text("a/\ue000\uff5e\U00010000\U0001f600", min_size=1, max_size=3), max_size=10),
    st.text("a\ue000\U00010000", max_size=2),
    st.integers(1, 3),
)
def test_the_order_is_that_of_bytes_whatever_the_characters(
    model: Model, names: set[str], after: str, limit: int
) -> None:
    model.names, model.hierarchical, model.most = sorted(names), False, 5000
    query = ListQuery(after=after, limit=limit)
    assert listed(model, query) == expected(model.names, query)


@pytest.mark.parametrize("limit", [1, 2, 5, 60])
def test_what_is_beside_a_directory_comes_before_what_is_in_it(model: Model, limit: int) -> None:
    inside = [f"t/{number}/{name}" for number in range(10) for name in "abcde"]
    names = ["t-s/1", "t-s/2", "t.x", "t/3-x/y", *inside, "t0"]
    model.names, model.hierarchical, model.most = names, True, 4
    assert listed(model, ListQuery(limit=limit)) == sorted(names)


@pytest.mark.parametrize("hierarchical", [False, True])
@pytest.mark.parametrize("beside", [False, True])
def test_a_page_of_a_large_directory_takes_a_few_requests(
    model: Model, hierarchical: bool, beside: bool
) -> None:
    names = [f"train/img-{number:05}.jpg" for number in range(20_000)]
    if beside:
        names += [f"train-small/img-{number:05}.jpg" for number in range(100)]
    model.names, model.hierarchical, model.most = names, hierarchical, 5000
    model.requests = model.rows = 0
    query = ListQuery(after="train/img-15000.jpg", limit=1000)

    async def act() -> list[str]:
        options = AzureOptions(endpoint=model.endpoint, anonymous=True)
        async with AzureBackend(options) as backend:
            page = await backend.list_objects("bucket", query)
            return [info.name for info in page.objects]

    assert run(act()) == names[15_001:16_001]
    assert model.requests <= (8 if hierarchical else 1)
    assert model.rows < 2000


def test_directories_are_not_objects(model: Model) -> None:
    model.names, model.hierarchical, model.most = ["a/b/c", "d"], True, 5000
    assert listed(model, ListQuery()) == ["a/b/c", "d"]
    assert listed(model, ListQuery(delimiter="/")) == ["a/", "d"]
