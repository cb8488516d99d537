"""Slowing down who guesses: failed authentication is counted, and beyond a limit refused unread.

Two counters, and neither can lock out somebody else:

* One for each access key (or user's name) *at each address*. When it is exhausted, that key from
  that address is refused before its signature or password is looked at, so that guesses cost time.
  The right signature from any other address passes.
* One for each address, whatever was tried there. When it is exhausted, failures from there are told
  to slow down instead of what was wrong; what is right passes.

Behind a reverse proxy all clients have its address. They then share the second counter, which stops
nobody; and the first one for a key only while somebody behind the proxy guesses at that very key.

A counter is one number: the time at which it will be empty again (the generic cell rate algorithm).
The memory is bounded, the counters that were least recently added to go first, and each worker
process counts for itself.
"""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import ip_address

from s3gw.config.auth import ThrottleOptions
from storage.clock import Clock, SystemClock

MAX_COUNTERS = 20_000
# An address may stand for many people, or be tried with many keys.
_ADDRESS_FACTOR = 10
_NS = 1_000_000_000
_MINUTE_NS = 60 * _NS


class Throttled(Exception):
    """Too many failures; `retry_after_s` is when the next attempt will be looked at."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many failed attempts to authenticate")
        self.retry_after_s = retry_after_s


class Throttle:
    """`address` is as the request has it, `name` the access key or user that it named; empty when
    it named none, and only the address is counted."""

    def __init__(
        self, options: ThrottleOptions, clock: Clock | None = None, most: int = MAX_COUNTERS
    ) -> None:
        self._options = options
        self._clock = clock or SystemClock()
        self._names = _Counters(options.burst, options.per_minute, most)
        self._addresses = _Counters(
            options.burst * _ADDRESS_FACTOR, options.per_minute * _ADDRESS_FACTOR, most
        )

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to check, because nobody failed of late."""
        return not self._names.counters

    def check(self, address: str, name: str) -> None:
        """Before anything secret is compared. Raises `Throttled`."""
        if not self.is_idle:
            self._names.check(_key(address, name), self._clock.now_ns())

    def failed(self, address: str, name: str) -> None:
        """The attempt was wrong. Raises `Throttled` when not even that shall be told."""
        if not self._options.enabled:
            return
        now_ns = self._clock.now_ns()
        if name:
            self._names.add(_key(address, name), now_ns)
        self._addresses.add(_key(address, ""), now_ns)
        self._addresses.check(_key(address, ""), now_ns)


class _Counters:
    def __init__(self, burst: int, per_minute: int, most: int) -> None:
        self._step_ns = _MINUTE_NS // per_minute
        self._full_ns = burst * self._step_ns
        self._most = most
        self.counters: OrderedDict[tuple[str, str], int] = OrderedDict()

    def check(self, key: tuple[str, str], now_ns: int) -> None:
        """Raises `Throttled` when the counter is exhausted."""
        over_ns = self.counters.get(key, 0) - now_ns - self._full_ns + self._step_ns
        if over_ns > 0:
            raise Throttled(-(-over_ns // _NS))

    def add(self, key: tuple[str, str], now_ns: int) -> None:
        empty_ns = max(self.counters.pop(key, 0), now_ns) + self._step_ns
        # Attempts that were under way together shall not make it wait for longer than full ones.
        self.counters[key] = min(empty_ns, now_ns + self._full_ns + self._step_ns)
        while self.counters and (
            len(self.counters) > self._most or next(iter(self.counters.values())) <= now_ns
        ):
            self.counters.popitem(last=False)


def _key(address: str, name: str) -> tuple[str, str]:
    """One host has all of an IPv6 /64."""
    if ":" in address:
        try:
            number = int(ip_address(address.partition("%")[0]))
        except ValueError:
            return address, name
        return f"{number >> 64:x}", name
    return address, name
