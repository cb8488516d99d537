"""How generated examples are drawn: by default the same ones in every run, so that a test that
begins to fail tells of a change; `make test ARGS=--hypothesis-profile=explore` draws others."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The machine that runs the tests may be busy, which says nothing about them.
_UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("explore", _UNHURRIED)
settings.register_profile("settled", _UNHURRIED, derandomize=True, database=None)
settings.load_profile("settled")
