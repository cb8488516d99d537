"""Many transfers at once, without a server: what is shown, counted and stopped."""

from __future__ import annotations

import io
import sys
import threading

import pytest

from s3gw.cli.transfers import Transfer, transfer_all
from s3gw.client.endpoint import Endpoint
from s3gw.client.errors import ClientError
from s3gw.client.files import Meter
from s3gw.client.sync import Client


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def client() -> Client:
    return Client(Endpoint())


def moving(size: int) -> Transfer:
    def work(meter: Meter) -> int:
        meter.expect(size)
        meter.count(size)
        return size

    return Transfer("from", "to", work, size)


def failing(error: BaseException) -> Transfer:
    def work(meter: Meter) -> int:
        raise error

    return Transfer("from", "to", work, 0)


def test_a_terminal_sees_one_bar_for_all(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    outcome = transfer_all(client, "put", [moving(5), moving(15)], at_once=1)
    assert (len(outcome.done), outcome.bytes) == (2, 20)
    drawn, _, erased = screen.getvalue().rpartition("\x1b[2K")
    assert "put" in drawn
    assert "25%" in drawn
    assert "25%" not in erased


def test_nobody_else_sees_anything(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    transfer_all(client, "put", [moving(5)], at_once=8)
    assert capsys.readouterr() == ("", "")


def test_all_are_moved_however_many_move_them(client: Client) -> None:
    outcome = transfer_all(client, "put", [moving(n) for n in range(100)], at_once=7)
    assert (len(outcome.done), outcome.bytes) == (100, sum(range(100)))


def test_what_would_fail_everywhere_ends_it(client: Client) -> None:
    hopeless = failing(ClientError("no", status=403))
    outcome = transfer_all(client, "put", [hopeless, *(moving(1) for _ in range(50))], at_once=1)
    assert (len(outcome.done), len(outcome.failed)) == (0, 1)


def test_what_fails_alone_does_not(client: Client) -> None:
    alone = failing(ClientError("no", status=404))
    outcome = transfer_all(client, "put", [alone, *(moving(1) for _ in range(50))], at_once=3)
    assert (len(outcome.done), len(outcome.failed)) == (50, 1)


@pytest.mark.parametrize("count", [1, 5])
def test_an_error_of_our_own_is_not_hidden(count: int, client: Client) -> None:
    transfers = [failing(ZeroDivisionError()) for _ in range(count)]
    with pytest.raises(ZeroDivisionError):
        transfer_all(client, "put", transfers, at_once=3)


def test_nothing_to_move_is_no_error(client: Client) -> None:
    assert transfer_all(client, "put", [], at_once=3).document == {
        "done": [], "failed": [], "bytes": 0,
    }  # fmt: skip


def test_several_move_at_once(client: Client) -> None:
    together = threading.Barrier(3, timeout=30)

    def work(meter: Meter) -> int:
        together.wait()
        return 1

    transfers = [Transfer("from", "to", work) for _ in range(3)]
    assert len(transfer_all(client, "get", transfers, at_once=3).done) == 3
