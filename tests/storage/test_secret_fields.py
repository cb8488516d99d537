"""Values with a secret do not show it."""

from __future__ import annotations

import importlib
import pkgutil

import msgspec
import pytest

import s3gw
import storage
from storage.secret_fields import WithSecretFields

SECRET = "hidden7f3aAA"


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


# Fields that take some values only.
CHOICES = {"addressing": "path", "endpoint": "https://blob.example", "root": "/folder"}


@pytest.mark.parametrize("kind", _kinds(), ids=lambda kind: kind.__name__)
def test_a_secret_field_is_not_in_the_repr(kind: type[WithSecretFields]) -> None:
    fields = msgspec.structs.fields(kind)
    names = {field.name for field in fields}
    assert kind.secret_fields
    assert kind.secret_fields <= names
    # A default that is not empty may be the only kind of value that the field takes.
    shown = {field.name for field in fields if field.required}
    shown |= {field.name for field in fields if field.default == ""}
    shown -= kind.secret_fields | CHOICES.keys()
    values = dict.fromkeys(kind.secret_fields, SECRET) | dict.fromkeys(shown, "shown")
    made = kind(**values, **{name: CHOICES[name] for name in CHOICES.keys() & names})
    assert SECRET not in repr(made)
    assert repr(made).count("shown") == len(shown)
