"""Options from the environment and from Hadoop's files, delegation tokens, rules for redirects."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from pathlib import Path
from urllib.parse import quote

import pytest

from storage.backends.hdfs import HdfsOptions, options_from_environment
from storage.backends.hdfs.redirects import Redirects
from storage.backends.hdfs.tokens import NotTokens, TokenFile, first_token
from storage.errors import AddressRefused, BackendDenied


def configuration(folder: Path, name: str, **properties: str) -> None:
    rows = "".join(
        f"<property><name>{key.replace('__', '.').replace('_', '-')}</name>"
        f"<value>{value}</value></property>"
        for key, value in properties.items()
    )
    (folder / name).write_text(f"<configuration>{rows}</configuration>")


def test_without_anything_said_there_is_no_namenode() -> None:
    options = options_from_environment({})
    assert (options.namenodes, options.root, options.kerberos) == ((), "", False)
    # As Hadoop's tools, the user of the process.
    assert options.user


def test_urls_name_the_namenodes_and_the_root() -> None:
    environment = {
        "AIS_HDFS_URL": "http://one:9870/data/buckets, http://two:9870",
        "HADOOP_USER_NAME": "ann",
        "AIS_HDFS_DATANODES": "*.example.com, 10.0.0.0/8",
    }
    options = options_from_environment(environment)
    assert options.namenodes == ("http://one:9870", "http://two:9870")
    assert (options.root, options.user) == ("/data/buckets", "ann")
    assert options.datanodes == ("*.example.com", "10.0.0.0/8")


@pytest.mark.parametrize(
    "url",
    ["hdfs://one:8020", "one:9870", "http://", "http://h/?a=b", "http://ann@h", "http://h/a/../b"],
)
def test_another_url_is_refused_by_the_name_of_the_variable(url: str) -> None:
    with pytest.raises(ValueError, match="AIS_HDFS_URL"):
        options_from_environment({"AIS_HDFS_URL": url})


def test_wrong_datanodes_are_refused() -> None:
    with pytest.raises(ValueError, match="AIS_HDFS_DATANODES"):
        options_from_environment({"AIS_HDFS_DATANODES": "http://h:1"})


@pytest.mark.parametrize(
    ("default", "others", "expected"),
    [
        ("hdfs://nn:8020", {}, ("http://nn:9870",)),
        ("hdfs://nn", {"dfs__namenode__http_address": "0.0.0.0:50070"}, ("http://nn:50070",)),
        ("hdfs://nn", {"dfs__namenode__http_address": "web:1"}, ("http://web:1",)),
        ("hdfs://nn", {"dfs__http__policy": "HTTPS_ONLY"}, ("https://nn:9871",)),
        ("webhdfs://nn:9870", {}, ("http://nn:9870",)),
        ("swebhdfs://nn:9871", {}, ("https://nn:9871",)),
        ("file:///", {}, ()),
        (
            "hdfs://both",
            {
                "dfs__nameservices": "both",
                "dfs__ha__namenodes__both": "nn1, nn2",
                "dfs__namenode__http_address__both__nn1": "one:9870",
                "dfs__namenode__rpc_address__both__nn2": "two:8020",
            },
            ("http://one:9870", "http://two:9870"),
        ),
        ("hdfs://${host}:8020", {"host": "nn"}, ("http://nn:9870",)),
    ],
)
def test_hadoop_s_files_name_the_namenodes(
    tmp_path: Path, default: str, others: dict[str, str], expected: tuple[str, ...]
) -> None:
    configuration(tmp_path, "core-site.xml", fs__defaultFS=default)
    configuration(tmp_path, "hdfs-site.xml", **others)
    options = options_from_environment({"HADOOP_CONF_DIR": str(tmp_path)})
    assert options.namenodes == expected


def test_the_files_below_hadoop_s_home_count_too(tmp_path: Path) -> None:
    folder = tmp_path / "etc" / "hadoop"
    folder.mkdir(parents=True)
    configuration(folder, "core-site.xml", fs__defaultFS="hdfs://nn")
    assert options_from_environment({"HADOOP_HOME": str(tmp_path)}).namenodes == ("http://nn:9870",)


def test_with_kerberos_no_user_is_named(tmp_path: Path) -> None:
    configuration(tmp_path, "core-site.xml", hadoop__security__authentication="kerberos")
    environment = {"HADOOP_CONF_DIR": str(tmp_path), "HADOOP_USER_NAME": "ann"}
    options = options_from_environment(environment)
    assert (options.kerberos, options.user) == (True, "")


def test_a_file_that_is_not_a_configuration_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "core-site.xml").write_text("<configuration>")
    with pytest.raises(ValueError, match=r"core-site\.xml"):
        options_from_environment({"HADOOP_CONF_DIR": str(tmp_path)})


@pytest.mark.parametrize(
    "wrong",
    [{"attempts": 0}, {"connections": 0}, {"root": "relative"}, {"namenodes": ("nn",)}],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        HdfsOptions(**wrong)  # type: ignore[arg-type]


def sized(content: bytes) -> bytes:
    """As Hadoop writes bytes after their length, as long as that fits into two bytes."""
    if len(content) < 128:
        return bytes([len(content)]) + content
    return bytes([256 - 113 if len(content) < 256 else 256 - 114]) + (
        len(content).to_bytes(1 if len(content) < 256 else 2) + content
    )


def token(kind: bytes, identifier: bytes = b"who") -> bytes:
    return sized(identifier) + sized(b"password") + sized(kind) + sized(b"127.0.0.1:8020")


def token_file(*tokens: bytes) -> bytes:
    return b"HDTS\0" + bytes([len(tokens)]) + b"".join(sized(b"alias") + each for each in tokens)


@pytest.mark.parametrize("length", [3, 127, 128, 255, 256, 5000])
def test_the_first_token_of_hdfs_in_a_file_is_used(length: int) -> None:
    wanted = token(b"HDFS_DELEGATION_TOKEN", b"x" * length)
    text = first_token(token_file(token(b"kms-dt"), wanted, token(b"WEBHDFS delegation")))
    assert urlsafe_b64decode(text + "=" * (-len(text) % 4)) == wanted
    assert "=" not in text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a file of tokens"),
        (b"HDTS\1" + b"\0", "another format"),
        (token_file(token(b"kms-dt")), "no token of HDFS"),
        (token_file(), "no token of HDFS"),
        (token_file(token(b"HDFS_DELEGATION_TOKEN"))[:-3], "ends before"),
        (b"HDTS\0\x80", "ends before"),
    ],
)
def test_another_file_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(NotTokens, match=reason):
        first_token(content)


def test_a_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    tokens = TokenFile(str(file))
    with pytest.raises(BackendDenied, match="HADOOP_TOKEN_FILE_LOCATION"):
        tokens.current("hdfs://b")
    file.write_bytes(token_file(token(b"HDFS_DELEGATION_TOKEN", b"first")))
    first = tokens.current("hdfs://b")
    file.write_bytes(token_file(token(b"HDFS_DELEGATION_TOKEN", b"and the second")))
    assert tokens.current("hdfs://b") != first


def test_a_token_is_not_shown() -> None:
    assert "a-token" not in repr(HdfsOptions(token="a-token"))


@pytest.mark.parametrize(
    ("namenode", "datanodes", "target", "good"),
    [
        ("http://10.0.0.1:9870", (), "http://10.0.0.2:9864/webhdfs/v1/a", True),
        ("http://10.0.0.1:9870", (), "http://dn:9864/webhdfs/v1/a", True),
        ("http://10.0.0.1:9870", (), "https://10.0.0.2:9865/webhdfs/v1/a", True),
        ("http://10.0.0.1:9870", (), "http://127.0.0.1:9864/webhdfs/v1/a", False),
        ("http://10.0.0.1:9870", (), "http://[::ffff:127.0.0.1]/webhdfs/v1/a", False),
        ("http://10.0.0.1:9870", (), "http://0.0.0.0:9864/webhdfs/v1/a", False),
        ("http://10.0.0.1:9870", (), "http://169.254.169.254/webhdfs/v1/a", False),
        ("http://localhost:9870", (), "http://127.0.0.1:9864/webhdfs/v1/a", True),
        ("https://nn:9871", (), "http://dn:9864/webhdfs/v1/a", False),
        ("http://nn:9870", ("dn1",), "http://DN1:9864/webhdfs/v1/a", True),
        ("http://nn:9870", ("dn1",), "http://dn2:9864/webhdfs/v1/a", False),
        ("http://nn:9870", ("*.x.org",), "http://a.x.org:9864/webhdfs/v1/a", True),
        ("http://nn:9870", ("*.x.org",), "http://x.org.evil:9864/webhdfs/v1/a", False),
        ("http://nn:9870", ("10.0.0.0/8",), "http://10.1.1.1:9864/webhdfs/v1/a", True),
        ("http://nn:9870", ("10.0.0.0/8",), "http://11.1.1.1:9864/webhdfs/v1/a", False),
        ("http://nn:9870", ("dn1",), "http://nn:9870/webhdfs/v1/a?data=true", True),
        ("http://nn:9870", (), "http://dn:9864/logs/", False),
        ("http://nn:9870", (), "http://dn:9864/webhdfs/v1/b", False),
    ],
)
def test_where_a_namenode_may_redirect_to(
    namenode: str, datanodes: tuple[str, ...], target: str, good: bool
) -> None:
    rules = Redirects(HdfsOptions(namenodes=(namenode,), datanodes=datanodes))
    source = f"{namenode}/webhdfs/v1/a"
    if good:
        assert rules.target(source, target, "/a", "hdfs://b/a").lower() == target.lower()
    else:
        with pytest.raises(AddressRefused):
            rules.target(source, target, "/a", "hdfs://b/a")


def test_a_redirect_does_not_change_the_form_of_characters() -> None:
    """Java composes them, and U+F900 is another file than U+8C48, of the same length."""
    rules = Redirects(HdfsOptions(namenodes=("http://nn:9870",)))
    for name, composed in (("e\u0301", "%C3%A9"), ("\uf900", "%E8%B1%88")):
        location = f"http://dn:9864/webhdfs/v1/b/{composed}?op=OPEN&offset=0"
        followed = rules.target("http://nn:9870/webhdfs/v1/b", location, f"/b/{name}", "")
        assert followed == f"http://dn:9864/webhdfs/v1/b/{quote(name)}?op=OPEN&offset=0"


def test_the_addresses_of_a_name_are_checked() -> None:
    rules = Redirects(HdfsOptions(namenodes=("http://nn:9870",)))
    assert rules.may_connect("dn", "10.0.0.2")
    assert not rules.may_connect("dn", "127.0.0.1")
    assert not rules.may_connect("dn", "fe80::1%eth0")
    assert not rules.may_connect("dn", "not an address")
