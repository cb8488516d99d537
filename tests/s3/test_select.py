"""SelectObjectContent through the front door: requests, the event stream, refusals, ends."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncGenerator
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError, EventStreamError

from s3gw.select.query import Bounds
from s3gw.select.running import Queries, QueryOptions
from storage.backends.memory import MemoryBackend
from storage.values import Reading
from tests.asgi import Answer
from tests.s3.gateway import ALICE, BOB, ENDPOINT, Gateway, code_of, details, error_of, signed
from tests.s3.sse import KEY_A, customer

pytest.importorskip("duckdb", reason="S3 Select needs DuckDB: pip install 's3gw[select]'")

PEOPLE = b"name,age\nann,31\nbob,7\n"
TARGET = "?select&select-type=2"
CSV: dict[str, Any] = {"CSV": {"FileHeaderInfo": "USE"}}
STATEMENT = "SELECT s.name FROM S3Object s WHERE s.age > 8"
DOCUMENT = """<SelectObjectContentRequest xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
{}</SelectObjectContentRequest>"""
IN = "<InputSerialization><CSV/></InputSerialization>"
OUT = "<OutputSerialization><CSV/></OutputSerialization>"
SQL = "<Expression>SELECT * FROM S3Object</Expression><ExpressionType>SQL</ExpressionType>"


def select(s3: Any, bucket: str, statement: str = STATEMENT, **more: Any) -> list[dict[str, Any]]:
    given = {
        "Key": "people.csv",
        "ExpressionType": "SQL",
        "InputSerialization": CSV,
        "OutputSerialization": {"CSV": {}},
        **more,
    }
    answer = s3.select_object_content(Bucket=bucket, Expression=statement, **given)
    return list(answer["Payload"])


def records(events: list[dict[str, Any]]) -> bytes:
    return b"".join(event["Records"]["Payload"] for event in events if "Records" in event)


def document(gateway: Gateway, bucket: str, text: str, **more: Any) -> Answer:
    body = DOCUMENT.format(text).encode()
    return gateway.send("POST", f"/{bucket}/people.csv{TARGET}", body=body, **more)


@pytest.fixture
def people(s3: Any, bucket: str) -> str:
    s3.put_object(Bucket=bucket, Key="people.csv", Body=PEOPLE)
    return bucket


def test_boto3_reads_records_figures_and_the_end(s3: Any, people: str) -> None:
    events = select(s3, people, RequestProgress={"Enabled": True})
    assert records(events) == b"ann\n"
    names = [next(iter(event)) for event in events]
    assert names[-3:] == ["Progress", "Stats", "End"]
    size = len(PEOPLE)
    figures = {"BytesScanned": size, "BytesProcessed": size, "BytesReturned": 4}
    assert events[-2]["Stats"]["Details"] == figures
    assert events[-3]["Progress"]["Details"] == figures


def test_large_encrypted_objects_of_several_parts_in_json(s3: Any, bucket: str) -> None:
    lines = b"".join(b'{"n": %d, "pad": "%s"}\n' % (i, b"x" * 80) for i in range(60_000))
    half = 5 << 20
    made = s3.create_multipart_upload(Bucket=bucket, Key="big.json", ServerSideEncryption="AES256")
    where = {"Bucket": bucket, "Key": "big.json", "UploadId": made["UploadId"]}
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**where, PartNumber=n, Body=body)["ETag"]}
        for n, body in ((1, lines[:half]), (2, lines[half:]))
    ]
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    events = select(
        s3,
        bucket,
        "SELECT s.n FROM S3Object s WHERE s.n >= 59998",
        Key="big.json",
        InputSerialization={"JSON": {"Type": "LINES"}},
        OutputSerialization={"JSON": {}},
    )
    assert records(events) == b'{"n":59998}\n{"n":59999}\n'
    assert events[-2]["Stats"]["Details"]["BytesScanned"] == len(lines)
    first = select(
        s3,
        bucket,
        "SELECT s.n FROM S3Object s LIMIT 1",
        Key="big.json",
        InputSerialization={"JSON": {"Type": "LINES"}},
    )
    assert records(first) == b"0\n"
    assert first[-1] == {"End": {}}


def test_compressed_objects_and_scan_ranges(s3: Any, people: str) -> None:
    s3.put_object(Bucket=people, Key="people.gz", Body=gzip.compress(PEOPLE))
    packed = {**CSV, "CompressionType": "GZIP"}
    events = select(s3, people, Key="people.gz", InputSerialization=packed)
    assert records(events) == b"ann\n"
    assert events[-2]["Stats"]["Details"]["BytesProcessed"] == len(PEOPLE)
    everyone = "SELECT s.name FROM S3Object s"
    found = [
        records(select(s3, people, everyone, ScanRange=scan))
        for scan in ({"Start": 0, "End": 9}, {"Start": 10}, {"End": 8}, {"Start": 10, "End": 11})
    ]
    assert found == [b"ann\n", b"bob\n", b"bob\n", b""]
    with pytest.raises(ClientError, match="UnsupportedScanRangeInput"):
        select(s3, people, Key="people.gz", InputSerialization=packed, ScanRange={"Start": 3})
    for scan in ({"Start": 8, "End": 3}, {"Start": 1000}):
        with pytest.raises(ClientError, match="InvalidScanRange"):
            select(s3, people, ScanRange=scan)


def test_customer_keys_are_needed_as_for_a_read(s3: Any, people: str) -> None:
    s3.put_object(Bucket=people, Key="secret.csv", Body=PEOPLE, **customer(KEY_A))
    assert records(select(s3, people, Key="secret.csv", **customer(KEY_A))) == b"ann\n"
    with pytest.raises(ClientError) as error:
        select(s3, people, Key="secret.csv")
    assert details(error)["Code"] == "InvalidRequest"
    with pytest.raises(ClientError):
        select(s3, people, **customer(KEY_A))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "MissingRequiredParameter"),
        (IN + OUT + "<Expression>x</Expression>", "MissingRequiredParameter"),
        (SQL + OUT, "MissingRequiredParameter"),
        (SQL + IN, "MissingRequiredParameter"),
        (SQL.replace(">SQL<", ">XPATH<") + IN + OUT, "InvalidExpressionType"),
        (SQL.replace("S3Object", "other") + IN + OUT, "InvalidTableAlias"),
        (SQL.replace("*", "s.x.y") + IN + OUT, "EvaluatorBindingDoesNotExist"),
        (SQL + IN.replace("<CSV/>", "") + OUT, "InvalidDataSource"),
        (SQL + IN.replace("<CSV/>", "<CSV/><Parquet/>") + OUT, "ObjectSerializationConflict"),
        (SQL + IN + OUT.replace("<CSV/>", "<CSV/><JSON/>"), "ObjectSerializationConflict"),
        (SQL + IN.replace("<CSV/>", "<JSON/>") + OUT, "InvalidJsonType"),
        (SQL + IN.replace("<CSV/>", "<JSON><Type>XML</Type></JSON>") + OUT, "InvalidJsonType"),
        (SQL + IN.replace("<CSV/>", "<CSV><FileHeaderInfo>NO</FileHeaderInfo></CSV>") + OUT,
         "InvalidFileHeaderInfo"),
        (SQL + IN.replace("<CSV/>", "<CSV/><CompressionType>ZIP</CompressionType>") + OUT,
         "InvalidCompressionFormat"),
        (SQL + IN.replace("<CSV/>", "<Parquet/><CompressionType>GZIP</CompressionType>") + OUT,
         "InvalidCompressionFormat"),
        (SQL + IN.replace("<CSV/>", "<CSV><FieldDelimiter>ab</FieldDelimiter></CSV>") + OUT,
         "InvalidRequestParameter"),
        (SQL + IN + OUT.replace("<CSV/>", "<CSV><QuoteFields>SOME</QuoteFields></CSV>"),
         "InvalidQuoteFields"),
    ],
)  # fmt: skip
def test_wrong_requests_have_the_errors_of_aws(
    gateway: Gateway, people: str, text: str, code: str
) -> None:
    assert code_of(document(gateway, people, text)) == (400, code)


def test_requests_without_a_document_object_or_right(gateway: Gateway, people: str) -> None:
    target = f"/{people}/people.csv{TARGET}"
    assert code_of(gateway.send("POST", target)) == (400, "EmptyRequestBody")
    assert code_of(gateway.send("POST", target, body=b"<x/>")) == (400, "MalformedXML")
    body = DOCUMENT.format(SQL + IN + OUT).encode()
    missing = gateway.send("POST", f"/{people}/none{TARGET}", body=body)
    assert code_of(missing) == (404, "NoSuchKey")
    versioned = gateway.send("POST", f"{target}&versionId=null", body=body)
    assert code_of(versioned) == (400, "InvalidArgument")
    for account in (BOB, None):
        refused = document(gateway, people, SQL + IN + OUT, account=account)
        assert code_of(refused) == (403, "AccessDenied")


def test_a_policy_grants_it_as_reading(gateway: Gateway, people: str) -> None:
    grant = (
        '{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "%s"}, '
        '"Action": "s3:GetObject", "Resource": "arn:aws:s3:::%s/*"}]}'
    )
    policy = grant % (BOB.account, people)
    gateway.client().put_bucket_policy(Bucket=people, Policy=policy)
    assert document(gateway, people, SQL + IN + OUT, account=BOB).status == 200


def test_an_error_in_the_data_ends_the_stream(s3: Any, people: str) -> None:
    s3.put_object(Bucket=people, Key="people.csv", Body=b"n\n" + b"1\n" * 9000 + b"x\n")
    with pytest.raises(EventStreamError, match="CastFailed"):
        select(s3, people, "SELECT CAST(n AS INT) FROM S3Object")


def test_the_stream_is_one_of_aws(gateway: Gateway, people: str) -> None:
    answer = document(gateway, people, SQL + IN + OUT)
    assert answer.headers["content-type"] == "application/vnd.amazon.eventstream"
    buffer = EventStreamBuffer()
    buffer.add_data(answer.body)
    events = [event.to_response_dict() for event in buffer]
    kinds = [event["headers"][":event-type"] for event in events]
    assert kinds == ["Records", "Stats", "End"]
    assert events[0]["headers"][":content-type"] == "application/octet-stream"
    assert [child.tag for child in ElementTree.fromstring(events[1]["body"])] == [
        "BytesScanned",
        "BytesProcessed",
        "BytesReturned",
    ]


# Bounds, and clients that leave


class Endless(MemoryBackend):
    """Objects whose bytes do not end, and whether their reads were closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = asyncio.Event()

    async def get_object(self, *arguments: Any, **more: Any) -> Reading:
        reading = await super().get_object(*arguments, **more)
        return Reading(reading.info, reading.span, self._bytes())

    async def _bytes(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"1,2\n" * 4096
        finally:
            self.closed.set()


def endless(bounds: Bounds, most: int) -> tuple[Gateway, Queries, Endless, str]:
    queries, store = Queries(QueryOptions(bounds, most)), Endless()
    gateway = Gateway(store, queries=queries)
    bucket = gateway.new_bucket()
    gateway.client().put_object(Bucket=bucket, Key="people.csv", Body=PEOPLE)
    return gateway, queries, store, bucket


COUNT = SQL.replace("*", "COUNT(*)")


def test_a_query_over_its_time_ends_with_an_error() -> None:
    gateway, queries, store, bucket = endless(Bounds(128 << 20, 1, 1.0, 1 << 40, ""), 1)
    answer = document(gateway, bucket, COUNT + IN + OUT)
    buffer = EventStreamBuffer()
    buffer.add_data(answer.body)
    *_, last = (event.to_response_dict() for event in buffer)
    assert last["headers"][":message-type"] == "error"
    assert last["headers"][":error-code"] == "RequestTimeout"
    assert "select.time_s" in last["headers"][":error-message"]
    assert store.closed.is_set()
    assert queries.running == 0
    gateway.close()


def test_queries_over_the_number_are_refused_and_one_ends_with_its_client() -> None:
    gateway, queries, store, bucket = endless(Bounds(128 << 20, 1, 60, 1 << 40, ""), 1)
    target = f"/{bucket}/people.csv{TARGET}"
    body = DOCUMENT.format(COUNT + IN + OUT).encode()
    sent = {"host": ENDPOINT.removeprefix("http://"), "content-length": str(len(body))}
    headers = signed("POST", target, sent, body, ALICE)
    left, begun, unread = asyncio.Event(), asyncio.Event(), [body]

    async def receive() -> Any:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        await left.wait()
        return {"type": "http.disconnect"}

    answered: list[Any] = []

    async def send(message: Any) -> None:
        answered.append(message)
        begun.set()

    scope = {
        "type": "http",
        "method": "POST",
        "raw_path": target.partition("?")[0].encode(),
        "query_string": target.partition("?")[2].encode(),
        "headers": [(n.lower().encode(), v.encode()) for n, v in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
    }
    running = gateway.server.start(gateway.server.app(scope, receive, send))
    gateway.server.run(begun.wait())
    assert answered[0]["status"] == 200, answered
    assert queries.running == 1, answered
    refused = document(gateway, bucket, COUNT + IN + OUT)
    assert code_of(refused) == (503, "SlowDown")
    assert "select.queries" in error_of(refused)["Message"]

    async def leave() -> None:
        left.set()

    gateway.server.run(leave())
    running.result(60)
    gateway.server.run(store.closed.wait())
    assert queries.running == 0
    gateway.close()


def test_without_duckdb_it_says_what_to_install(
    gateway: Gateway, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3gw.select.running.find_spec", lambda _: None)
    refused = document(gateway, people, SQL + IN + OUT)
    assert code_of(refused) == (501, "NotImplemented")
    assert "pip install 's3gw[select]'" in error_of(refused)["Message"]
