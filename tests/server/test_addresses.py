"""Which addresses may be fetched from, however they are written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.outbound.addresses import Allowed, may_connect

NOTHING = Allowed()
PRIVATE_V4 = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255",
    "127.0.0.1", "127.255.255.255", "169.254.0.1", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255",
    "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255",
]  # fmt: skip
PUBLIC_V4 = [
    "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
    "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
    "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
]  # fmt: skip
PRIVATE_V6 = [
    "::", "::1", "::2", "::127.0.0.1", "::8.8.8.8", "::ffff:0:8.8.8.8", "64:ff9b:1::8.8.8.8",
    "100::1", "2001::1", "2001:0:8.8.8.8::", "2001:2::1", "2001:10::1", "2001:20::1",
    "2001:db8::1", "3fff::1", "5f00::1", "fc00::1", "fd00::1", "fdff::1", "fe80::1",
    "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "4000::1",
]  # fmt: skip
PUBLIC_V6 = ["2606:4700:4700::1111", "2001:4860:4860::8888", "2a00::1", "3ffe::1", "2003::1"]


def written_in_v6(address: str) -> list[str]:
    """As packets for it could be addressed, too."""
    number = int(IPv4Address(address))
    return [
        f"::ffff:{address}",
        str(IPv6Address(number | 0xFFFF << 32)),
        str(IPv6Address(number | 0x64FF9B << 96)),
        str(IPv6Address(number << 80 | 0x2002 << 112)),
    ]


@pytest.mark.parametrize("address", PRIVATE_V4)
def test_a_special_address_is_refused_in_every_spelling(address: str) -> None:
    assert not any(may_connect(each, NOTHING) for each in [address, *written_in_v6(address)])


@pytest.mark.parametrize("address", PRIVATE_V6)
def test_a_special_v6_address_is_refused(address: str) -> None:
    assert not may_connect(address, NOTHING)


@pytest.mark.parametrize("address", PUBLIC_V4)
def test_a_public_address_is_not_refused_in_any_spelling(address: str) -> None:
    assert all(may_connect(each, NOTHING) for each in [address, *written_in_v6(address)])


@pytest.mark.parametrize("address", PUBLIC_V6)
def test_a_public_v6_address_is_not_refused(address: str) -> None:
    assert may_connect(address, NOTHING)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "2130706433", "0x7f.1", "1.2.3.4.5"])
def test_what_is_no_address_is_refused(text: str) -> None:
    assert not may_connect(text, Allowed.parse(["0.0.0.0/0", "::/0"]))


def test_an_allowed_network_opens_itself_and_nothing_beside_it() -> None:
    allowed = Allowed.parse(["10.1.0.0/16", "fd00:1::/32", "127.0.0.1"])
    opened = ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd00:1::1", "127.0.0.1"]
    closed = ["10.2.0.1", "::ffff:10.2.0.1", "fd00:2::1", "127.0.0.2", "169.254.169.254"]
    assert all(may_connect(each, allowed) for each in opened)
    assert not any(may_connect(each, allowed) for each in closed)


@given(st.ip_addresses(v=4))
def test_no_v6_spelling_opens_what_v4_refuses(address: IPv4Address) -> None:
    expected = may_connect(str(address), NOTHING)
    assert {may_connect(each, NOTHING) for each in written_in_v6(str(address))} == {expected}


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_public_here(
    address: IPv4Address | IPv6Address,
) -> None:
    if may_connect(str(address), NOTHING):
        assert not address.is_loopback
        assert not address.is_link_local
        assert not address.is_multicast
        assert not address.is_unspecified


def test_names_are_compared_in_one_spelling() -> None:
    assert Allowed.parse(["Issuer.Example.COM."]).names == {"issuer.example.com"}
