"""Types of settings: every form that a value has, and both sides of every limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.config.types import (
    Choice,
    Duration,
    LogLevel,
    Reachable,
    Seconds,
    SettingType,
    Size,
    Switch,
    Text,
    Texts,
    Whole,
    note,
    same_on_wire,
    show_duration,
)

_HOUR = 3600.0


def refuses(read: Callable[..., object], *args: object) -> bool:
    try:
        read(*args)
    except ValueError:
        return True
    return False


TTL = Duration(_HOUR, 87840 * _HOUR, or_zero=True)
WINDOW = Duration(1, 600)
GRACE = Duration(0, _HOUR)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1h", 3600), ("24h", 86400), ("1h30m", 5400), ("1.5h", 5400), ("3600s", 3600),
        ("3600000ms", 3600), (3600, 3600), (3600.5, 3600.5), ("0", 0), (0, 0), ("0s", 0),
        ("87840h", 316224000),
    ],
)  # fmt: skip
def test_a_time_is_written_as_in_go_or_as_seconds(value: object, seconds: float) -> None:
    assert TTL.read(value) == seconds
    assert TTL.from_wire(value) == seconds


@pytest.mark.parametrize(
    ("time", "value"),
    [
        (TTL, "59m59s"), (TTL, "1d"), (TTL, "-1h"), (TTL, ""), (TTL, "1h "), (TTL, float("nan")),
        (TTL, float("inf")), (TTL, True), (TTL, None), (WINDOW, "0"), (WINDOW, "10m1s"),
        (WINDOW, "999ms"), (GRACE, 3601), (GRACE, -0.1),
    ],
)  # fmt: skip
def test_a_time_outside_its_range_is_refused(time: Duration, value: object) -> None:
    assert refuses(time.read, value)
    assert refuses(time.from_wire, value)


def test_a_times_range_is_said_in_words() -> None:
    words = "a time from 1h to 87840h, like 90s or 1h30m, or a number of seconds"
    assert TTL.allowed == f"0, or {words}"
    assert WINDOW.allowed.startswith("a time from 1s to 10m,")
    assert GRACE.allowed.startswith("a time from 0 to 1h,")


@pytest.mark.parametrize("text", ["0", "1s", "90s", "1m", "1h", "24h", "90m", "0.5s"])
def test_a_shown_time_means_what_it_was(text: str) -> None:
    time = Duration(0, 1e9)
    assert time.read(show_duration(time.read(text))) == time.read(text)


WAIT = Seconds(1, 60)
CHUNK = Size(1 << 10, 5 << 30, zero_means=1 << 30)


def test_seconds_are_a_number_in_a_file_and_a_time_on_the_wire() -> None:
    assert WAIT.read(5) == WAIT.read(WAIT.from_text("5")) == WAIT.from_wire("5s") == 5.0
    assert (WAIT.from_wire(5), WAIT.to_wire(60.0), WAIT.show(60.0)) == (5.0, "1m", "60")
    for file_only in ("5s", "5"):
        assert refuses(WAIT.read, file_only)
    assert WAIT.allowed == "a number of seconds from 1 to 60"
    assert WAIT.allowed_on_wire.startswith("a time from 1s to 1m")


@pytest.mark.parametrize("setting", [WAIT, Duration(1, 60)])
@pytest.mark.parametrize("sent", ["999ms", "61s", "0", "61", "soon", 0.99, 60.1, True, None, [5]])
def test_both_sides_of_a_times_limit_on_the_wire(setting: SettingType, sent: object) -> None:
    assert (setting.from_wire("1s"), setting.from_wire("1m")) == (1.0, 60.0)
    assert (setting.from_wire("5"), setting.from_wire("1.5")) == (5.0, 1.5)
    assert refuses(setting.from_wire, sent)


def test_zero_is_a_size_where_it_means_one() -> None:
    assert CHUNK.read(0) == CHUNK.from_wire("0") == 0
    assert (CHUNK.to_wire(0), CHUNK.to_wire(1 << 20)) == ("1GiB", "1MiB")
    assert CHUNK.allowed == "0, or bytes from 1KiB to 5GiB, like 512KiB or 10GiB"
    assert refuses(Size(1, 2).read, 0)


@pytest.mark.parametrize("sent", ["16mib", "16MiB", " 16MB ", "16m", 16 << 20])
def test_aistores_clients_write_sizes_in_any_case(sent: object) -> None:
    assert CHUNK.from_wire(sent) == 16 << 20


@pytest.mark.parametrize(
    "value", ["16mib", " 16MiB", "1.5GiB", "-1", True, 1.0, 1023, (5 << 30) + 1]
)
def test_a_size_in_a_file_is_strict(value: object) -> None:
    assert refuses(CHUNK.read, value)


def test_a_level_is_a_word_in_a_file_and_a_number_on_the_wire() -> None:
    level = LogLevel()
    assert [level.from_wire(sent) for sent in (1, "2", 3, "4", 5, "debug")] == [
        "error", "warning", "info", "debug", "debug", "debug",
    ]  # fmt: skip
    assert [level.to_wire(word) for word in ("error", "warning", "info", "debug")] == list("1234")
    for wrong in (0, "6", "", "Debug", True, 1.0):
        assert refuses(level.from_wire, wrong)
    assert refuses(level.read, "3")


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        (Switch(), "on", True),
        (Switch(), "No", False),
        (Whole(-1, 10), "-1", -1),
        (Choice(("a", "b")), "b", "b"),
        (Text(), "a, b", "a, b"),
        (Texts("a list"), "a, b,", ("a", "b")),
        (Reachable(), "10.1.0.0/16", "10.1.0.0/16"),
    ],
)
def test_a_text_from_a_flag_is_read_as_toml_would_be(
    setting: SettingType, text: str, value: object
) -> None:
    assert setting.read(setting.from_text(text)) == value
    assert setting.from_wire(text) == value


@pytest.mark.parametrize("text", ["10.1.0.1/16", "10.1.0", "a..b/", "-", "", "a b"])
def test_what_cannot_be_reached_is_not_reachable(text: str) -> None:
    assert refuses(Reachable().read, text)


def test_a_remark_is_short_and_in_one_line() -> None:
    assert note(3).from_wire("") == ""
    assert note(3).from_wire("äöü") == "äöü"
    for wrong in ("abcd", "a\n", 3, None):
        assert refuses(note(3).from_wire, wrong)


VALUES: dict[str, tuple[SettingType, st.SearchStrategy[Any]]] = {
    "Whole": (Whole(-5, 100), st.integers(-5, 100)),
    "Seconds": (WAIT, st.integers(1, 60).map(float)),
    "Duration": (TTL, st.integers(1, 87840).map(lambda hours: hours * _HOUR)),
    "Size": (CHUNK, st.integers(1, 5 << 20).map(lambda kib: kib << 10)),
    "Switch": (Switch(), st.booleans()),
    "Choice": (Choice(("a", "b")), st.sampled_from(["a", "b"])),
    "LogLevel": (LogLevel(), st.sampled_from(["debug", "info", "warning", "error"])),
    "Text": (Text(), st.text(min_size=1).filter(lambda text: Text().matches(text))),
}


@pytest.mark.parametrize("name", VALUES)
@given(data=st.data())
def test_what_a_client_is_shown_it_can_send_back(name: str, data: st.DataObject) -> None:
    setting, values = VALUES[name]
    value = data.draw(values)
    shown = setting.to_wire(value)
    assert setting.from_wire(shown) == value
    assert setting.from_wire(str(shown)) == value
    assert same_on_wire(str(shown), shown)
    # A record keeps the program's value, and is read as if a client had sent that.
    assert setting.from_wire(value) == value


@pytest.mark.parametrize(
    ("sent", "shown"),
    [("4000ms", "4s"), (4, "4s"), ("1024", "1KiB"), ("1kib", "1KiB"), ("true", True), ("7", 7)],
)
def test_another_spelling_is_the_same(sent: object, shown: str | int | bool) -> None:
    assert same_on_wire(sent, shown)


@pytest.mark.parametrize(("sent", "shown"), [("5s", "4s"), ("x", "4s"), (8, 7), (False, True)])
def test_another_value_is_not_the_same(sent: object, shown: str | int | bool) -> None:
    assert not same_on_wire(sent, shown)


@pytest.mark.parametrize(("sent", "shown"), [("x", 7), ("perhaps", True), (None, "a"), (True, "a")])
def test_a_value_of_another_type_is_an_error(sent: object, shown: str | int | bool) -> None:
    assert refuses(same_on_wire, sent, shown)
