"""Every setting of s3gw, and where its value comes from.

Sources in rising order: defaults, a TOML file, `S3GW_*` variables, flags. What no setting claims is
an error, so that a slip of the pen never passes silently. Sections are tables of the file; a
variable is `S3GW_<SECTION>_<KEY>` unless the setting names another.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from s3gw.options import (
    Choice,
    Option,
    Seconds,
    Size,
    Switch,
    Tables,
    Text,
    Texts,
    Whole,
    option,
    required,
)

PREFIX = "S3GW_"
# Variables that are no settings: they are read before, or beside, the configuration.
OTHER_VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "S3GW_CONFIG": "the configuration file, as `--config` names it",
        "S3GW_FAILPOINT": "for tests: where a process shall be killed, see storage/failpoints.py",
    }
)
HIDDEN = "***"

_ACCESS_KEY = Text("3 to 128 letters, digits and any of . _ -", r"[A-Za-z0-9._-]{3,128}")
_SECRET_KEY = Text("8 to 128 printable characters without spaces", r"[!-~]{8,128}")
_DOMAIN = Text("a host name", r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


class ConfigError(Exception):
    """A setting that cannot be used; the message says which, from where, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server listens and how it runs."""

    host: str = option(
        "127.0.0.1",
        "The address to listen on; 0.0.0.0 or :: for all of this machine's.",
        Text("an address or a host name"),
        flag="--host",
        metavar="ADDRESS",
    )
    port: int = option(
        8080,
        "The port to listen on; 0 lets the system choose one.",
        Whole(0, 65535),
        flag="--port",
        metavar="PORT",
    )
    workers: int = option(
        0,
        "How many processes answer requests; 0 is one for each processor core.",
        Whole(0, 512),
        flag="--workers",
        metavar="N",
    )
    http_server: str = option(
        "hypercorn",
        "The HTTP server in each worker; uvicorn is the extra `s3gw[uvicorn]`.",
        Choice(("hypercorn", "uvicorn")),
        flag="--http-server",
    )
    shutdown_timeout_s: float = option(
        30.0,
        "How long requests in flight may go on once the server was asked to stop.",
        Seconds(0, 3600),
        flag="--shutdown-timeout",
        metavar="SECONDS",
    )
    keep_alive_s: float = option(
        75.0, "How long an idle connection is kept open for the next request.", Seconds(1, 3600)
    )


@dataclass(frozen=True, slots=True)
class Storage:
    """Where objects live."""

    data: tuple[str, ...] = option(
        ("s3gw-data",),
        "The folders that hold the data, best one on each disk; objects are spread over them.",
        Texts("a list of folders"),
        flag="--data",
        metavar="DIR",
    )
    inline_limit: int = option(
        32 << 10,
        "Objects up to this size are kept in the index instead of in a file of their own.",
        Size(0, 256 << 10),
    )
    reserve_bytes: int = option(
        64 << 20,
        "Writing stops (507 InsufficientStorage) when a disk has less room than this left.",
        Size(0, 1 << 50),
    )
    durability: str = option(
        "sync",
        "What an answered write survives: with `sync` a loss of power, with `async` only a crash "
        "of the server.",
        Choice(("sync", "async")),
    )
    housekeeping_interval_s: float = option(
        1.0,
        "How often garbage is removed and the index is checkpointed.",
        Seconds(0.1, 3600),
    )


@dataclass(frozen=True, slots=True)
class S3:
    """How S3 answers."""

    root_access: bool = option(True, "Answer S3 at `/` too, not only below `/s3`.", Switch())
    domain: tuple[str, ...] = option(
        (),
        "Host names below which a bucket may stand, as in `bucket.s3.example.com`.",
        Texts("a list of host names", _DOMAIN),
        flag="--s3-domain",
        metavar="DOMAIN",
    )
    region: str = option(
        "us-east-1",
        "The region that buckets are said to be in.",
        Text("a region name such as us-east-1", r"[a-z0-9-]{1,64}"),
        flag="--region",
        metavar="REGION",
    )
    object_ownership: str = option(
        "ObjectWriter",
        "Who owns what other accounts write into a new bucket; BucketOwnerEnforced also turns ACLs "
        "off, as AWS does. A bucket may be made with another.",
        Choice(("ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced")),
    )
    block_public_access: bool = option(
        False,
        "Whether new buckets begin with all of Block Public Access on, as AWS' do.",
        Switch(),
    )


@dataclass(frozen=True, slots=True)
class Account:
    """One more user, who owns the buckets that are made with these keys."""

    id: str = required(
        "The account's id, the owner of its buckets; never change it.",
        Text("1 to 64 letters, digits and any of . _ -", r"[A-Za-z0-9._-]{1,64}"),
    )
    access_key: str = required("The access key id.", _ACCESS_KEY)
    secret_key: str = required("The secret access key.", _SECRET_KEY, secret=True)
    display_name: str = option(
        "", "The name shown in listings; empty for the id.", Text(pattern=".*")
    )
    email: str = option("", "The e-mail address, for grants by e-mail.", Text(pattern=".*"))


@dataclass(frozen=True, slots=True)
class Auth:
    """Who may ask."""

    enabled: bool = option(
        True,
        "Whether requests must be signed. Without, everybody is the root account.",
        Switch(),
        flag="--no-auth",
        flag_value="false",
        flag_doc="Ask for no signatures: everybody is the root account.",
    )
    allow_remote: bool = option(
        False,
        "Allow `auth.enabled = false` on an address that other machines reach.",
        Switch(),
        flag="--allow-remote",
        flag_value="true",
        flag_doc="Allow --no-auth on an address that other machines reach.",
    )
    root_access_key: str = option(
        "",
        "The root account's access key id. Left out, both root keys are generated at first start.",
        _ACCESS_KEY,
        env="S3GW_ROOT_ACCESS_KEY",
        shown_default="generated",
    )
    root_secret_key: str = option(
        "",
        "The root account's secret access key.",
        _SECRET_KEY,
        env="S3GW_ROOT_SECRET_KEY",
        secret=True,
        shown_default="generated",
    )
    sigv2_query: bool = option(
        True,
        "Accept URLs presigned the old way, as boto3, aws and s3cmd still make them by default.",
        Switch(),
    )
    accounts: tuple[Account, ...] = option(
        (), "Further accounts: `[[auth.accounts]]` tables.", Tables(Account)
    )


@dataclass(frozen=True, slots=True)
class Log:
    """What is written down."""

    level: str = option(
        "info",
        "The least severe message that is logged, to stderr.",
        Choice(("debug", "info", "warning", "error")),
        flag="--log-level",
    )
    access: str = option(
        "-",
        "Where each request is logged: `-` is stdout, `off` is nowhere, all else is a file.",
        Text("-, off or a file's path"),
        flag="--access-log",
        metavar="PATH",
    )
    format: str = option(
        "auto",
        "Lines for people or for programs; `auto` is text on a terminal and JSON elsewhere.",
        Choice(("auto", "json", "text")),
        flag="--log-format",
    )


@dataclass(frozen=True, slots=True)
class Config:
    server: Server = field(default_factory=Server)
    storage: Storage = field(default_factory=Storage)
    s3: S3 = field(default_factory=S3)
    auth: Auth = field(default_factory=Auth)
    log: Log = field(default_factory=Log)


SECTIONS: Mapping[str, type[Any]] = MappingProxyType(
    {"server": Server, "storage": Storage, "s3": S3, "auth": Auth, "log": Log}
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `section.name`, what is declared of it, and its default."""

    section: str
    name: str
    option: Option
    default: Any

    @property
    def key(self) -> str:
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str | None:
        if isinstance(self.option.kind, Tables):
            return None
        return self.option.env or f"{PREFIX}{self.section}_{self.name}".upper()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, and for each key what gave it its value."""

    config: Config
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Given:
    """A value and where it was found, before it is known to be good."""

    value: Any
    source: str


@cache
def settings() -> Mapping[str, Setting]:
    """All settings by key, in the order of their declaration."""
    rows = (
        Setting(section, item.name, item.metadata["option"], item.default)
        for section, kind in SECTIONS.items()
        for item in fields(kind)
    )
    return MappingProxyType({row.key: row for row in rows})


def load(*, file: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> Loaded:
    """Read every source. `flags` are by key, as text or a list of texts."""
    given: dict[str, _Given] = {}
    if file is not None:
        given.update(_from_file(file))
    given.update(_from_environment(environ))
    given.update({key: _from_flag(settings()[key], value) for key, value in flags.items()})
    config = _build({key: _read(settings()[key], each) for key, each in given.items()})
    _check_together(config, given)
    sources = {key: given[key].source if key in given else "default" for key in settings()}
    return Loaded(config, sources)


def is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _from_file(file: Path) -> Iterator[tuple[str, _Given]]:
    for section, table in _parse(file).items():
        if section not in SECTIONS:
            raise _unknown(f"[{section}]", str(file), section, SECTIONS)
        if not isinstance(table, dict):
            raise ConfigError(f"{section} in {file} must be a table: [{section}]")
        for name, value in table.items():
            key = f"{section}.{name}"
            if key not in settings():
                raise _unknown(key, str(file), key, settings())
            yield key, _Given(value, str(file))


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        raise ConfigError(
            f"The configuration file {file} cannot be read: {error.strerror}."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The configuration file {file} is not TOML: {error}.") from None


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, _Given]]:
    known = {row.variable: row for row in settings().values() if row.variable}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable in OTHER_VARIABLES:
            continue
        if variable not in known:
            raise _unknown(variable, "the environment", variable, [*known, *OTHER_VARIABLES])
        row = known[variable]
        yield row.key, _from_text(row, text, f"environment {variable}")


def _from_flag(row: Setting, value: object) -> _Given:
    source = f"flag {row.option.flag}"
    return _Given(value, source) if isinstance(value, list) else _from_text(row, str(value), source)


def _from_text(row: Setting, text: str, source: str) -> _Given:
    try:
        return _Given(row.option.kind.from_text(text), source)
    except ValueError:
        raise _bad(row.key, row.option, _Given(text, source)) from None


def _read(row: Setting, given: _Given) -> Any:
    if isinstance(row.option.kind, Tables):
        return _read_rows(row, row.option.kind, given)
    return _read_value(row.key, row.option, given)


def _read_value(key: str, declared: Option, given: _Given) -> Any:
    try:
        return declared.kind.read(given.value)
    except ValueError:
        raise _bad(key, declared, given) from None


def _read_rows(row: Setting, kind: Tables, given: _Given) -> tuple[Any, ...]:
    if not isinstance(given.value, list) or not all(isinstance(t, dict) for t in given.value):
        raise _bad(row.key, row.option, given)
    columns = {item.name: item for item in fields(kind.row)}
    return tuple(
        _read_row(f"{row.key}[{number}]", kind.row, columns, table, given.source)
        for number, table in enumerate(given.value)
    )


def _read_row(
    key: str, row: type[Any], columns: Mapping[str, Field[Any]], table: dict[str, Any], source: str
) -> Any:
    for name in table:
        if name not in columns:
            raise _unknown(f"{key}.{name}", source, name, columns)
    for name, column in columns.items():
        if column.default is MISSING and name not in table:
            raise ConfigError(f"{key}.{name} is missing in {source}: every such table needs it.")
    values = {
        name: _read_value(f"{key}.{name}", columns[name].metadata["option"], _Given(value, source))
        for name, value in table.items()
    }
    return row(**values)


def _build(values: Mapping[str, Any]) -> Config:
    sections: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for key, value in values.items():
        section, _, name = key.partition(".")
        sections[section][name] = value
    return Config(**{section: kind(**sections[section]) for section, kind in SECTIONS.items()})


def _check_together(config: Config, given: Mapping[str, _Given]) -> None:
    auth = config.auth
    pair = ("auth.root_access_key", "auth.root_secret_key")
    if bool(auth.root_access_key) != bool(auth.root_secret_key):
        there, missing = pair if auth.root_access_key else pair[::-1]
        raise ConfigError(
            f"{there} is given ({given[there].source}) and {missing} is not: give both, or neither "
            "to have them generated."
        )
    if not config.storage.data:
        raise ConfigError("storage.data is empty: name at least one folder.")
    _check_accounts(auth)
    if not auth.enabled and not auth.allow_remote and not is_loopback(config.server.host):
        raise ConfigError(
            f"Without authentication everybody who reaches {config.server.host} could read and "
            "delete everything. Listen on 127.0.0.1, or add --allow-remote if that is wanted."
        )


def _check_accounts(auth: Auth) -> None:
    ids = [each.id for each in auth.accounts]
    keys = [each.access_key for each in auth.accounts]
    if auth.root_access_key:
        keys.append(auth.root_access_key)
    for name, values in (("id", ids), ("access_key", keys)):
        if double := next((each for each in values if values.count(each) > 1), None):
            raise ConfigError(f"auth.accounts: two accounts have the {name} {double!r}.")


def _bad(key: str, declared: Option, given: _Given) -> ConfigError:
    value = HIDDEN if declared.secret or isinstance(declared.kind, Tables) else repr(given.value)
    return ConfigError(f"{key} = {value} ({given.source}): must be {declared.kind.allowed}.")


def _unknown(what: str, source: str, word: str, known: Iterable[str]) -> ConfigError:
    close = difflib.get_close_matches(word, list(known), n=1)
    hint = f" Did you mean {close[0]}?" if close else " See docs/configuration.md for all."
    return ConfigError(f"{what} ({source}) is no setting.{hint}")
