"""Multipart uploads, from the first part to the object."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.s3.gateway import ALICE, Gateway, code_of, details, error_of, values, xml_of

MIN = 5 << 20


@pytest.fixture
def upload(s3: Any, bucket: str) -> dict[str, str]:
    """A new upload, as the arguments that all calls about it need."""
    made = s3.create_multipart_upload(
        Bucket=bucket, Key="k", ContentType="x/y", Metadata={"m": "1"}
    )
    return {"Bucket": bucket, "Key": "k", "UploadId": made["UploadId"]}


def put(s3: Any, upload: dict[str, str], number: int, body: bytes) -> dict[str, Any]:
    etag = s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]
    return {"PartNumber": number, "ETag": etag}


def complete(s3: Any, upload: dict[str, str], parts: list[dict[str, Any]]) -> dict[str, Any]:
    answer = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    return dict(answer)


def refusal(s3: Any, upload: dict[str, str], parts: list[dict[str, Any]]) -> dict[str, Any]:
    with pytest.raises(ClientError) as error:
        complete(s3, upload, parts)
    return dict(error.value.response["Error"])


def test_parts_become_one_object(s3: Any, upload: dict[str, str]) -> None:
    bodies = [b"a" * MIN, b"b" * (MIN + 1), b"end"]
    # In any order, with holes between the numbers.
    parts = [
        put(s3, upload, number, body) for number, body in zip((9, 2, 1000), bodies, strict=True)
    ]
    parts.sort(key=lambda part: part["PartNumber"])
    done = complete(s3, upload, parts)
    md5s = b"".join(hashlib.md5(bodies[at]).digest() for at in (1, 0, 2))
    assert done["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-3"'
    assert (done["Bucket"], done["Key"]) == (upload["Bucket"], "k")
    got = s3.get_object(Bucket=upload["Bucket"], Key="k")
    assert got["Body"].read() == bodies[1] + bodies[0] + bodies[2]
    assert (got["ETag"], got["ContentType"], got["Metadata"]) == (done["ETag"], "x/y", {"m": "1"})


def test_a_part_of_the_object_can_be_read_again(s3: Any, upload: dict[str, str]) -> None:
    parts = [put(s3, upload, 1, b"a" * MIN), put(s3, upload, 7, b"end")]
    complete(s3, upload, parts)
    got = s3.get_object(Bucket=upload["Bucket"], Key="k", PartNumber=7)
    assert got["Body"].read() == b"end"
    assert (got["PartsCount"], got["ContentRange"]) == (2, f"bytes {MIN}-{MIN + 2}/{MIN + 3}")
    head = s3.head_object(Bucket=upload["Bucket"], Key="k", PartNumber=1)
    assert (head["PartsCount"], head["ContentLength"]) == (2, MIN)
    with pytest.raises(ClientError, match="InvalidPartNumber"):
        s3.get_object(Bucket=upload["Bucket"], Key="k", PartNumber=2)


def test_nothing_is_there_until_the_upload_is_complete(s3: Any, upload: dict[str, str]) -> None:
    parts = [put(s3, upload, 1, b"x")]
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=upload["Bucket"], Key="k")
    assert s3.list_objects_v2(Bucket=upload["Bucket"])["KeyCount"] == 0
    complete(s3, upload, parts)
    assert s3.list_objects_v2(Bucket=upload["Bucket"])["KeyCount"] == 1
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=upload["Bucket"])


def test_one_empty_part_is_an_empty_object(s3: Any, upload: dict[str, str]) -> None:
    complete(s3, upload, [put(s3, upload, 1, b"")])
    assert s3.head_object(Bucket=upload["Bucket"], Key="k")["ContentLength"] == 0


def test_a_part_can_be_sent_again(s3: Any, upload: dict[str, str]) -> None:
    old = put(s3, upload, 1, b"old")
    new = put(s3, upload, 1, b"new")
    assert refusal(s3, upload, [old])["Code"] == "InvalidPart"
    complete(s3, upload, [new])
    assert s3.get_object(Bucket=upload["Bucket"], Key="k")["Body"].read() == b"new"


def test_parts_that_are_not_chosen_are_dropped(s3: Any, upload: dict[str, str]) -> None:
    parts = [put(s3, upload, number, b"%d" % number) for number in (1, 2, 3)]
    complete(s3, upload, parts[1:2])
    assert s3.get_object(Bucket=upload["Bucket"], Key="k")["Body"].read() == b"2"


def test_every_part_but_the_last_has_five_mebibytes(s3: Any, upload: dict[str, str]) -> None:
    small = put(s3, upload, 1, b"x" * (MIN - 1))
    last = put(s3, upload, 2, b"")
    error = refusal(s3, upload, [small, last])
    assert error["Code"] == "EntityTooSmall"
    assert (error["PartNumber"], error["ProposedSize"]) == ("1", str(MIN - 1))
    complete(s3, upload, [small])


def test_parts_are_named_in_order_and_once(s3: Any, upload: dict[str, str]) -> None:
    parts = [put(s3, upload, number, b"x") for number in (1, 2)]
    assert refusal(s3, upload, parts[::-1])["Code"] == "InvalidPartOrder"
    assert refusal(s3, upload, [parts[0], parts[0]])["Code"] == "InvalidPartOrder"


@pytest.mark.parametrize("number", [0, 3, 10_001, 2**31, 2**64])
def test_a_part_that_is_not_there_is_named(
    gateway: Gateway, s3: Any, upload: dict[str, str], number: int
) -> None:
    etag = put(s3, upload, 1, b"x")["ETag"]
    body = f"<CompleteMultipartUpload><Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>"
    body += "</Part></CompleteMultipartUpload>"
    target = f"/{upload['Bucket']}/k?uploadId={upload['UploadId']}"
    answer = gateway.send("POST", target, body=body.encode())
    expected = "MalformedXML" if number == 2**64 else "InvalidPart"
    assert code_of(answer) == (400, expected)


def test_a_wrong_etag_is_an_invalid_part(s3: Any, upload: dict[str, str]) -> None:
    part = put(s3, upload, 1, b"x")
    error = refusal(s3, upload, [{**part, "ETag": '"' + "0" * 32 + '"'}])
    assert (error["Code"], error["PartNumber"]) == ("InvalidPart", "1")
    assert error["UploadId"] == upload["UploadId"]


DOCUMENTS = [
    "<CompleteMultipartUpload><Part><ETag>{e}</ETag><PartNumber>1</PartNumber></Part>"
    "</CompleteMultipartUpload>",
    '<?xml version="1.0"?><CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<Part><PartNumber> 1 </PartNumber><ETag>&quot;{e}&quot;</ETag></Part>"
    "</CompleteMultipartUpload>",
    "<CompleteMultipartUpload>\n <Part>\n  <PartNumber>1</PartNumber>\n  <ETag>&#34;{e}&#34;</ETag>"
    "<Unknown/></Part></CompleteMultipartUpload>",
    '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"{e}"</ETag></Part>'
    "</CompleteMultipartUpload>",
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_clients_write_the_parts_in_many_ways(
    gateway: Gateway, s3: Any, upload: dict[str, str], document: str
) -> None:
    etag = put(s3, upload, 1, b"x")["ETag"].strip('"')
    target = f"/{upload['Bucket']}/k?uploadId={upload['UploadId']}"
    answer = gateway.send("POST", target, body=document.format(e=etag).encode())
    assert answer.status == 200
    assert answer.body.startswith(b"<?xml")
    assert xml_of(answer).tag == "CompleteMultipartUploadResult"


@pytest.mark.parametrize(
    "body",
    [
        b"<",
        b"x",
        b"<CompleteMultipartUpload/>",
        b"<Delete/>",
        b"<CompleteMultipartUpload><Part><ETag>e</ETag></Part></CompleteMultipartUpload>",
    ],
)
def test_a_document_that_names_no_parts_is_malformed(
    gateway: Gateway, upload: dict[str, str], body: bytes
) -> None:
    target = f"/{upload['Bucket']}/k?uploadId={upload['UploadId']}"
    assert code_of(gateway.send("POST", target, body=body)) == (400, "MalformedXML")


def test_a_completion_without_a_document_is_refused(
    gateway: Gateway, upload: dict[str, str]
) -> None:
    target = f"/{upload['Bucket']}/k?uploadId={upload['UploadId']}"
    assert code_of(gateway.send("POST", target)) == (400, "InvalidRequest")
    # An upload that is not there is the first thing that is wrong.
    assert code_of(gateway.send("POST", target + "0")) == (404, "NoSuchUpload")


def test_completing_again_gives_the_same_answer(s3: Any, upload: dict[str, str]) -> None:
    parts = [put(s3, upload, 1, b"x")]
    first = complete(s3, upload, parts)
    again = complete(s3, upload, parts)
    assert (again["ETag"], again["Key"]) == (first["ETag"], first["Key"])


def test_simultaneous_completions_make_one_object(s3: Any, upload: dict[str, str]) -> None:
    parts = [put(s3, upload, 1, b"x")]
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: complete(s3, upload, parts)["ETag"], range(8)))
    assert len(set(done)) == 1


def test_parts_may_arrive_all_at_once(s3: Any, upload: dict[str, str]) -> None:
    bodies = {number: bytes([number]) * MIN for number in range(1, 5)}
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda n: put(s3, upload, n, bodies[n]), bodies))
    complete(s3, upload, parts)
    got = s3.get_object(Bucket=upload["Bucket"], Key="k")["Body"].read()
    assert hashlib.md5(got).digest() == hashlib.md5(b"".join(bodies.values())).digest()


def test_an_aborted_upload_is_gone(s3: Any, upload: dict[str, str]) -> None:
    part = put(s3, upload, 1, b"x")
    s3.abort_multipart_upload(**upload)
    assert refusal(s3, upload, [part])["Code"] == "NoSuchUpload"
    for call in (s3.abort_multipart_upload, s3.list_parts):
        with pytest.raises(ClientError) as error:
            call(**upload)
        assert details(error)["Code"] == "NoSuchUpload"
        assert details(error)["UploadId"] == upload["UploadId"]
    with pytest.raises(ClientError, match="NoSuchUpload"):
        put(s3, upload, 2, b"x")


def test_an_upload_belongs_to_its_key(s3: Any, upload: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="NoSuchUpload"):
        put(s3, {**upload, "Key": "other"}, 1, b"x")


@pytest.mark.parametrize(("number", "status"), [(1, 200), (10_000, 200), (0, 400), (10_001, 400)])
def test_part_numbers_reach_from_one_to_ten_thousand(
    gateway: Gateway, upload: dict[str, str], number: int, status: int
) -> None:
    target = f"/{upload['Bucket']}/k?partNumber={number}&uploadId={upload['UploadId']}"
    answer = gateway.send("PUT", target, body=b"x")
    assert answer.status == status
    if status == 400:
        assert error_of(answer)["ArgumentName"] == "partNumber"


def test_parts_are_listed_in_pages(s3: Any, upload: dict[str, str]) -> None:
    parts = [put(s3, upload, number, b"%d" % number) for number in (10, 2, 30, 4)]
    pages = list(
        s3.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": 3})
    )
    found = [(p["PartNumber"], p["ETag"], p["Size"]) for page in pages for p in page["Parts"]]
    assert found == sorted((p["PartNumber"], p["ETag"], len(str(p["PartNumber"]))) for p in parts)
    assert [page["IsTruncated"] for page in pages] == [True, False]
    assert pages[0]["NextPartNumberMarker"] == 10
    assert pages[0]["Owner"]["ID"] == pages[0]["Initiator"]["ID"] == ALICE.account


def test_a_page_of_parts_can_begin_anywhere(
    gateway: Gateway, s3: Any, upload: dict[str, str]
) -> None:
    put(s3, upload, 2, b"x")
    target = f"/{upload['Bucket']}/k?uploadId={upload['UploadId']}"
    after = xml_of(gateway.send("GET", f"{target}&part-number-marker=2"))
    assert (values(after, "PartNumber"), values(after, "IsTruncated")) == ([], ["false"])
    none = xml_of(gateway.send("GET", f"{target}&max-parts=0"))
    assert values(none, "PartNumber") == []
    answer = gateway.send("GET", f"{target}&max-parts=-1")
    assert code_of(answer) == (400, "InvalidArgument")


def test_the_whole_size_can_be_promised(gateway: Gateway, s3: Any, upload: dict[str, str]) -> None:
    part = put(s3, upload, 1, b"xyz")
    arguments = {**upload, "MultipartUpload": {"Parts": [part]}}
    with pytest.raises(ClientError, match="InvalidRequest"):
        s3.complete_multipart_upload(**arguments, MpuObjectSize=4)
    s3.complete_multipart_upload(**arguments, MpuObjectSize=3)
    assert s3.head_object(Bucket=upload["Bucket"], Key="k")["ContentLength"] == 3


def test_a_part_without_its_number_is_not_the_object(
    gateway: Gateway, upload: dict[str, str]
) -> None:
    target = f"/{upload['Bucket']}/k?uploadId={upload['UploadId']}"
    assert gateway.send("PUT", target, body=b"x").status == 501
    assert gateway.send("HEAD", f"/{upload['Bucket']}/k").status == 404


def test_an_object_tells_of_its_parts(s3: Any, bucket: str) -> None:
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="CRC32")
    upload = {"Bucket": bucket, "Key": "k", "UploadId": begun["UploadId"]}
    parts = []
    for number, body in ((1, b"a" * MIN), (5, b"end")):
        part = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32")
        told = {name: part[name] for name in ("ETag", "ChecksumCRC32")}
        parts.append({"PartNumber": number, **told})
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    wanted = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    target = {"Bucket": upload["Bucket"], "Key": "k", "ObjectAttributes": wanted}
    told = s3.get_object_attributes(**target, MaxParts=1)
    assert told["ETag"] == done["ETag"].strip('"')
    assert (told["ObjectSize"], told["StorageClass"]) == (MIN + 3, "STANDARD")
    assert told["LastModified"] == s3.head_object(Bucket=upload["Bucket"], Key="k")["LastModified"]
    page = told["ObjectParts"]
    assert (page["TotalPartsCount"], page["IsTruncated"], page["NextPartNumberMarker"]) == (
        2,
        True,
        1,
    )
    assert [(p["PartNumber"], p["Size"]) for p in page["Parts"]] == [(1, MIN)]
    rest = s3.get_object_attributes(**target, PartNumberMarker=1)["ObjectParts"]
    assert [(p["PartNumber"], p["Size"]) for p in rest["Parts"]] == [(5, 3)]
    assert rest["IsTruncated"] is False


def test_a_plain_object_has_no_parts_to_tell_of(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    told = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts", "ObjectSize"]
    )
    assert "ObjectParts" not in told
    assert "ETag" not in told
    assert told["ObjectSize"] == 1


@pytest.mark.parametrize("asked", ["", "Nonsense", "ETag,Nonsense"])
def test_unknown_attributes_are_refused(gateway: Gateway, bucket: str, asked: str) -> None:
    headers = {"x-amz-object-attributes": asked} if asked else {}
    answer = gateway.send("GET", f"/{bucket}/k?attributes", headers)
    assert code_of(answer) == (400, "InvalidArgument")
