"""Promises about the bytes: kept, refused, stored and told again."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3gw.objects.checksums import ALGORITHMS
from tests.s3.gateway import Gateway, code_of, error_of, signed, values, xml_of

BODY = b"hello world"
MIN = 5 << 20
NAMES = list(ALGORITHMS)


def checksum(algorithm: str, body: bytes) -> str:
    hasher = ALGORITHMS[algorithm].new()
    hasher.update(body)
    return base64.b64encode(hasher.digest()).decode()


def header(algorithm: str) -> str:
    return f"x-amz-checksum-{algorithm.lower()}"


def md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body).digest()).decode()


# What AWS documents for the bytes 0 to 8 of "123456789", from the CRC catalogue.
KNOWN = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "SHA256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "SHA512": "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a"
    "d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
    "MD5": "25f9e794323b453885f5181f1b624d0b",
    "XXHASH64": "8cb841db40e6ae83",
    "XXHASH3": "72dcb18b67a17dff",
    "XXHASH128": "33119477ede5dcd5e9716427681d5860",
}


@pytest.mark.parametrize("algorithm", NAMES)
def test_the_algorithms_are_those_of_the_catalogues(algorithm: str) -> None:
    assert base64.b64decode(checksum(algorithm, b"123456789")).hex() == KNOWN[algorithm]


@pytest.mark.parametrize("algorithm", NAMES)
def test_a_checksum_in_a_header_is_verified_kept_and_told(
    gateway: Gateway, bucket: str, algorithm: str
) -> None:
    value = checksum(algorithm, BODY)
    put = gateway.send("PUT", f"/{bucket}/k", {header(algorithm): value}, BODY)
    assert put.headers[header(algorithm)] == value
    assert put.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    for method in ("GET", "HEAD"):
        silent = gateway.send(method, f"/{bucket}/k")
        assert header(algorithm) not in silent.headers
        told = gateway.send(method, f"/{bucket}/k", {"x-amz-checksum-mode": "enabled"})
        assert told.headers[header(algorithm)] == value
        assert told.headers["x-amz-checksum-type"] == "FULL_OBJECT"


@pytest.mark.parametrize("algorithm", NAMES)
def test_a_wrong_checksum_stores_nothing(gateway: Gateway, bucket: str, algorithm: str) -> None:
    wrong = {header(algorithm): checksum(algorithm, b"other")}
    assert code_of(gateway.send("PUT", f"/{bucket}/k", wrong, BODY)) == (400, "BadDigest")
    assert gateway.send("HEAD", f"/{bucket}/k").status == 404


def trailing(gateway: Gateway, target: str, name: str, value: str, announced: str = "") -> Any:
    body = b"%x\r\n%s\r\n0\r\n%s:%s\r\n\r\n" % (len(BODY), BODY, name.encode(), value.encode())
    headers = {
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(len(BODY)),
        "x-amz-trailer": announced or name,
    }
    return gateway.send("PUT", target, headers, body, trailer=True)


@pytest.mark.parametrize("algorithm", NAMES)
def test_a_checksum_in_a_trailer_is_verified_kept_and_told(
    gateway: Gateway, bucket: str, algorithm: str
) -> None:
    value = checksum(algorithm, BODY)
    put = trailing(gateway, f"/{bucket}/k", header(algorithm), value)
    assert (put.status, put.headers[header(algorithm)]) == (200, value)
    got = gateway.send("GET", f"/{bucket}/k", {"x-amz-checksum-mode": "ENABLED"})
    assert (got.body, got.headers[header(algorithm)]) == (BODY, value)
    assert "content-encoding" not in got.headers


@pytest.mark.parametrize("algorithm", NAMES)
def test_a_wrong_trailer_in_the_last_byte_stores_nothing(
    gateway: Gateway, bucket: str, algorithm: str
) -> None:
    put = trailing(gateway, f"/{bucket}/k", header(algorithm), checksum(algorithm, b"other"))
    assert code_of(put) == (400, "BadDigest")
    malformed = trailing(gateway, f"/{bucket}/k", header(algorithm), "AA==")
    assert code_of(malformed) == (400, "InvalidRequest")
    assert gateway.send("HEAD", f"/{bucket}/k").status == 404


def test_a_trailer_that_does_not_come_stores_nothing(gateway: Gateway, bucket: str) -> None:
    put = trailing(gateway, f"/{bucket}/k", "x-amz-meta-x", "y", "x-amz-checksum-crc32")
    assert put.status == 400
    assert gateway.send("HEAD", f"/{bucket}/k").status == 404


def test_an_object_without_a_checksum_gets_a_crc64nvme(gateway: Gateway, bucket: str) -> None:
    put = gateway.send("PUT", f"/{bucket}/k", body=BODY)
    assert put.headers["x-amz-checksum-crc64nvme"] == checksum("CRC64NVME", BODY)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-crc32": checksum("CRC32", BODY), "x-amz-checksum-sha1": "x"},
        {"x-amz-checksum-crc32": "not base64!"},
        {"x-amz-checksum-crc32": "AAA="},
        {"x-amz-checksum-crc32": "\u00fc"},
        {"x-amz-checksum-md6": "AAAA"},
        {"x-amz-sdk-checksum-algorithm": "CRC32"},
        {"x-amz-sdk-checksum-algorithm": "MD6"},
        {"x-amz-sdk-checksum-algorithm": "SHA1", header("CRC32"): checksum("CRC32", BODY)},
        {"x-amz-checksum-crc32": checksum("CRC32", BODY), "x-amz-trailer": "x-amz-checksum-sha1"},
    ],
)
def test_a_checksum_that_makes_no_sense_is_refused(
    gateway: Gateway, bucket: str, headers: dict[str, str]
) -> None:
    assert code_of(gateway.send("PUT", f"/{bucket}/k", headers, BODY)) == (400, "InvalidRequest")
    assert gateway.send("HEAD", f"/{bucket}/k").status == 404


def test_a_content_md5_is_verified(gateway: Gateway, bucket: str) -> None:
    good = gateway.send("PUT", f"/{bucket}/k", {"content-md5": md5(BODY)}, BODY)
    assert good.status == 200
    bad = gateway.send("PUT", f"/{bucket}/other", {"content-md5": md5(b"x")}, BODY)
    assert code_of(bad) == (400, "BadDigest")
    # AWS writes one in hexadecimal, the other in base64.
    assert error_of(bad)["ExpectedDigest"] == hashlib.md5(b"x").hexdigest()
    assert error_of(bad)["CalculatedDigest"] == md5(BODY)
    assert gateway.send("HEAD", f"/{bucket}/other").status == 404


@pytest.mark.parametrize("text", ["", "x", "AAAA", "!!!!", "\u00fc", md5(BODY) + "A"])
def test_a_content_md5_that_is_none_is_refused(gateway: Gateway, bucket: str, text: str) -> None:
    answer = gateway.send("PUT", f"/{bucket}/k", {"content-md5": text}, BODY)
    assert code_of(answer) == (400, "InvalidDigest")


def test_a_body_that_is_not_the_signed_one_is_refused(gateway: Gateway, bucket: str) -> None:
    headers = signed("PUT", f"/{bucket}/k", {"host": "127.0.0.1", "content-length": "11"}, BODY)
    answer = gateway.server.request("PUT", f"/{bucket}/k", list(headers.items()), b"HELLO WORLD")
    assert code_of(answer) == (400, "XAmzContentSHA256Mismatch")
    assert error_of(answer)["ClientComputedContentSHA256"] == hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize("length", ["10", "12"])
def test_a_body_of_another_length_is_incomplete(gateway: Gateway, bucket: str, length: str) -> None:
    answer = gateway.send("PUT", f"/{bucket}/k", {"content-length": length}, BODY)
    assert code_of(answer) == (400, "IncompleteBody")


def test_a_put_without_a_length_is_refused(gateway: Gateway, bucket: str) -> None:
    answer = gateway.send("PUT", f"/{bucket}/k", {"content-length": ""}, BODY)
    assert code_of(answer) == (411, "MissingContentLength")
    chunked = {"content-length": "", "transfer-encoding": "chunked"}
    assert gateway.send("PUT", f"/{bucket}/k", chunked, BODY).status == 200


def test_a_put_that_announces_too_much_is_refused(gateway: Gateway, bucket: str) -> None:
    answer = gateway.send("PUT", f"/{bucket}/k", {"content-length": str((5 << 30) + 1)}, BODY)
    assert code_of(answer) == (400, "EntityTooLarge")


def test_a_range_has_no_checksum_of_the_whole(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=BODY)
    asked = {"x-amz-checksum-mode": "ENABLED", "range": "bytes=0-3"}
    answer = gateway.send("GET", f"/{bucket}/k", asked)
    assert not [name for name in answer.headers if name.startswith("x-amz-checksum")]


@pytest.mark.parametrize("promise", ["content-md5", *(header(name) for name in NAMES)])
def test_documents_are_verified_too(gateway: Gateway, bucket: str, promise: str) -> None:
    document = b"<Delete><Object><Key>k</Key></Object></Delete>"
    gateway.send("PUT", f"/{bucket}/k", body=BODY)

    def value(body: bytes) -> str:
        return md5(body) if promise == "content-md5" else checksum(promise[15:].upper(), body)

    bad = gateway.send("POST", f"/{bucket}?delete", {promise: value(b"x")}, document)
    assert code_of(bad) == (400, "BadDigest")
    assert gateway.send("HEAD", f"/{bucket}/k").status == 200
    good = gateway.send("POST", f"/{bucket}?delete", {promise: value(document)}, document)
    assert good.status == 200
    assert gateway.send("HEAD", f"/{bucket}/k").status == 404


KINDS = [
    ("CRC32", "COMPOSITE"),
    ("CRC32", "FULL_OBJECT"),
    ("CRC32C", "COMPOSITE"),
    ("CRC32C", "FULL_OBJECT"),
    ("CRC64NVME", "FULL_OBJECT"),
    ("SHA1", "COMPOSITE"),
    ("SHA256", "COMPOSITE"),
    ("SHA512", "COMPOSITE"),
    ("MD5", "COMPOSITE"),
    ("XXHASH64", "COMPOSITE"),
    ("XXHASH3", "COMPOSITE"),
    ("XXHASH128", "COMPOSITE"),
]


def whole(algorithm: str, kind: str, bodies: list[bytes]) -> str:
    if kind == "FULL_OBJECT":
        return checksum(algorithm, b"".join(bodies))
    values = b"".join(base64.b64decode(checksum(algorithm, body)) for body in bodies)
    return f"{checksum(algorithm, values)}-{len(bodies)}"


@pytest.mark.parametrize(("algorithm", "kind"), KINDS)
def test_the_checksum_of_an_upload_is_that_of_its_kind(
    s3: Any, bucket: str, algorithm: str, kind: str
) -> None:
    name, bodies = f"Checksum{algorithm}", [b"a" * MIN, b"end"]
    made = s3.create_multipart_upload(
        Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType=kind
    )
    assert (made["ChecksumAlgorithm"], made["ChecksumType"]) == (algorithm, kind)
    upload = {"Bucket": bucket, "Key": "k", "UploadId": made["UploadId"]}
    parts = []
    for number, body in enumerate(bodies, 1):
        sent = {name: checksum(algorithm, body), "ChecksumAlgorithm": algorithm}
        part = s3.upload_part(**upload, PartNumber=number, Body=body, **sent)
        assert part[name] == sent[name]
        parts.append({"PartNumber": number, "ETag": part["ETag"], name: part[name]})
    listed = s3.list_parts(**upload)
    assert [part[name] for part in listed["Parts"]] == [part[name] for part in parts]
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == (algorithm, kind)
    expected = whole(algorithm, kind, bodies)
    done = s3.complete_multipart_upload(
        **upload, MultipartUpload={"Parts": parts}, ChecksumType=kind, **{name: expected}
    )
    assert (done[name], done["ChecksumType"]) == (expected, kind)
    check_reads(s3, bucket, parts, (name, expected, kind))


def check_reads(
    s3: Any, bucket: str, parts: list[dict[str, Any]], kept: tuple[str, str, str]
) -> None:
    name, expected, kind = kept
    target = {"Bucket": bucket, "Key": "k"}
    head = s3.head_object(**target, ChecksumMode="ENABLED")
    assert (head[name], head["ChecksumType"]) == (expected, kind)
    second = s3.get_object(**target, PartNumber=2, ChecksumMode="ENABLED")
    assert second["Body"].read() == b"end"
    told = s3.get_object_attributes(**target, ObjectAttributes=["Checksum", "ObjectParts"])
    assert told["Checksum"][name] == expected.partition("-")[0]
    assert told["Checksum"]["ChecksumType"] == kind
    if kind == "COMPOSITE":
        assert (second[name], second["ChecksumType"]) == (parts[1][name], kind)
        assert [p[name] for p in told["ObjectParts"]["Parts"]] == [p[name] for p in parts]
    else:
        # The whole's checksum says nothing of a part, so neither do its parts'.
        assert name not in second
        assert told["ObjectParts"] == {"TotalPartsCount": len(parts)}


WRONG_PARTS: list[tuple[dict[str, str], dict[str, str], str]] = [
    ({"ChecksumAlgorithm": "CRC32"}, {}, "InvalidRequest"),
    ({"ChecksumAlgorithm": "CRC32"}, {"ChecksumSHA256": checksum("SHA256", BODY)}, "BadDigest"),
    ({"ChecksumAlgorithm": "CRC32"}, {"ChecksumCRC32": checksum("CRC32", b"x")}, "InvalidPart"),
    ({}, {"ChecksumCRC32": checksum("CRC32", BODY)}, "InvalidPart"),
    ({}, {"ChecksumCRC64NVME": checksum("CRC64NVME", BODY)}, "InvalidPart"),
]


@pytest.mark.parametrize(("begun", "listed", "refusal"), WRONG_PARTS)
def test_the_parts_of_a_completion_have_the_checksums_of_their_upload(
    s3: Any, bucket: str, begun: dict[str, str], listed: dict[str, str], refusal: str
) -> None:
    where, etag = one_part(s3, bucket, begun)
    part = {"PartNumber": 1, "ETag": etag, **listed}
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(**where, MultipartUpload={"Parts": [part]})
    assert error.value.response["Error"]["Code"] == refusal


FULL = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
RIGHT = {"ChecksumCRC32": checksum("CRC32", BODY)}
WRONG_WHOLES: list[tuple[dict[str, str], dict[str, str], str]] = [
    ({}, {"ChecksumType": "FULL_OBJECT"}, "InvalidRequest"),
    ({}, {"ChecksumType": "COMPOSITE"}, "InvalidRequest"),
    ({}, {"ChecksumCRC64NVME": checksum("CRC64NVME", b"x")}, "BadDigest"),
    ({}, RIGHT, "BadDigest"),
    (FULL, RIGHT, "BadDigest"),
    (FULL, {"ChecksumType": "COMPOSITE", **RIGHT}, "InvalidRequest"),
    (FULL, {"ChecksumType": "FULL_OBJECT", "ChecksumCRC32": checksum("CRC32", b"")}, "BadDigest"),
    (FULL, {"ChecksumCRC64NVME": checksum("CRC64NVME", BODY)}, "BadDigest"),
    (
        FULL,
        {"ChecksumType": "FULL_OBJECT", "ChecksumSHA1": checksum("SHA1", BODY)},
        "BadDigest",
    ),
]


@pytest.mark.parametrize(
    ("promised", "refusal"),
    [({}, "InvalidRequest"), ({"ChecksumCRC32": "bad"}, "BadDigest")],
)
def test_a_promise_about_the_whole_counts_before_those_that_are_missing(
    s3: Any, bucket: str, promised: dict[str, str], refusal: str
) -> None:
    where, etag = one_part(s3, bucket, {"ChecksumAlgorithm": "CRC32"})
    done = {**where, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}}
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(**done, **promised)
    assert error.value.response["Error"]["Code"] == refusal


@pytest.mark.parametrize(("begun", "promised", "refusal"), WRONG_WHOLES)
def test_a_promise_about_the_whole_is_kept_or_refused(
    s3: Any, bucket: str, begun: dict[str, str], promised: dict[str, str], refusal: str
) -> None:
    where, etag = one_part(s3, bucket, begun)
    done = {**where, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}}
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(**done, **promised)
    assert error.value.response["Error"]["Code"] == refusal
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket=bucket, Key="k")
    s3.complete_multipart_upload(**done)


def one_part(s3: Any, bucket: str, begun: dict[str, str]) -> tuple[dict[str, str], str]:
    made = s3.create_multipart_upload(Bucket=bucket, Key="k", **begun)
    where = {"Bucket": bucket, "Key": "k", "UploadId": made["UploadId"]}
    part = s3.upload_part(**where, PartNumber=1, Body=BODY, ChecksumAlgorithm="CRC32")
    return where, part["ETag"]


def test_a_part_without_the_checksum_of_its_upload_is_refused(
    gateway: Gateway, bucket: str
) -> None:
    headers = {"x-amz-checksum-algorithm": "SHA256"}
    begun = xml_of(gateway.send("POST", f"/{bucket}/k?uploads", headers))
    target = f"/{bucket}/k?partNumber=1&uploadId={values(begun, 'UploadId')[0]}"
    answer = gateway.send("PUT", target, body=BODY)
    assert code_of(answer) == (400, "InvalidRequest")
    assert error_of(answer)["Message"].endswith("sha256, actual checksum Type: null")


def test_an_upload_without_an_algorithm_gets_a_crc64nvme_of_the_whole(s3: Any, bucket: str) -> None:
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    # A part may bring any checksum then.
    part = s3.upload_part(**upload, PartNumber=1, Body=BODY, ChecksumAlgorithm="SHA1")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert done["ChecksumCRC64NVME"] == checksum("CRC64NVME", BODY)
    assert done["ChecksumType"] == "FULL_OBJECT"


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("SHA1", "FULL_OBJECT"),
        ("SHA256", "FULL_OBJECT"),
        ("CRC64NVME", "COMPOSITE"),
        ("CRC32", "HALF"),
        ("MD6", "COMPOSITE"),
        ("", "COMPOSITE"),
    ],
)
def test_a_kind_that_the_algorithm_has_not_is_refused(
    gateway: Gateway, bucket: str, algorithm: str, kind: str
) -> None:
    headers = {"x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": kind}
    answer = gateway.send("POST", f"/{bucket}/k?uploads", {n: v for n, v in headers.items() if v})
    assert code_of(answer) == (400, "InvalidRequest")


def test_a_part_with_another_checksum_than_the_uploads_is_refused(s3: Any, bucket: str) -> None:
    made = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="CRC32C")
    with pytest.raises(ClientError, match="InvalidRequest"):
        s3.upload_part(
            Bucket=bucket,
            Key="k",
            UploadId=made["UploadId"],
            PartNumber=1,
            Body=BODY,
            ChecksumAlgorithm="SHA1",
        )


@pytest.mark.parametrize("where", ["part", "whole", "type"])
def test_an_upload_that_is_not_what_its_completer_believes_is_not_completed(
    s3: Any, bucket: str, where: str
) -> None:
    made = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="CRC32")
    upload = {"Bucket": bucket, "Key": "k", "UploadId": made["UploadId"]}
    stored = s3.upload_part(**upload, PartNumber=1, Body=BODY, ChecksumAlgorithm="CRC32")
    wrong = checksum("CRC32", b"x")
    right = stored["ChecksumCRC32"]
    part = {"PartNumber": 1, "ETag": stored["ETag"]}
    part["ChecksumCRC32"] = wrong if where == "part" else right
    extra = {"part": {}, "whole": {"ChecksumCRC32": wrong}, "type": {"ChecksumType": "FULL_OBJECT"}}
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]}, **extra[where])
    expected = {"part": "InvalidPart", "whole": "BadDigest", "type": "InvalidRequest"}
    assert error.value.response["Error"]["Code"] == expected[where]
