"""`docs/s3.md` says what the code does."""

from __future__ import annotations

from pathlib import Path

from s3gw.cli.coverage import operations_table

PAGE = Path(__file__).parents[2] / "docs" / "s3.md"


def test_the_table_of_operations_is_the_one_that_the_code_makes() -> None:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- made by")
    table = rest.partition("-->\n")[2].partition("<!-- end -->")[0]
    assert table.strip() == operations_table().strip()
