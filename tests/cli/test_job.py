from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import CommandLine
from tests.server_process import eventually


def test_a_job_is_started_watched_and_listed(cli: CommandLine) -> None:
    xid = cli.good("job", "start", "cleanup").out.strip()
    assert cli.good("job", "wait", xid, "--timeout", 60).out.startswith("Done: 0 objects")
    assert xid in cli.good("job", "ls", "--all", "--kind", "cleanup-store").out
    assert xid not in {each["id"] for each in cli.json("job", "ls")}
    (snap,) = cli.json("job", "show", xid)
    assert (snap["id"], snap["kind"]) == (xid, "cleanup-store")
    shown = cli.good("job", "show", xid).out
    assert "kind     cleanup-store\nstate    finished\n" in shown


def test_a_job_is_waited_for_at_once(cli: CommandLine, bucket: str) -> None:
    (job,) = cli.json("job", "start", "lru", bucket, "--wait")
    assert (job["kind"], job["state"]) == ("lru", "finished")


def test_jobs_are_listed_by_bucket(cli: CommandLine, bucket: str) -> None:
    cli.good("bucket", "summary", bucket)
    found = cli.json("job", "ls", "--all", "--bucket", bucket)
    assert [(each["kind"], each["buckets"]) for each in found] == [
        ("summary-bck", [f"ais://{bucket}"])
    ]
    assert "No job is running" in cli.good("job", "ls", "--kind", "summary-bck").out


def test_a_job_that_goes_on_is_stopped_and_an_ended_one_told(cli: CommandLine, bucket: str) -> None:
    # Copying idles for a while when it is done, and is among the running ones.
    cli.good("object", "put", "-", f"{bucket}/a", stdin=b"x")
    (job,) = cli.json("object", "cp", bucket, f"{bucket}-copy", "--all")
    assert cli.json("job", "stop", job["id"]) == {"stopped": [job["id"]]}
    ended = f"{job['id']} has ended already.\n"
    eventually(lambda: cli.good("job", "stop", job["id"]).out == ended, "stopped")
    assert cli.good("job", "stop", "--kind", "cleanup").out == (
        "No job of the kind cleanup is running.\n"
    )


def test_orders_go_with_the_request_of_a_bucket(cli: CommandLine, bucket: str) -> None:
    cli.good("object", "put", "-", f"{bucket}/big", stdin=bytes(5 << 20))
    orders = ("--with", "objsize-limit=1MiB", "--with", "chunk-size=2MiB")
    (job,) = cli.json("job", "start", "rechunk", bucket, *orders, "--wait")
    assert (job["kind"], job["objects"], job["error"]) == ("rechunk", 1, "")
    assert cli.json("object", "head", f"{bucket}/big")["chunks"] == "3"
    assert cli.json("object", "ls", bucket, "--props", "chunked")[0]["chunked"] is True


def test_what_is_no_job_is_refused(cli: CommandLine) -> None:
    assert "does not exist" in cli.refused("job", "show", "nonsense").lower()
    assert "does not exist" in cli.refused("job", "wait", "nonsense").lower()
    assert "does not exist" in cli.refused("job", "stop", "nonsense").lower()
    assert "not found" in cli.refused("job", "start", "nonsense")
    assert "is not supported" in cli.refused("job", "start", "ec-encode")
    with_orders = ("job", "start", "rechunk", "--with", "chunk-size=1MiB")
    assert "exactly one bucket" in cli.refused(*with_orders, code=2)


def test_a_download_says_what_it_did_not_bring(cli: CommandLine, bucket: str) -> None:
    link = "http://127.0.0.1:1/a"
    failed = cli.refused("job", "download", link, bucket)
    assert "outbound.allow" in failed
    xid = cli.good("job", "download", "http://10.0.0.1/{0..3}", f"{bucket}/d/", "--no-wait").out
    assert xid.startswith("dnl-")
    assert "a folder" in cli.refused("job", "download", link, link, f"{bucket}/d", code=2)
    ranges = ("job", "download", link, "http://h/{0..9}", bucket)
    assert "the only one" in cli.refused(*ranges, code=2)
    assert "http://" in cli.refused("job", "download", "ftp://h/a", bucket)


def test_headers_of_a_download_are_in_a_file(cli: CommandLine, bucket: str, tmp_path: Path) -> None:
    file = tmp_path / "headers"
    asked = ("job", "download", "http://127.0.0.1:1/a", bucket, "--no-wait", "--headers", file)
    assert "No such file" in cli.refused(*asked, code=2)
    file.write_text("no header\n")
    assert "NAME: VALUE" in cli.refused(*asked, code=2)
    file.write_text("Range: bytes=0-1\n")
    assert "'Range' is the server's own" in cli.refused(*asked)
    file.write_text("Authorization: Bearer x\n\nX-Two: a:b\n")
    assert cli.good(*asked).out.startswith("dnl-")
