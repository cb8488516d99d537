"""Claims of the contract that another cluster does not keep, with the reason.

The name of a test, or with its parameter in brackets one case of it.
"""

from __future__ import annotations

from collections.abc import Mapping

AIS: Mapping[str, str] = {}
