from __future__ import annotations

import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from s3gw.config.auth import Auth
from s3gw.config.loading import ConfigError
from s3gw.config.schema import Config, Storage
from s3gw.identity.root_keys import FILE_NAME, RootKeys, find_root_keys


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(storage=Storage(data=(str(tmp_path),)))


def test_new_keys_look_like_those_of_aws(config: Config) -> None:
    found = find_root_keys(config)
    assert found.new
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", found.keys.access_key)
    assert re.fullmatch(r"[A-Za-z0-9]{40}", found.keys.secret_key)


def test_kept_keys_are_found_again_and_not_new(config: Config) -> None:
    made = find_root_keys(config)
    made.keep()
    again = find_root_keys(config)
    assert again.keys == made.keys
    assert not again.new


def test_keys_that_were_not_kept_are_forgotten(config: Config, tmp_path: Path) -> None:
    assert find_root_keys(config).keys != find_root_keys(config).keys
    assert not (tmp_path / FILE_NAME).exists()


def test_only_the_owner_can_read_the_file(config: Config, tmp_path: Path) -> None:
    find_root_keys(config).keep()
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_refused(config: Config, tmp_path: Path, mode: int) -> None:
    find_root_keys(config).keep()
    (tmp_path / FILE_NAME).chmod(mode)
    with pytest.raises(ConfigError, match=r"run chmod 600 .*credentials\.json"):
        find_root_keys(config)


def test_a_damaged_file_is_never_replaced_silently(config: Config, tmp_path: Path) -> None:
    find_root_keys(config).keep()
    (tmp_path / FILE_NAME).write_text('{"access_key": "A')
    with pytest.raises(ConfigError, match="is damaged"):
        find_root_keys(config)


def test_configured_keys_come_first(config: Config) -> None:
    find_root_keys(config).keep()
    auth = Auth(root_access_key="MINE", root_secret_key="my-own-secret")
    found = find_root_keys(replace(config, auth=auth))
    assert found.keys == RootKeys("MINE", "my-own-secret")
    assert found.file is None


def test_a_leftover_of_an_interrupted_write_is_in_nobodys_way(
    config: Config, tmp_path: Path
) -> None:
    (tmp_path / "credentials.json.new").write_text("half")
    made = find_root_keys(config)
    made.keep()
    assert find_root_keys(config).keys == made.keys


def test_the_secret_is_not_in_the_repr() -> None:
    assert "hidden" not in repr(RootKeys("KEY", "hidden"))
