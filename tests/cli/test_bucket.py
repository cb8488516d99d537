from __future__ import annotations

from collections.abc import Callable

from tests.cli.conftest import CommandLine


def test_a_bucket_is_made_listed_and_removed(cli: CommandLine) -> None:
    assert cli.good("bucket", "create", "ais://made", "made-too").out == (
        "Made ais://made.\nMade ais://made-too.\n"
    )
    assert {"ais://made", "ais://made-too"} <= set(cli.good("bucket", "ls").out.split())
    assert "made" in {each["name"] for each in cli.json("bucket", "ls")}
    assert cli.json("bucket", "rm", "made", "made-too", "--yes") == {
        "removed": ["ais://made", "ais://made-too"]
    }
    assert "made" not in {each["name"] for each in cli.json("bucket", "ls")}


def test_one_that_is_there_is_an_error_unless_that_is_good(cli: CommandLine, bucket: str) -> None:
    assert "already exists" in cli.refused("bucket", "create", bucket)
    assert "exists already" in cli.good("bucket", "create", bucket, "--exist-ok").out
    assert cli.json("bucket", "create", bucket, "--exist-ok") == {"made": []}


def test_a_bucket_is_made_with_properties(cli: CommandLine) -> None:
    pairs = ("--props", "versioning.enabled=true", "--props", "access=ro")
    cli.good("bucket", "create", "with-props", *pairs)
    props = cli.json("bucket", "head", "with-props")
    assert (props["versioning"]["enabled"], props["access"]) == (True, "771")


def test_a_bad_property_is_refused_and_nothing_is_made(cli: CommandLine) -> None:
    assert "nknown bucket property" in cli.refused(
        "bucket", "create", "never", "--props", "nonsense=1"
    )
    assert cli("bucket", "head", "never").code == 1


def test_properties_are_shown_and_set(cli: CommandLine, bucket: str) -> None:
    set_them = ("bucket", "props", "set", bucket, "versioning.enabled=true", "access=rw")
    assert cli.json(*set_them)["props"] == {"versioning.enabled": True, "access": "831"}
    shown = cli.good("bucket", "props", "show", bucket, "versioning.enabled").out
    assert shown.splitlines()[1].split() == ["versioning.enabled", "true"]
    section = cli.json("bucket", "props", "show", bucket, "versioning")
    assert section["versioning.enabled"] is True
    assert cli.json("bucket", "props", "show", bucket)["provider"] == "ais"
    assert "is not a property or section" in cli.refused(
        "bucket", "props", "show", bucket, "nonsense", code=2
    )


def test_properties_are_set_back(cli: CommandLine, bucket: str) -> None:
    cli.good("bucket", "props", "set", bucket, "checksum.type=md5", "chunks.chunk_size=8MiB")
    assert cli.json("bucket", "head", bucket)["checksum"]["type"] == "md5"
    assert cli.good("bucket", "props", "reset", bucket).out.startswith(f"ais://{bucket} has")
    assert cli.json("bucket", "head", bucket)["checksum"]["type"] == "xxhash2"


def test_head_tells_a_bucket_from_none(cli: CommandLine, bucket: str) -> None:
    assert f"ais://{bucket}" in cli.good("bucket", "head", bucket).out
    said = cli.refused("bucket", "head", "nowhere")
    assert said == 's3gw: Bucket "ais://nowhere" does not exist. `s3gw bucket ls` lists them.'


def test_long_listings_have_a_row_for_each(cli: CommandLine, bucket: str) -> None:
    head, *rows = cli.good("bucket", "ls", "--long").out.splitlines()
    assert head.split() == ["BUCKET", "CREATED", "VERSIONS", "CHECKSUM", "ACCESS"]
    assert f"ais://{bucket}" in {row.split()[0] for row in rows}


def test_a_bucket_that_nobody_agreed_to_remove_stays(cli: CommandLine, bucket: str) -> None:
    assert "add --yes" in cli.refused("bucket", "rm", bucket, code=2)
    said = cli("bucket", "rm", bucket, stdin=b"n\n", is_terminal=True)
    assert (said.code, said.err) == (
        1, f"Remove ais://{bucket} and everything in it? [y/N] "
    )  # fmt: skip
    cli.good("bucket", "head", bucket)
    assert cli("bucket", "rm", bucket, stdin=b"y\n", is_terminal=True).code == 0
    assert cli("bucket", "head", bucket).code == 1


def test_a_summary_counts_all_or_a_prefix(cli: CommandLine, bucket: str) -> None:
    for name in ("a/1", "a/2", "b"):
        cli.good("object", "put", "-", f"{bucket}/{name}", stdin=b"12345")
    head, row = cli.good("bucket", "summary", bucket).out.splitlines()
    assert head.split() == ["BUCKET", "OBJECTS", "SIZE", "SMALLEST", "LARGEST"]
    assert row.split() == [f"ais://{bucket}", "3", "15", "B", "5", "B", "5", "B"]
    (told,) = cli.json("bucket", "summary", f"{bucket}/a/")
    assert told["ObjCount"]["obj_count_present"] == "2"


def test_a_bucket_is_copied_with_progress_and_without_waiting(
    cli: CommandLine, bucket: str, new_bucket: Callable[[], str]
) -> None:
    cli.good("object", "put", "-", f"{bucket}/train/1", stdin=b"one")
    cli.good("object", "put", "-", f"{bucket}/other", stdin=b"two")
    to = new_bucket()
    said = cli.good("bucket", "cp", f"{bucket}/train/", to, "--prepend", "old/")
    assert said.out == f"Copied ais://{bucket}/train/ to ais://{to}: 1 object, 3 B.\n"
    assert said.err == ""
    assert cli.good("object", "cat", f"{to}/old/train/1").raw == b"one"
    xid = cli.good("bucket", "cp", bucket, to, "--no-wait").out.strip()
    (job,) = cli.json("job", "wait", xid)
    assert (job["state"], job["objects"], job["error"]) == ("finished", 2, "")
    assert cli.json("bucket", "cp", bucket, to)[0]["objects"] == 2


def test_a_dry_run_copies_nothing(
    cli: CommandLine, bucket: str, new_bucket: Callable[[], str]
) -> None:
    cli.good("object", "put", "-", f"{bucket}/a", stdin=b"one")
    to = new_bucket()
    assert cli.good("bucket", "cp", bucket, to, "--dry-run").out.startswith("Would copy")
    assert cli.json("object", "ls", to) == []


def test_a_bucket_gets_another_name(cli: CommandLine, bucket: str) -> None:
    cli.good("object", "put", "-", f"{bucket}/a", stdin=b"one")
    said = cli.good("bucket", "mv", bucket, f"{bucket}-new")
    assert said.out == f"Renamed ais://{bucket} to ais://{bucket}-new.\n"
    assert cli.good("object", "cat", f"{bucket}-new/a").raw == b"one"
    assert cli("bucket", "head", bucket).code == 1
    xid = cli.good("bucket", "mv", f"{bucket}-new", bucket, "--no-wait").out.strip()
    assert cli.json("job", "wait", xid)[0]["kind"] == "move-bck"


def test_a_bucket_of_a_namespace_is_another_one(cli: CommandLine, bucket: str) -> None:
    spaced = f"ais://#cli/{bucket}"
    cli.good("bucket", "create", spaced)
    cli.good("object", "put", "-", f"{spaced}/a", stdin=b"there")
    cli.good("object", "put", "-", f"{bucket}/a", stdin=b"here")
    assert cli.good("object", "cat", f"{spaced}/a", f"{bucket}/a").raw == b"therehere"
    assert spaced in cli.good("bucket", "ls").out.split()
    assert spaced in {each["uri"] for each in cli.json("bucket", "ls")}
    cli.good("object", "cp", f"{spaced}/a", f"{bucket}/b")
    assert cli.good("object", "cat", f"{bucket}/b").raw == b"there"
    cli.good("bucket", "rm", spaced, "--yes")
    cli.good("bucket", "head", bucket)
