"""All settings together: each is read, can be changed where it says so, and is in the schema."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from s3gw.cli.config.show import effective
from s3gw.config.catalog import Setting, settings, tables
from s3gw.config.declaration import Tables
from s3gw.config.json_schema import configuration_schema
from s3gw.config.notifications import NotificationTarget
from s3gw.config.runtime import KEYS, NewBuckets, RuntimeConfig, configured
from s3gw.config.schema import SECTIONS, Config, Dsort, GetBatch, Jobs, Log, Space
from tests.server_process import ROOT

# Where a setting that is read has an effect.
PRODUCT = ("s3gw", "cluster", "storage")
LOADING = "s3gw.config.loading"
PLACES = "s3gw.config.places"
# There is one type of target, and another is refused.
ONE_TYPE = (NotificationTarget, "type")


@cache
def imports(module: str) -> frozenset[str]:
    """The product's modules that a module imports, wherever in it."""
    found = set[str]()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return frozenset(name for name in found if source(name))


def source(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    found = (path.with_suffix(".py"), path / "__init__.py")
    return next((each for each in found if module.startswith(PRODUCT) and each.exists()), None)


@cache
def tree(module: str) -> ast.Module:
    path = source(module)
    assert path is not None
    return ast.parse(path.read_text())


def modules_of_commands() -> Iterator[str]:
    """Commands are imported by name when they are chosen."""
    for path in (ROOT / "s3gw" / "cli").rglob("*.py"):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def running_modules() -> frozenset[str]:
    """What a server or a command can import, but for the declarations themselves. `loading` has
    the checks of settings with one another, `places` the folders that follow from them."""
    seen, waiting = set[str](), ["s3gw.__main__", *modules_of_commands()]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += imports(module)
            parent = module.rpartition(".")[0]
            waiting += [parent] if parent else []
    declaring = {each for each in seen if each.startswith("s3gw.config.")}
    return frozenset(seen - declaring | {LOADING, PLACES})


@cache
def reads() -> frozenset[tuple[str, str]]:
    """All reads of `owner.attribute` in the running modules, as pairs of names."""
    return frozenset(
        (owner, node.attr)
        for module in running_modules()
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
        for owner in owners(module, node.value)
    )


def owners(module: str, value: ast.expr) -> Iterator[str]:
    """What `value` may be called: its last name, what a variable of that name is set to, and the
    classes of settings that the module imports, since an instance may have any name."""
    yield from sections_imported_by(module)
    if isinstance(value, ast.Attribute):
        yield value.attr
    elif isinstance(value, ast.Name):
        yield value.id
        yield from (attribute for name, attribute in aliases(module) if name == value.id)


@cache
def aliases(module: str) -> frozenset[tuple[str, str]]:
    """Variables that are set to an attribute: `server` and `host` of `server = config.host`."""
    return frozenset(
        (target.id, node.value.attr)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute)
        for target in node.targets
        if isinstance(target, ast.Name)
    )


@cache
def sections_imported_by(module: str) -> frozenset[str]:
    classes = {row.__name__ for row in (*SECTIONS.values(), *tables().values())}
    if module == LOADING:
        return frozenset()
    return frozenset(
        each.name
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("s3gw.config.")
        for each in node.names
        if each.name in classes
    )


def owners_of(row: Setting) -> tuple[str, str]:
    """The name of the field that holds the setting's table, and the table's class."""
    table = row.key.rpartition(".")[0]
    kind = SECTIONS[table] if table in SECTIONS else tables()[table]
    return table.rpartition(".")[2], kind.__name__


# Kept and told for AIStore's clients; their text says that they change nothing.
ONLY_TOLD = ("chunks.checkpoint_every",)


@pytest.mark.parametrize("key", [key for key in settings() if key not in ONLY_TOLD])
def test_a_setting_is_read_by_the_product(key: str) -> None:
    row = settings()[key]
    name = row.key.rpartition(".")[2]
    assert any((owner, name) in reads() for owner in owners_of(row))


def columns() -> Iterator[tuple[str, str, str]]:
    """The fields of rows such as accounts, with the names that a row has in the product."""
    for row in settings().values():
        if isinstance(row.declaration.type, Tables):
            kind = row.declaration.type.row
            for item in fields(kind):
                if (kind, item.name) != ONE_TYPE:
                    yield kind.__name__, row.name.removesuffix("s"), item.name


@pytest.mark.parametrize(("kind", "row", "name"), list(columns()))
def test_a_column_of_a_table_is_read_by_the_product(kind: str, row: str, name: str) -> None:
    assert {(kind, name), (row, name), ("each", name)} & reads()


def test_what_only_an_unused_module_would_read_is_not_read() -> None:
    # cluster.cluster_key has these for attributes, and no process imports it.
    assert "cluster.cluster_key" not in running_modules()
    assert not any(name == "nonce_window" for _, name in reads())


def test_settings_need_nothing_of_the_server_and_have_no_circles() -> None:
    modules = [f"s3gw.config.{path.stem}" for path in (ROOT / "s3gw" / "config").glob("*.py")]
    below = ("cluster.", "storage.", "s3gw.config.", "s3gw.wire.")
    for module in modules:
        assert [name for name in imports(module) if not name.startswith(below)] == []
    TopologicalSorter({each: imports(each) & set(modules) for each in modules}).prepare()


# Changed while the server runs


def test_every_changeable_setting_has_a_key_and_a_value() -> None:
    changeable = [row for row in settings().values() if row.declaration.changeable]
    assert {row.name_on_wire for row in changeable} < set(KEYS)
    config = Config()
    for row in changeable:
        assert KEYS[row.name_on_wire].of(configured(config)) == row.value_in(config)


def test_only_a_changeable_setting_has_a_name_of_its_own_on_the_wire() -> None:
    assert not any(
        row.declaration.on_wire for row in settings().values() if not row.declaration.changeable
    )


def test_the_sections_of_the_runtime_configuration_are_those_of_the_file() -> None:
    sections = {item.name: item.default_factory for item in fields(RuntimeConfig)}
    assert sections.pop("new_buckets") is NewBuckets
    assert sections.items() <= SECTIONS.items()
    config = Config(
        dsort=Dsort(at_once=2),
        get_batch=GetBatch(max_wait_s=2.0),
        jobs=Jobs(kept=7),
        log=Log(level="error"),
        space=Space(lowwm=50),
    )
    for name in sections:
        assert getattr(config, name) != getattr(Config(), name)
        assert getattr(configured(config), name) is getattr(config, name)


# These names are in records on disk and in AIStore's clients.
def test_the_names_on_the_wire_stay() -> None:
    assert sorted(KEYS) == [
        "archives.as_folders",
        "checksum.enable_read_range",
        "checksum.type",
        "checksum.validate_cold_get",
        "checksum.validate_obj_move",
        "checksum.validate_warm_get",
        "chunks.checkpoint_every",
        "chunks.chunk_size",
        "chunks.max_monolithic_size",
        "chunks.objsize_limit",
        "distributed_sort.at_once",
        "distributed_sort.default_max_mem_usage",
        "distributed_sort.duplicated_records",
        "distributed_sort.ekm_malformed_line",
        "distributed_sort.ekm_missing_key",
        "distributed_sort.missing_shards",
        "ec.bundle_multiplier",
        "ec.burst_buffer",
        "ec.compression",
        "ec.data_slices",
        "ec.disk_only",
        "ec.enabled",
        "ec.objsize_limit",
        "ec.parity_slices",
        "get_batch.max_soft_errs",
        "get_batch.max_wait",
        "get_batch.warmup_workers",
        "jobs.at_once",
        "jobs.idle_time",
        "jobs.kept",
        "jobs.kept_time",
        "log.level",
        "lru.batch_size",
        "lru.capacity_upd_time",
        "lru.dont_evict_time",
        "lru.enabled",
        "mirror.burst_buffer",
        "mirror.copies",
        "mirror.enabled",
        "rate_limit.backend.enabled",
        "rate_limit.backend.interval",
        "rate_limit.backend.max_tokens",
        "rate_limit.backend.num_retries",
        "rate_limit.backend.per_op_max_tokens",
        "rate_limit.frontend.burst_size",
        "rate_limit.frontend.enabled",
        "rate_limit.frontend.interval",
        "rate_limit.frontend.max_tokens",
        "rate_limit.frontend.per_op_max_tokens",
        "space.highwm",
        "space.lowwm",
        "space.out_of_space",
        "versioning.enabled",
        "versioning.synchronize",
        "versioning.validate_warm_get",
        "write_policy.md",
    ]


# The schema


def problems(schema: dict[str, Any], value: Any, where: str = "") -> Iterator[str]:
    """What is wrong with a value, by the words of JSON schema that ours has."""
    known = {
        "$schema", "title", "description", "default", "writeOnly", "type", "properties", "required",
        "additionalProperties", "items", "pattern", "minimum", "maximum", "enum", "const", "anyOf",
    }  # fmt: skip
    assert set(schema) <= known
    types: dict[str, Any] = {
        "object": dict, "array": list, "string": str, "boolean": bool,
        "integer": int, "number": (int, float),
    }  # fmt: skip
    kind = schema.get("type")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind and (not isinstance(value, types[kind]) or (kind in ("integer", "number")) > is_number):
        yield f"{where}: not {kind}"
    elif kind == "object":
        yield from _problems_of_table(schema, value, where)
    elif kind == "array":
        for number, item in enumerate(value):
            yield from problems(schema["items"], item, f"{where}[{number}]")
    elif kind == "string" and not re.search(schema.get("pattern", ""), value):
        yield f"{where}: not like {schema['pattern']}"
    elif is_number and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{where}: out of range"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: not one of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{where}: not {schema['const']}"
    if "anyOf" in schema and all(any(problems(each, value)) for each in schema["anyOf"]):
        yield f"{where}: none of {schema['anyOf']}"


def _problems_of_table(schema: dict[str, Any], value: dict[str, Any], where: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where}.{name}: missing"
    for name, item in value.items():
        if name in schema["properties"]:
            yield from problems(schema["properties"][name], item, f"{where}.{name}")
        elif schema["additionalProperties"] is False:
            yield f"{where}.{name}: unknown"


def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(configuration_schema())
    return found


def schema_of(key: str) -> dict[str, Any]:
    found = schema()
    for name in key.split("."):
        found = found["properties"][name]
    return found


def nested(pairs: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs.items():
        *above, last = key.split(".")
        place = made
        for each in above:
            place = place.setdefault(each, {})
        place[last] = value
    return made


@pytest.mark.parametrize("key", settings())
def test_the_schema_describes_a_setting_and_allows_its_default(key: str) -> None:
    row = settings()[key]
    found = schema_of(key)
    assert found["description"] == row.declaration.doc
    assert ("writeOnly" in found) is row.declaration.secret
    if row.declaration.shown_default is None:
        assert found["default"] == json.loads(msgspec.json.encode(row.default))
        assert list(problems(found, found["default"])) == []
    else:
        assert "default" not in found


def test_the_schema_allows_the_configuration_that_is_shown() -> None:
    empty = {key for key, row in settings().items() if row.declaration.shown_default is not None}
    shown = {key: value for key, value in effective(Config()).items() if key not in empty}
    document = json.loads(msgspec.json.encode(nested(shown)))
    assert list(problems(schema(), document)) == []


def documented_example() -> dict[str, Any]:
    page = (ROOT / "docs" / "configuration.md").read_text()
    return tomllib.loads(page.split("```toml\n")[1].split("```")[0])


def test_the_schema_allows_the_documented_example() -> None:
    assert list(problems(schema(), documented_example())) == []


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"sever": {}}, ".sever: unknown"),
        ({"server": {"prot": 1}}, ".server.prot: unknown"),
        ({"server": {"port": 65536}}, ".server.port: out of range"),
        ({"server": {"port": "1"}}, ".server.port: not integer"),
        ({"server": {"port": True}}, ".server.port: not integer"),
        ({"server": {"http_server": "apache"}}, ".server.http_server: not one of"),
        ({"s3": {"domain": ["a", "-"]}}, ".s3.domain[1]: not like"),
        ({"storage": {"inline_limit": "1.5K"}}, ".storage.inline_limit: none of"),
        ({"auth": {"oidc": {"jwks_stale": "1d"}}}, ".auth.oidc.jwks_stale: none of"),
        ({"auth": {"accounts": [{"id": "a"}]}}, ".auth.accounts[0].access_key: missing"),
        ({"auth": {"cluster_key": {}}}, ".auth.cluster_key: unknown"),
        ({"auth": {"secrets_key": "x"}}, ".auth.secrets_key: not like"),
    ],
)
def test_the_schema_refuses_what_the_server_refuses(document: dict[str, Any], where: str) -> None:
    assert [text[: len(where)] for text in problems(schema(), document)][:1] == [where]


def test_patterns_are_of_the_language_that_schemas_have() -> None:
    # Flags and named groups are Python's own.
    assert not re.search(r"\(\?[^:]", configuration_schema())
