"""Every public method of the SDK, and that this suite says what becomes of it.

A method is asked for in a module of this folder, and works; or it is refused, by name, which
`test_refused.py` says; or it is the SDK's own affair. A version of the SDK with a method that
nobody asks for fails. docs/native.md has the table for people.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from compat.aistore_sdk.scene import IS_1

# Where the class is: what of it is refused.
CLASSES: dict[str, set[str]] = {
    "client:Client": set(),
    "cluster:Cluster": {"list_etls"},
    "bucket:Bucket": {"evict", "inspect", "transform"},
    "obj.object:Object": {"blob_download"},
    "obj.object_reader:ObjectReader": set(),
    "obj.object_writer:ObjectWriter": set(),
    "obj.multipart_upload:MultipartUpload": set(),
    "obj.obj_file.object_file:ObjectFileReader": set(),
    "obj.obj_file.object_file:ObjectFileWriter": set(),
    "multiobj:ObjectGroup": {"evict", "inspect", "prefetch", "transform"},
    "multiobj:ObjectRange": set(),
    "job:Job": set(),
    "types:AggregatedJobSnap": set(),
    "batch.batch:Batch": set(),
    "etl.etl:Etl": {"delete", "init", "init_spec", "logs", "start", "stop", "view"},
    "dsort:Dsort": set(),
    "authn:AuthNClient": set(),
    "authn.cluster_manager:ClusterManager": set(),
    "authn.role_manager:RoleManager": set(),
    "authn.token_manager:TokenManager": set(),
    "authn.user_manager:UserManager": set(),
}  # fmt: skip
# Asks no server, or is asked by the others.
LOCAL = {
    "Bucket": {"verify_cloud_bucket"},
    "Etl": {"init_class", "name", "pipeline", "validate_etl_name"},
    "Dsort": {"dsort_id", "wait"},
}
_HERE = Path(__file__).parent


def public(kind: type[Any]) -> set[str]:
    """What the SDK itself defines, the methods of its bases too."""
    own = [base for base in kind.__mro__ if base.__module__.startswith("aistore")]
    return {
        name
        for base in own
        for name, member in vars(base).items()
        if not name.startswith("_") and (inspect.isroutine(member) or isinstance(member, property))
    }


@pytest.fixture(name="asked", scope="module")
def _asked() -> dict[str, set[str]]:
    """Module to the attributes that its code names."""
    return {
        file.stem: set(re.findall(r"[.\"](\w+)", file.read_text()))
        for file in _HERE.glob("test_*.py")
        if file.stem != "test_surface"
    }


@pytest.mark.parametrize("where", list(CLASSES))
def test_every_method_is_asked_for(where: str, asked: dict[str, set[str]]) -> None:
    module, name = where.split(":")
    kind = getattr(import_module(f"aistore.sdk.{module}"), name)
    everywhere = set().union(*asked.values())
    assert public(kind) - everywhere - CLASSES[where] - LOCAL.get(name, set()) == set()


@pytest.mark.parametrize("where", [where for where, refused in CLASSES.items() if refused])
def test_what_is_refused_is_asked_for_too(where: str, asked: dict[str, set[str]]) -> None:
    module, name = where.split(":")
    kind = getattr(import_module(f"aistore.sdk.{module}"), name)
    left = {"init_spec"} if not IS_1 else set()
    assert CLASSES[where] - public(kind) == left & CLASSES[where]
    assert CLASSES[where] - set().union(*asked.values()) == set()
