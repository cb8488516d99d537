"""AIStore's bucket properties that are kept and shown; most change nothing here.

AIStore takes them on one target too: they are about more targets and mountpaths, clouds, and the
memory of its nodes. Scripts that set them find them again. Those that mean something here are
`lru` (`cluster.jobs.lru`), `rate_limit.frontend` (`s3gw.access.rate_limits`), `extra.aws`
(`s3gw.server.bucket_backends`), and
`rate_limit.backend`, `versioning.validate_warm_get` and `versioning.synchronize` (`storage.tier`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from msgspec import Struct

from s3gw.config.types import Choice, Duration, SettingType, Size, Switch, Text, Whole, Wire, note

_HOUR_S = 3600
_LONG_S = 1e9
_LARGEST = 1 << 31
_TEXT = note(1024)
_OP = r"(?i:get|put|delete):[0-9]{1,9}"
_PER_OP = Text("a list like 'get:5000 delete:1000'", rf"|{_OP}([ ,]+{_OP})*")
_WINDOW = Duration(1, _HOUR_S)
_KEEPING = Duration(_HOUR_S, _LONG_S)
_UPDATES = Duration(10, _LONG_S)
_COUNT = Whole(1, _LARGEST)
_ENDPOINT = Text("a URL of http or https, or nothing", r"|https?://[^\s/?#]+(/[^\s?#]*)?")


@dataclass(frozen=True, slots=True)
class Flags(Whole):
    """Bits of a number of 64 bits, which AIStore writes as a text."""

    def to_wire(self, value: Any) -> Wire:
        return str(value)


@dataclass(frozen=True, slots=True)
class Property:
    """What is declared of a property, beside its field. With `inherited`, new buckets get it from
    the cluster's configuration."""

    name: str
    type: SettingType
    inherited: bool = True


class Mirror(Struct, frozen=True, omit_defaults=True):
    copies: Annotated[int, Property("mirror.copies", Whole(1, 32))] = 2
    burst_buffer: Annotated[int, Property("mirror.burst_buffer", Whole(0, _LARGEST))] = 512
    enabled: Annotated[bool, Property("mirror.enabled", Switch())] = False


class ErasureCoding(Struct, frozen=True, omit_defaults=True):
    objsize_limit: Annotated[int, Property("ec.objsize_limit", Whole(-1, 1 << 62))] = 256 << 10
    data_slices: Annotated[int, Property("ec.data_slices", Whole(1, 32))] = 2
    parity_slices: Annotated[int, Property("ec.parity_slices", Whole(1, 32))] = 2
    enabled: Annotated[bool, Property("ec.enabled", Switch())] = False
    disk_only: Annotated[bool, Property("ec.disk_only", Switch())] = False
    compression: Annotated[str, Property("ec.compression", Choice(("never", "always")))] = "never"
    bundle_multiplier: Annotated[int, Property("ec.bundle_multiplier", Whole(0, 16))] = 2
    burst_buffer: Annotated[int, Property("ec.burst_buffer", Whole(0, _LARGEST))] = 512


class Eviction(Struct, frozen=True, omit_defaults=True):
    dont_evict_time: Annotated[
        float, Property("lru.dont_evict_time", Duration(_HOUR_S, _LONG_S))
    ] = 7200.0
    capacity_upd_time: Annotated[
        float, Property("lru.capacity_upd_time", Duration(10, _LONG_S))
    ] = 600.0
    batch_size: Annotated[int, Property("lru.batch_size", Whole(0, _LARGEST))] = 32768
    enabled: Annotated[bool, Property("lru.enabled", Switch())] = False


class BackendRate(Struct, frozen=True, omit_defaults=True):
    per_op: Annotated[str, Property("rate_limit.backend.per_op_max_tokens", _PER_OP)] = ""
    interval: Annotated[float, Property("rate_limit.backend.interval", _WINDOW)] = 60.0
    max_tokens: Annotated[int, Property("rate_limit.backend.max_tokens", _COUNT)] = 1000
    enabled: Annotated[bool, Property("rate_limit.backend.enabled", Switch())] = False
    num_retries: Annotated[int, Property("rate_limit.backend.num_retries", Whole(1, 10))] = 3

    def most(self, kind: str) -> int:
        """Return the requests an interval of AIStore's kind: get, put or delete."""
        return _by_kind(self.per_op).get(kind, self.max_tokens)


class FrontendRate(Struct, frozen=True, omit_defaults=True):
    per_op: Annotated[str, Property("rate_limit.frontend.per_op_max_tokens", _PER_OP)] = ""
    interval: Annotated[float, Property("rate_limit.frontend.interval", _WINDOW)] = 60.0
    max_tokens: Annotated[int, Property("rate_limit.frontend.max_tokens", _COUNT)] = 1000
    enabled: Annotated[bool, Property("rate_limit.frontend.enabled", Switch())] = False
    burst_size: Annotated[int, Property("rate_limit.frontend.burst_size", _COUNT)] = 375

    def most(self, kind: str) -> int:
        """Return the requests an interval of AIStore's kind: get, put or delete."""
        return _by_kind(self.per_op).get(kind, self.max_tokens)


@lru_cache(maxsize=256)
def _by_kind(per_op: str) -> Mapping[str, int]:
    """Return the limits of a text like `get:5000 delete:1000`."""
    pairs = (part.lower().split(":") for part in per_op.replace(",", " ").split())
    return {kind: max(int(count), 1) for kind, count in pairs}


class Clouds(Struct, frozen=True, omit_defaults=True):
    region: Annotated[str, Property("extra.aws.cloud_region", _TEXT, inherited=False)] = ""
    endpoint: Annotated[str, Property("extra.aws.endpoint", _ENDPOINT, inherited=False)] = ""
    profile: Annotated[str, Property("extra.aws.profile", _TEXT, inherited=False)] = ""
    page: Annotated[
        int, Property("extra.aws.max_pagesize", Whole(0, _LARGEST), inherited=False)
    ] = 0
    part_size: Annotated[
        int, Property("extra.aws.multipart_size", Size(0, 1 << 40), inherited=False)
    ] = 0
    credentials: Annotated[str, Property("extra.gcp.application_creds", _TEXT, inherited=False)] = (
        ""
    )
    oci_region: Annotated[str, Property("extra.oci.region", _TEXT, inherited=False)] = ""


class KeptProperties(Struct, frozen=True, omit_defaults=True):
    mirror: Mirror = Mirror()
    ec: ErasureCoding = ErasureCoding()
    lru: Eviction = Eviction()
    backend_rate: BackendRate = BackendRate()
    frontend_rate: FrontendRate = FrontendRate()
    clouds: Clouds = Clouds()
    metadata: Annotated[
        str, Property("write_policy.md", Choice(("immediate", "delayed", "never")))
    ] = "immediate"
    validate_cold_get: Annotated[bool, Property("checksum.validate_cold_get", Switch())] = False
    validate_moves: Annotated[bool, Property("checksum.validate_obj_move", Switch())] = False
    newest: Annotated[bool, Property("versioning.validate_warm_get", Switch())] = False
    synchronize: Annotated[bool, Property("versioning.synchronize", Switch())] = False
    features: Annotated[int, Property("features", Flags(0, (1 << 64) - 1), inherited=False)] = 0

    @property
    def problem(self) -> str:
        """What is wrong with values that are good each for itself; empty when nothing is."""
        rate = self.frontend_rate
        if rate.burst_size * 2 <= rate.max_tokens:
            return ""
        most = f"50% of rate_limit.frontend.max_tokens = {rate.max_tokens}"
        return f"rate_limit.frontend.burst_size = {rate.burst_size} must not be more than {most}"
