"""Loading of the configuration: defaults, a TOML file, `S3GW_*` variables and flags.

That is the rising order of the sources. A key or a variable that is not a setting is an error, so
that a misspelt name is never ignored. Sections are tables of the file, and may hold further tables;
a variable is `S3GW_<SECTION>_<KEY>` unless the setting declares another.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from s3gw.config.auth import PUBLIC_KEY_VARIABLE, SECRET_VARIABLE, Auth, problem_with
from s3gw.config.bucket_properties import problem_together
from s3gw.config.catalog import PREFIX, Setting, aliases, keys_in, settings, tables
from s3gw.config.cluster import Cluster
from s3gw.config.declaration import Declaration, Tables, declared, is_required, table_of
from s3gw.config.runtime import properties_of_new_buckets
from s3gw.config.schema import SECTIONS, Config

# Variables that are not settings: they are read before, or beside, the configuration.
OTHER_VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "S3GW_CONFIG": "the configuration file, as `--config` names it",
        SECRET_VARIABLE: "`auth.signature.key` with the method HMAC, as AIStore names it",
        PUBLIC_KEY_VARIABLE: "`auth.signature.key` with the method RSA, as AIStore names it",
        "S3GW_FAILPOINT": "for tests: kills a process, see storage/failpoints.py",
    }
)
TOKEN_KEY_VARIABLES = MappingProxyType({SECRET_VARIABLE: "HMAC", PUBLIC_KEY_VARIABLE: "RSA"})
HIDDEN = "***"
# How alike two names must be, from 0 to 1, for one to be the other misspelt.
_ALIKE = 0.8
_SEE = " See docs/configuration.md for all."


class ConfigError(Exception):
    """A setting that cannot be used; the message has its key, its source, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, and the source of the value of each key."""

    config: Config
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Given:
    """A value and its source, before it is checked; `key` as it was written."""

    key: str
    value: Any
    source: str


def load(
    *,
    file: Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, object],
    is_for_server: bool = True,
) -> Loaded:
    """Read every source. `flags` are by key, as text or a list of texts. What a server needs
    together may be incomplete for others."""
    given: dict[str, _Given] = {}
    if file is not None:
        given.update(_from_file(file))
    given.update(_from_environment(environ))
    given.update(_from_aistore(environ, given))
    given.update({key: _from_flag(settings()[key], value) for key, value in flags.items()})
    config = _build({key: _read(settings()[key], each) for key, each in given.items()})
    if is_for_server:
        _check_together(config, given)
    sources = {key: given[key].source if key in given else "default" for key in settings()}
    return Loaded(config, sources)


def is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _from_file(file: Path) -> Iterator[tuple[str, _Given]]:
    written: dict[str, str] = {}
    for section, content in _parse(file).items():
        if section not in SECTIONS:
            raise _unknown(f"[{section}]", str(file), section, SECTIONS, _listed("", SECTIONS))
        given = _Given(section, content, str(file))
        yield from _from_table(section, given, written)


def _from_table(table: str, given: _Given, written: dict[str, str]) -> Iterator[tuple[str, _Given]]:
    """Yield the values of a table and of those within it. `written` has each key as spelt."""
    if not isinstance(given.value, dict):
        raise ConfigError(f"{given.key} in {given.source} must be a table: [{given.key}]")
    for name, value in given.value.items():
        key = aliases().get(f"{table}.{name}", f"{table}.{name}")
        each = _Given(f"{given.key}.{name}", value, given.source)
        if key not in settings() and key not in tables():
            allowed = _listed(given.key, keys_in(table))
            raise _unknown(each.key, each.source, each.key, [*settings(), *tables()], allowed)
        if written.setdefault(key, each.key) != each.key:
            raise ConfigError(
                f"{written[key]} and {each.key} in {each.source} are two spellings of one setting: "
                "give one."
            )
        if key in tables():
            yield from _from_table(key, each, written)
        else:
            yield key, each


def _parse(file: Path) -> dict[str, Any]:
    is_json = file.suffix == ".json"
    try:
        text = file.read_text()
        found = json.loads(text) if is_json else tomllib.loads(text)
    except OSError as error:
        raise ConfigError(
            f"The configuration file {file} cannot be read: {error.strerror}."
        ) from None
    except ValueError as error:
        kind = "JSON" if is_json else "TOML"
        raise ConfigError(f"The configuration file {file} is not {kind}: {error}.") from None
    if not isinstance(found, dict):
        raise ConfigError(f"The configuration file {file} is not a JSON object.")
    return found


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, _Given]]:
    known = {row.variable: row for row in settings().values() if row.variable}
    for variable, text in environ.items():
        if variable not in known:
            if not variable.startswith(PREFIX) or variable in OTHER_VARIABLES:
                continue
            raise _unknown(variable, "the environment", variable, [*known, *OTHER_VARIABLES])
        row = known[variable]
        yield row.key, _from_text(row, text, f"environment {variable}")


def _from_aistore(
    environ: Mapping[str, str], given: Mapping[str, _Given]
) -> Iterator[tuple[str, _Given]]:
    """Yield the key of tokens from AIStore's own variables; it comes before a file's."""
    there = [name for name in TOKEN_KEY_VARIABLES if environ.get(name)]
    ours = given.get("auth.signature.key")
    if ours is not None and ours.source.startswith("environment"):
        there.append(ours.source.removeprefix("environment "))
    if len(there) > 1:
        raise ConfigError(f"{there[0]} and {there[1]} are both set: give one key.")
    for name in there:
        if name in TOKEN_KEY_VARIABLES:
            source = f"environment {name}"
            yield "auth.signature.key", _Given("auth.signature.key", environ[name], source)
            yield "auth.signature.method", _method_for(name, given.get("auth.signature.method"))


def _method_for(variable: str, given: _Given | None) -> _Given:
    """Return the method that is given, if it fits such a key; without one, what the variable
    means."""
    if given is None:
        meant = TOKEN_KEY_VARIABLES[variable]
        return _Given("auth.signature.method", meant, f"environment {variable}")
    if str(given.value).upper().startswith("H") != (variable == SECRET_VARIABLE):
        raise ConfigError(
            f"{given.key} = {given.value!r} ({given.source}) is not a method for {variable}."
        )
    return given


def _from_flag(row: Setting, value: object) -> _Given:
    source = f"flag {row.declaration.flag}"
    if isinstance(value, list):
        return _Given(row.key, value, source)
    return _from_text(row, str(value), source)


def _from_text(row: Setting, text: str, source: str) -> _Given:
    try:
        return _Given(row.key, row.declaration.type.from_text(text), source)
    except ValueError:
        raise _bad(row.declaration, _Given(row.key, text, source)) from None


def _read(row: Setting, given: _Given) -> Any:
    if isinstance(row.declaration.type, Tables):
        return _read_rows(row, row.declaration.type, given)
    return _read_value(row.declaration, given)


def _read_value(declaration: Declaration, given: _Given) -> Any:
    try:
        return declaration.type.read(given.value)
    except ValueError:
        raise _bad(declaration, given) from None


def _read_rows(row: Setting, rows: Tables, given: _Given) -> tuple[Any, ...]:
    if not isinstance(given.value, list) or not all(isinstance(t, dict) for t in given.value):
        raise _bad(row.declaration, given)
    return tuple(
        _read_row(f"{row.key}[{number}]", rows.row, table, given.source)
        for number, table in enumerate(given.value)
    )


def _read_row(key: str, row: type[Any], table: dict[str, Any], source: str) -> Any:
    columns = {item.name: item for item in fields(row)}
    for name in table:
        if name not in columns:
            raise _unknown(f"{key}.{name}", source, name, columns, _listed(key, columns))
    for name, column in columns.items():
        if is_required(column) and name not in table:
            raise ConfigError(f"{key}.{name} is missing in {source}: every such table needs it.")
    values = {
        name: _read_value(declared(columns[name]), _Given(f"{key}.{name}", value, source))
        for name, value in table.items()
    }
    return row(**values)


def _build(values: Mapping[str, Any]) -> Config:
    sections = {section: _build_table(row, section, values) for section, row in SECTIONS.items()}
    return Config(**sections)


def _build_table(row: type[Any], key: str, values: Mapping[str, Any]) -> Any:
    made = {}
    for item in fields(row):
        inner, name = table_of(item), f"{key}.{item.name}"
        if inner is not None:
            made[item.name] = _build_table(inner, name, values)
        elif name in values:
            made[item.name] = values[name]
    return row(**made)


def _check_together(config: Config, given: Mapping[str, _Given]) -> None:
    auth = config.auth
    pair = ("auth.root_access_key", "auth.root_secret_key")
    if bool(auth.root_access_key) != bool(auth.root_secret_key):
        there, missing = pair if auth.root_access_key else pair[::-1]
        raise ConfigError(
            f"{there} is given ({given[there].source}) and {missing} is not: give both, or neither "
            "to have them generated."
        )
    if config.encryption.master_key and config.encryption.master_key_file:
        raise ConfigError(
            "encryption.master_key and encryption.master_key_file are both given: give one."
        )
    encryption = config.encryption
    if config.s3.encrypt_new_buckets and not (encryption.master_key or encryption.master_key_file):
        raise ConfigError(
            "s3.encrypt_new_buckets needs encryption.master_key_file or encryption.master_key."
        )
    if problem := problem_with(auth.secret, auth.signature):
        raise ConfigError(problem)
    if auth.secrets_key and auth.secrets_key_file:
        raise ConfigError("auth.secrets_key and auth.secrets_key_file are both given: give one.")
    if not config.storage.data:
        raise ConfigError("storage.data is empty: name at least one folder.")
    _check_cluster(config.cluster)
    if both := set(config.s3.domain) & set(config.s3.website_domain):
        raise ConfigError(
            f"{min(both)} is in s3.domain and in s3.website_domain: below one host name buckets "
            "are either S3 or websites."
        )
    if problem := config.space.problem:
        raise ConfigError(f"{problem}.")
    if problem := problem_together(properties_of_new_buckets(config)):
        raise ConfigError(f"{problem}.")
    _check_promotable(config)
    _check_accounts(auth)
    _check_unique(
        "notifications.targets: two targets", "name", [t.name for t in config.notifications.targets]
    )
    if not auth.enabled and not auth.allow_remote and not is_loopback(config.server.host):
        raise ConfigError(
            f"Without authentication, any client that reaches {config.server.host} could read and "
            "delete everything. Listen on 127.0.0.1, or add --allow-remote if that is wanted."
        )


def _check_cluster(cluster: Cluster) -> None:
    if cluster.database and not cluster.blobs:
        raise ConfigError(
            "cluster.database is given and cluster.blobs is not: name the folder that all machines "
            "mount, as in --cluster-blobs shared:/mnt/s3gw."
        )
    for name, value in (("blobs", cluster.blobs), ("direct", cluster.direct)):
        if value and not cluster.database:
            raise ConfigError(
                f"cluster.{name} needs cluster.database, the database of the cluster."
            )


def _check_promotable(config: Config) -> None:
    """The server's own files, with its keys, must not become objects."""
    folders = [Path(folder).resolve() for folder in config.storage.data]
    for text in config.promote.roots:
        root = Path(text).resolve()
        for folder in folders:
            if root.is_relative_to(folder) or folder.is_relative_to(root):
                raise ConfigError(
                    f"promote.roots: {text} and the data folder {folder} must not be within one "
                    "another."
                )


def _check_accounts(auth: Auth) -> None:
    ids = [each.id for each in auth.accounts]
    keys = [each.access_key for each in auth.accounts]
    if auth.root_access_key:
        keys.append(auth.root_access_key)
    for name, values in (("id", ids), ("access_key", keys)):
        _check_unique("auth.accounts: two accounts", name, values)


def _check_unique(what: str, column: str, values: list[str]) -> None:
    if double := next((each for each in values if values.count(each) > 1), None):
        raise ConfigError(f"{what} have the {column} {double!r}.")


def _bad(declaration: Declaration, given: _Given) -> ConfigError:
    is_hidden = declaration.secret or isinstance(declaration.type, Tables)
    value = HIDDEN if is_hidden else repr(given.value)
    allowed = declaration.type.allowed
    return ConfigError(f"{given.key} = {value} ({given.source}): must be {allowed}.")


def _unknown(
    what: str, source: str, word: str, known: Iterable[str], allowed: str = ""
) -> ConfigError:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=_ALIKE)
    hint = f" Did you mean {close[0]}?" if close else ""
    return ConfigError(f"{what} ({source}) is not a setting.{hint}{allowed or _SEE}")


def _listed(table: str, names: Iterable[str]) -> str:
    where = f"[{table}]" if table else "The file"
    return f" {where} may have: {', '.join(names)}."
