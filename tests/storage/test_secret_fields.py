"""Values with a secret do not show it."""

from __future__ import annotations

import importlib
import pkgutil

import msgspec
import pytest

import s3gw
import storage
from storage.secret_fields import WithSecretFields

SECRET = "hidden-7f3a"


def _kinds() -> list[type[WithSecretFields]]:
    """All kinds of values with secrets of the product."""
    for package in (s3gw, storage):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    return sorted(_below(WithSecretFields), key=lambda kind: kind.__name__)


def _below(kind: type[WithSecretFields]) -> set[type[WithSecretFields]]:
    found = set(kind.__subclasses__())
    return found.union(*(_below(each) for each in found))


@pytest.mark.parametrize("kind", _kinds(), ids=lambda kind: kind.__name__)
def test_a_secret_field_is_not_in_the_repr(kind: type[WithSecretFields]) -> None:
    names = {field.name for field in msgspec.structs.fields(kind)}
    assert kind.secret_fields
    assert kind.secret_fields <= names
    values = {name: SECRET if name in kind.secret_fields else "shown" for name in names}
    made = kind(**values)
    assert SECRET not in repr(made)
    assert repr(made).count("shown") == len(names - kind.secret_fields)
