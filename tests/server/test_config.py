"""Where settings come from, and what each mistake is answered with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from s3gw.cli.config.show import as_json, as_table
from s3gw.config.bucket_properties import Chunks
from s3gw.config.catalog import settings
from s3gw.config.declaration import table_of
from s3gw.config.docs import configuration_page
from s3gw.config.loading import ConfigError, Loaded, load
from s3gw.config.runtime import properties_of_new_buckets
from s3gw.config.schema import SECTIONS, Config
from storage.backends.local import StoreOptions
from tests.server_process import ROOT

SECRET = "a-very-secret-key"


def loaded(
    text: str = "",
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
    *,
    folder: Path | None = None,
) -> Loaded:
    file = None
    if folder is not None:
        file = folder / "s3gw.toml"
        file.write_text(text)
    return load(file=file, environ=environ or {}, flags=flags or {})


def test_without_any_source_everything_is_the_default() -> None:
    assert loaded().config == Config()
    assert set(loaded().sources.values()) == {"default"}


def test_a_flag_beats_the_environment_beats_the_file(tmp_path: Path) -> None:
    text = "[server]\nport = 1\nworkers = 1\nhost = 'file'"
    environ = {"S3GW_SERVER_PORT": "2", "S3GW_SERVER_WORKERS": "2"}
    result = loaded(text, environ, {"server.port": "3"}, folder=tmp_path)
    server = result.config.server
    assert (server.host, server.workers, server.port) == ("file", 2, 3)
    assert result.sources["server.host"] == str(tmp_path / "s3gw.toml")
    assert result.sources["server.workers"] == "environment S3GW_SERVER_WORKERS"
    assert result.sources["server.port"] == "flag --port"


def test_lists_come_with_commas_from_the_environment_and_repeated_from_flags() -> None:
    environ = {"S3GW_STORAGE_DATA": "/a, /b"}
    assert loaded(environ=environ).config.storage.data == ("/a", "/b")
    assert loaded(flags={"s3.domain": ["a.b", "c"]}).config.s3.domain == ("a.b", "c")


def test_sizes_may_have_units() -> None:
    environ = {"S3GW_STORAGE_RESERVE_BYTES": "10GiB", "S3GW_STORAGE_INLINE_LIMIT": "4096"}
    storage = loaded(environ=environ).config.storage
    assert (storage.reserve_bytes, storage.inline_limit) == (10 << 30, 4096)


def test_accounts_are_tables_of_the_file(tmp_path: Path) -> None:
    text = f"[[auth.accounts]]\nid = 'a'\naccess_key = 'KEY1'\nsecret_key = '{SECRET}'"
    (account,) = loaded(text, folder=tmp_path).config.auth.accounts
    assert (account.id, account.access_key, account.secret_key) == ("a", "KEY1", SECRET)


def test_a_table_within_a_section_has_settings_of_its_own(tmp_path: Path) -> None:
    text = "[auth.oidc]\nroles_claim = 'roles'\njwks_refresh = '2h'\njwks_timeout = 30"
    environ = {"S3GW_AUTH_OIDC_JWKS_REFRESH": "3h", "S3GW_AUTH_OIDC_JWKS_STALE": "0"}
    result = loaded(text, environ, folder=tmp_path)
    oidc = result.config.auth.oidc
    assert (oidc.roles_claim, oidc.jwks_refresh, oidc.jwks_timeout) == ("roles", 10800, 30)
    assert oidc.jwks_stale == 0
    assert result.sources["auth.oidc.roles_claim"] == str(tmp_path / "s3gw.toml")
    assert result.sources["auth.oidc.jwks_refresh"] == "environment S3GW_AUTH_OIDC_JWKS_REFRESH"


@pytest.mark.parametrize(
    "text",
    [
        "[auth]\nclient_auth_required = false\noidc = {jwks_refresh = '2h'}",
        "auth = {enabled = false, oidc = {jwks_refresh = '2h'}}",
        "auth = {client_auth_required = false, oidc.jwks_refresh = 7200.0}",
    ],
)
def test_the_spellings_of_later_releases_mean_the_same(text: str, tmp_path: Path) -> None:
    auth = loaded(text, folder=tmp_path).config.auth
    assert (auth.enabled, auth.oidc.jwks_refresh) == (False, 7200)


def test_two_spellings_at_once_are_a_mistake(tmp_path: Path) -> None:
    message = r"auth\.enabled and auth\.client_auth_required in .* are two spellings of one setting"
    with pytest.raises(ConfigError, match=message):
        loaded("[auth]\nenabled = true\nclient_auth_required = true", folder=tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("jwks_refresh", "'14m59s'", "a time from 15m to 24h, like 90s or 1h30m, or a number of"),
        ("jwks_refresh", "'1d'", "a time from 15m"),
        ("jwks_refresh", "nan", "a time from 15m"),
        ("jwks_refresh", "true", "a time from 15m"),
        ("jwks_stale", "604801", "a time from 0 to 168h"),
        ("jwks_stale", "-0.1", "a time from 0 to 168h"),
        ("jwks_timeout", "'99ms'", "a time from 0.1s to 1m"),
    ],
)
def test_a_time_outside_its_range_names_key_and_value_and_range(
    name: str, value: str, allowed: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(f"[auth.oidc]\n{name} = {value}", folder=tmp_path)
    shown = str(caught.value)
    assert shown.startswith(f"auth.oidc.{name} = ")
    assert f"must be {allowed}" in shown


@pytest.mark.parametrize("value", ["14m", "24h", "25h", "nonsense"])
def test_a_time_from_the_environment_is_checked_as_well(value: str) -> None:
    environ = {"S3GW_AUTH_OIDC_JWKS_REFRESH": value}
    if value == "24h":
        assert loaded(environ=environ).config.auth.oidc.jwks_refresh == 86400
    else:
        with pytest.raises(ConfigError, match=rf"jwks_refresh = '{value}' \(environment"):
            loaded(environ=environ)


@pytest.mark.parametrize("table", ["auth.cluster_key", "auth.intra_cluster"])
def test_what_nothing_reads_is_refused_with_the_allowed_keys(table: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(f"[{table}]\nenabled = true", folder=tmp_path)
    shown = str(caught.value)
    assert shown.startswith(f"{table} ({tmp_path}/s3gw.toml) is not a setting. [auth] may have: ")
    assert " oidc, required_claims, root_access_key, " in shown
    with pytest.raises(ConfigError, match=r"S3GW_AUTH_CLUSTER_KEY_ENABLED .* is not a setting"):
        loaded(environ={"S3GW_AUTH_CLUSTER_KEY_ENABLED": "true"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[auth]\noidc = 1", "auth.oidc in FILE must be a table: [auth.oidc]"),
        (
            "[auth.oidic]\nroles_claim = 1",
            "auth.oidic (FILE) is not a setting. Did you mean auth.oidc?",
        ),
        ("[auth.throttle]\nbrust = 1", "Did you mean auth.throttle.burst?"),
        ("[auth.throttle]\nx = 1", "[auth.throttle] may have: burst, enabled, per_minute."),
        ("[auth.throttle.burst]\nx = 1", "auth.throttle.burst = {'x': 1} (FILE): must be"),
        ("[server]\nprot = 1", "server.prot (FILE) is not a setting. Did you mean server.port?"),
        ("[sever]\nport = 1", "[sever] (FILE) is not a setting. Did you mean server?"),
        ("[other]\nport = 1", "The file may have: server, storage, cluster, s3, lifecycle, "),
        ("server = 1", "server in FILE must be a table: [server]"),
        ("[server]\nport = '1'", "must be a whole number from 0 to 65535."),
        ("[server]\nport = true", "server.port = True (FILE): must be a whole number"),
        ("[server]\nport = 65536", "server.port = 65536 (FILE): must be a whole number from 0 to"),
        ("[server]\nhttp_server = 'apache'", "must be uvicorn or hypercorn."),
        ("[server]\nshutdown_timeout_s = -1", "must be a number of seconds from 0 to 3600."),
        ("[storage]\ndata = 'x'", "storage.data = 'x' (FILE): must be a list of folders."),
        ("[storage]\ndata = []", "storage.data is empty: name at least one folder."),
        ("[storage]\nreserve_bytes = '1 PB'", "must be bytes from 0 to 1024TiB, like 512KiB"),
        ("[s3]\nroot_access = 'yes'", "s3.root_access = 'yes' (FILE): must be true or false."),
        ("[s3]\ndomain = ['-']", "must be a list of host names."),
        (
            "[s3]\ndomain = ['a.b', 'c.d']\nwebsite_domain = ['c.d']",
            "c.d is in s3.domain and in s3.website_domain: below one host name buckets are either",
        ),
        ("[auth]\naccounts = 1", "auth.accounts = *** (FILE): must be a list of tables in"),
        ("[[auth.accounts]]\nid = 'a'", "auth.accounts[0].access_key is missing in FILE"),
        (
            "[[auth.accounts]]\nidd = 'a'",
            "auth.accounts[0].idd (FILE) is not a setting. Did you mean id?",
        ),
        ("[server", "FILE is not TOML: "),
        ("[auth]\nroot_secret_key = 'short'", "auth.root_secret_key = *** (FILE): must be 8 to"),
        (
            "[auth]\nroot_access_key = 'abc'",
            "auth.root_access_key is given (FILE) and auth.root_secret_key is not: give both",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(text, folder=tmp_path)
    shown = str(caught.value).replace(str(tmp_path / "s3gw.toml"), "FILE")
    assert message in shown
    assert "short" not in shown


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("S3GW_SERVER_PROT", "1", "Did you mean S3GW_SERVER_PORT?"),
        ("S3GW_SERVER_PORT", "x", "server.port = 'x' (environment S3GW_SERVER_PORT): must be"),
        ("S3GW_AUTH_ENABLED", "maybe", "auth.enabled = 'maybe'"),
        ("S3GW_ROOT_SECRET_KEY", "tiny", "auth.root_secret_key = *** (environment S3GW_ROOT"),
        ("S3GW_AUTH_ROOT_SECRET_KEY", "tiny", "Did you mean S3GW_ROOT_SECRET_KEY?"),
        ("S3GW_WHATEVER", "1", "S3GW_WHATEVER (the environment) is not a setting."),
    ],
)
def test_a_mistake_in_the_environment_is_named(variable: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(environ={variable: value})
    assert message in str(caught.value)
    assert "tiny" not in str(caught.value)


def test_a_bad_flag_names_the_flag() -> None:
    with pytest.raises(ConfigError, match=re.escape("server.port = 'x' (flag --port): must be")):
        loaded(flags={"server.port": "x"})


@pytest.mark.parametrize("root", ["/", "{t}", "{t}/data", "{t}/data/blobs", "{t}/link", "relative"])
def test_the_servers_own_files_cannot_be_promoted(root: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "data")

    def with_root(root: str) -> str:
        return f"[storage]\ndata = ['{tmp_path}/data']\n[promote]\nroots = ['/srv', '{root}']\n"

    with pytest.raises(ConfigError, match=r"promote\.roots"):
        loaded(with_root(root.format(t=tmp_path)), folder=tmp_path)
    loaded(with_root(f"{tmp_path}/data-to-promote"), folder=tmp_path)


def test_a_missing_file_is_said_so() -> None:
    with pytest.raises(ConfigError, match=r"/nowhere\.toml cannot be read: No such file"):
        load(file=Path("/nowhere.toml"), environ={}, flags={})


def test_variables_of_others_are_none_of_our_business() -> None:
    environ = {"PATH": "/bin", "S3GW_FAILPOINT": "x", "S3GW_CONFIG": "y"}
    assert loaded(environ=environ).config == Config()


@pytest.mark.parametrize("name", ["id", "access_key"])
def test_two_accounts_cannot_share(name: str, tmp_path: Path) -> None:
    rows = [{"id": f"id{n}", "access_key": f"KEY{n}", name: "same"} for n in (1, 2)]
    text = "".join(
        f"[[auth.accounts]]\nid='{r['id']}'\naccess_key='{r['access_key']}'\n"
        f"secret_key='{SECRET}'\n"
        for r in rows
    )
    with pytest.raises(ConfigError, match=f"two accounts have the {name} 'same'"):
        loaded(text, folder=tmp_path)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_no_auth_on_a_reachable_address_must_be_meant(host: str) -> None:
    flags = {"auth.enabled": "false", "server.host": host}
    with pytest.raises(ConfigError, match="--allow-remote"):
        loaded(flags=flags)
    assert not loaded(flags={**flags, "auth.allow_remote": "true"}).config.auth.enabled


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_no_auth_is_fine_on_a_loopback_address(host: str) -> None:
    assert loaded(flags={"auth.enabled": "false", "server.host": host})


def test_the_shown_configuration_has_no_secret(tmp_path: Path) -> None:
    text = f"[[auth.accounts]]\nid = 'a'\naccess_key = 'KEY1'\nsecret_key = '{SECRET}'"
    environ = {"S3GW_ROOT_ACCESS_KEY": "ROOT", "S3GW_ROOT_SECRET_KEY": SECRET}
    result = loaded(text, environ, folder=tmp_path)
    for shown in (as_table(result), as_json(result)):
        assert SECRET not in shown
        assert "***" in shown
        assert "KEY1" in shown
        assert "environment S3GW_ROOT_ACCESS_KEY" in shown


def test_the_documentation_is_what_the_code_says() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text() == configuration_page()


def keys_of(row: type[Any], prefix: str) -> Iterator[str]:
    for field in fields(row):
        inner = table_of(field)
        key = f"{prefix}.{field.name}"
        yield from keys_of(inner, key) if inner else [key]


def test_every_field_of_every_section_is_a_setting() -> None:
    assert {key for s, row in SECTIONS.items() for key in keys_of(row, s)} == set(settings())
    assert {field.name for field in fields(Config)} == set(SECTIONS)


def test_the_defaults_of_the_store_are_the_ones_that_were_measured() -> None:
    options, storage = StoreOptions(), Config().storage
    assert storage.inline_limit == options.inline_limit
    assert storage.reserve_bytes == options.reserve_bytes


def test_the_sizes_of_chunks_fit_together(tmp_path: Path) -> None:
    file = tmp_path / "s3gw.toml"
    file.write_text('[chunks]\nobjsize_limit = "2GiB"\nmax_monolithic_size = "1GiB"\n')
    with pytest.raises(ConfigError, match=r"chunks.objsize_limit = 2GiB must not be more than"):
        load(file=file, environ={}, flags={})


def test_a_file_may_be_json_with_aistores_names(tmp_path: Path) -> None:
    file = tmp_path / "ais.json"
    file.write_text('{"get_batch": {"max_wait": "30s", "max_soft_errs": 7}, "auth": {}}')
    config = load(file=file, environ={}, flags={}).config
    assert (config.get_batch.max_wait_s, config.get_batch.max_soft_errs) == (30.0, 7)
    file.write_text('{"chunks": {"objsize_limit": "1GiB", "chunk_size": "64MiB"}}')
    config = load(file=file, environ={}, flags={}).config
    assert properties_of_new_buckets(config).chunks == Chunks(1 << 30, 0, 64 << 20, 0)
    for text in ("[1]", "{", '{"get_batch": {"max_wait": "forever"}}'):
        file.write_text(text)
        with pytest.raises(ConfigError):
            load(file=file, environ={}, flags={})
