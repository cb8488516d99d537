"""Request of a dsort: AIStore's specification, read and checked.

The words of its errors are AIStore's. Besides what AIStore takes, `extension` is for both formats,
as its older documents have it, reactions need no `Config` around them, and `ekm` is a key map.
"""

from __future__ import annotations

import re
import secrets

import msgspec
from msgspec import Struct, field

from cluster.jobs.sorting import Algorithm, KeyType, Order, Reaction, Reactions
from cluster.jobs.template import BadTemplate, Template, read_counting
from s3gw.config.schema import MEMORY, Dsort
from s3gw.native.errors import NativeError
from s3gw.native.jobs.target import BckMessage
from storage.archives import ArchiveFormat, format_named, format_of_name
from storage.digits import read_digits

_SIZE = re.compile(r"(-?[0-9]{1,18})(\.[0-9]{1,9})?([KMGT]?)(?:I?B)?")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_REACTIONS = tuple(each.value for each in Reaction)
_MOST_BYTES = 1 << 50
# What a template without an end counts to: a shard's size is needed then.
_MANY = 1 << 31


class ListRange(Struct, frozen=True):
    template: str = ""
    objnames: list[str] | None = None


class AlgorithmMessage(Struct, frozen=True):
    kind: str = ""
    decreasing: bool = False
    seed: str | int = ""
    extension: str | None = ""
    content_key_type: str | None = ""

    def read(self) -> Algorithm:
        """Parse it; a shuffle without a seed gets one, so that it is the same when the job is
        begun again. Raise 400."""
        try:
            order = Order(self.kind or Order.ALPHANUMERIC.value)
        except ValueError:
            known = " ".join(each.value for each in Order)
            raise _bad(
                "algorithm", f"invalid sorting algorithm (expecting one of: [{known}])"
            ) from None
        if order is not Order.CONTENT:
            return Algorithm(order, self.decreasing, self._read_seed())
        extension = (self.extension or "").strip()
        if not extension.startswith("."):
            raise _bad("algorithm", f'algorithm: invalid extension "{extension[:64]}"')
        try:
            kind = KeyType(self.content_key_type)
        except ValueError:
            raise _bad(
                "algorithm",
                f'invalid content sorting key "{str(self.content_key_type or "")[:64]}", expecting '
                "one of: 'int', 'float', 'string'",
            ) from None
        return Algorithm(order, self.decreasing, 0, extension, kind)

    def _read_seed(self) -> int:
        text = str(self.seed)
        if not text:
            return secrets.randbits(62)
        seed = read_digits(text)
        if seed is None or seed >= 1 << 63:
            raise _bad("algorithm", f'invalid seed "{text[:64]}" (expecting integer value)')
        return seed


class ReactionsMessage(Struct, frozen=True):
    duplicated_records: str = ""
    missing_shards: str = ""
    ekm_malformed_line: str = ""
    ekm_missing_key: str = ""


class SortMessage(ReactionsMessage, frozen=True, kw_only=True):
    """AIStore's specification. What is about its memory and its connections is passed over."""

    input_bck: BckMessage = BckMessage()
    output_bck: BckMessage | None = None
    input_format: ListRange = ListRange()
    output_format: str = ""
    output_shard_size: str | int = ""
    input_extension: str = ""
    output_extension: str = ""
    extension: str = ""
    description: str | None = ""
    algorithm: AlgorithmMessage = AlgorithmMessage()
    ekm_file: str = ""
    ekm_file_sep: str = ""
    ekm: dict[str, list[str]] | str | None = None
    max_mem_usage: str = ""
    extract_concurrency_max_limit: int = 0
    create_concurrency_max_limit: int = 0
    dry_run: bool = False
    config: ReactionsMessage = field(default=ReactionsMessage(), name="Config")

    @property
    def has_key_map(self) -> bool:
        return bool(self.ekm_file) or self.ekm is not None

    @property
    def key_map_text(self) -> str:
        """The key map that came with the request; empty without one."""
        if isinstance(self.ekm, dict):
            return msgspec.json.encode(self.ekm).decode()
        return self.ekm or ""

    def shard_bytes(self) -> int:
        """Raise 400."""
        size = _read_size(str(self.output_shard_size))
        if size is None:
            raise _bad("output_shard_size", f'"{str(self.output_shard_size)[:64]}" is not a size')
        if size < 0:
            raise NativeError(400, f"output shard size must be >= 0 (got {size})")
        return size

    def input_kind(self) -> ArchiveFormat | None:
        """Return the format of input shards; None for what their names say. Raise 400."""
        return _kind(
            self.input_extension or self.extension, self.input_format.template, "input_extension"
        )

    def output_kind(self) -> ArchiveFormat:
        """Return the format of output shards: as it is named, or the input's. Raise 400."""
        named = self.output_extension or self.extension
        template = "" if self.has_key_map else self.output_format
        return _kind(named, template, "output_extension") or self.input_kind() or ArchiveFormat.TAR

    def output(self) -> Template | None:
        """Return the template of the output shards' names; None with a key map. Raise 400 where
        the size of the shards is needed, too."""
        if self.has_key_map:
            self._require_size()
            return None
        template = read_names(self.output_format.strip(), "output_format")
        if template is None:
            text = self.output_format[:128]
            raise NativeError(400, f'prefix-only template not supported (prefix: "{text}")')
        if len(template) > _MANY:
            self._require_size()
        return template

    def memory(self, dsort: Dsort) -> str:
        """Raise 400."""
        text = self.max_mem_usage.strip()
        if not text:
            return dsort.max_mem_usage
        size = _read_size(text)
        normal = str(size) if size is not None else text
        if not re.fullmatch(MEMORY, normal):
            raise _bad("max_mem_usage", f'"{text[:64]}" is neither a size nor a share like 80%')
        return normal

    def reactions(self, dsort: Dsort) -> Reactions:
        """Return the reactions that the request names, and those of the dsort. Raise 400."""

        def chosen(name: str, default: str) -> Reaction:
            text = getattr(self.config, name) or getattr(self, name) or default
            if text not in _REACTIONS:
                message = (
                    f"invalid distributed_sort.{name}: {text[:64]} "
                    f"(expecting one of: [{' '.join(_REACTIONS)}])"
                )
                raise NativeError(400, message)
            return Reaction(text)

        return Reactions(
            chosen("duplicated_records", dsort.duplicated_records),
            chosen("missing_shards", dsort.missing_shards),
            chosen("ekm_malformed_line", dsort.ekm_malformed_line),
            chosen("ekm_missing_key", dsort.ekm_missing_key),
        )

    def readers(self, dsort: Dsort) -> int:
        return _limit("extract", self.extract_concurrency_max_limit, dsort)

    def writers(self, dsort: Dsort) -> int:
        return _limit("create", self.create_concurrency_max_limit, dsort)

    def _require_size(self) -> None:
        if not self.shard_bytes():
            message = "output shard size must be set (cannot be 0 and cannot be omitted)"
            raise NativeError(400, message)


def read_names(text: str, where: str) -> Template | None:
    """Parse a template; None for a prefix. Raise 400."""
    try:
        return read_counting(text)
    except BadTemplate as error:
        raise _bad(where, f'invalid template "{text[:128]}": {error}') from None


def _kind(named: str, template: str, where: str) -> ArchiveFormat | None:
    kind = format_named(named) if named else None
    if named and kind is None:
        known = " ".join(each.value for each in ArchiveFormat)
        raise _bad(where, f'"{named[:64]}" is not the extension of an archive: [{known}]')
    own = format_of_name(template)
    if kind and own and kind is not own:
        raise NativeError(400, f'{where}: "{named}" vs "{own.value}"')
    return kind or own


def _limit(what: str, asked: int, dsort: Dsort) -> int:
    if asked < 0:
        raise NativeError(400, f"negative concurrency limit ('{what}', {asked})")
    return min(asked or dsort.at_once, dsort.at_once)


def _read_size(text: str) -> int | None:
    if not text.strip():
        return 0
    found = _SIZE.fullmatch(text.strip().upper())
    if found is None:
        return None
    whole, part, unit = found.groups()
    size = int(float(whole + (part or "")) * _UNITS[unit]) if part else int(whole) * _UNITS[unit]
    return min(size, _MOST_BYTES)


def _bad(where: str, why: str) -> NativeError:
    return NativeError(400, f'[dsort] parse-spec: "{where}" {why}')
