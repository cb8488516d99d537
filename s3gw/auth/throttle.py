"""Throttling of failed authentication: attempts over a limit are refused unread.

There are two counters, and neither can lock out another caller:

* One for each access key (or user's name) *at each address*. When it is exhausted, that key from
  that address is refused before its signature or password is looked at, so that guesses cost time.
  The right signature from any other address passes.
* One for each address, for all keys. When it is exhausted, failures from that address get a request
  to slow down instead of the reason; valid attempts pass.

Clients of a reverse proxy all have its address. They then share the second counter, but valid
attempts still pass; they share the first one for a key only while another client of the proxy
guesses at the same key.

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
# Many people may share an address, and may try many keys.
_ADDRESS_FACTOR = 10
_NS = 1_000_000_000
_MINUTE_NS = 60 * _NS


class Throttled(Exception):
    """Too many failures; the next attempt is accepted after `retry_after_s`."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many failed attempts to authenticate")
        self.retry_after_s = retry_after_s


class Throttle:
    """`address` is that of the request, `name` its access key or user; when `name` is empty, only
    the address is counted."""

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
        """Whether there is nothing to check: no recent failure."""
        return not self._names.counters

    def check(self, address: str, name: str) -> None:
        """Check the counter before any secret is compared. Raises `Throttled`."""
        if not self.is_idle:
            self._names.check(_key(address, name), self._clock.now_ns())

    def failed(self, address: str, name: str) -> None:
        """Count a failed attempt. Raises `Throttled` when the reason must not be revealed."""
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
        """Raise `Throttled` when the counter is exhausted."""
        over_ns = self.counters.get(key, 0) - now_ns - self._full_ns + self._step_ns
        if over_ns > 0:
            raise Throttled(-(-over_ns // _NS))

    def add(self, key: tuple[str, str], now_ns: int) -> None:
        empty_ns = max(self.counters.pop(key, 0), now_ns) + self._step_ns
        # Attempts in parallel must not add a longer wait than a full counter.
        self.counters[key] = min(empty_ns, now_ns + self._full_ns + self._step_ns)
        while self.counters and (
            len(self.counters) > self._most or next(iter(self.counters.values())) <= now_ns
        ):
            self.counters.popitem(last=False)


def _key(address: str, name: str) -> tuple[str, str]:
    """Return the counter's key; an IPv6 /64 is one host."""
    if ":" in address:
        try:
            number = int(ip_address(address.partition("%")[0]))
        except ValueError:
            return address, name
        return f"{number >> 64:x}", name
    return address, name
