"""What the dialect does not have, and what a query finds wrong with its object: AWS' codes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.select.parsing import MAX_STATEMENT, parse
from s3gw.select.query import CsvInput, Header, JsonInput, ParquetInput
from s3gw.wire.errors import S3Error
from tests.select.running import select

NAMED = CsvInput(header=Header.USE)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("", "ParseExpectedKeyword"),
        ("DROP TABLE x", "ParseExpectedKeyword"),
        ("SELECT FROM S3Object", "ParseEmptySelect"),
        ("SELECT *", "ParseSelectMissingFrom"),
        ("SELECT * FROM other", "InvalidTableAlias"),
        ("SELECT * FROM read_csv('/etc/passwd')", "InvalidTableAlias"),
        ("SELECT * FROM S3Object, S3Object", "MultipleDataSourcesUnsupported"),
        ("SELECT * FROM S3Object JOIN S3Object", "ParseMalformedJoin"),
        ("SELECT * FROM S3Object GROUP BY _1", "UnsupportedSqlStructure"),
        ("SELECT * FROM S3Object ORDER BY _1", "UnsupportedSqlStructure"),
        ("SELECT DISTINCT _1 FROM S3Object", "UnsupportedSqlStructure"),
        ("SELECT COUNT(DISTINCT _1) FROM S3Object", "UnsupportedSqlStructure"),
        ("SELECT (SELECT 1 FROM S3Object) FROM S3Object", "UnsupportedSqlStructure"),
        ("SELECT *, _1 FROM S3Object", "ParseAsteriskIsNotAloneInSelectList"),
        ("SELECT _1, * FROM S3Object", "ParseAsteriskIsNotAloneInSelectList"),
        ("SELECT * FROM S3Object LIMIT -1", "EvaluatorNegativeLimit"),
        ("SELECT * FROM S3Object LIMIT many", "ParseExpectedNumber"),
        ("SELECT * FROM S3Object; SELECT 1", "ParseUnexpectedToken"),
        ("SELECT * FROM S3Object WHERE", "ParseUnexpectedTerm"),
        ("SELECT * FROM S3Object WHERE _1 ==1", "ParseUnexpectedTerm"),
        ("SELECT * FROM S3Object WHERE _1 = 'x", "LexerInvalidLiteral"),
        ("SELECT * FROM S3Object WHERE _1 = #", "LexerInvalidChar"),
        ("SELECT * FROM S3Object -- all", "ParseUnexpectedToken"),
        ("SELECT getenv('HOME') FROM S3Object", "UnsupportedFunction"),
        ("SELECT SUM(*) FROM S3Object", "ParseUnsupportedCallWithStar"),
        ("SELECT SUM(_1, _2) FROM S3Object", "ParseNonUnaryAgregateFunctionCall"),
        ("SELECT COUNT() FROM S3Object", "ParseNonUnaryAgregateFunctionCall"),
        ("SELECT CAST(_1 AS BLOB) FROM S3Object", "ParseExpectedTypeName"),
        ("SELECT CAST(_1) FROM S3Object", "ParseExpectedKeyword"),
        ("SELECT EXTRACT(WEEK FROM _1) FROM S3Object", "ParseExpectedDatePart"),
        ("SELECT LOWER(_1, _2) FROM S3Object", "EvaluatorInvalidArguments"),
        ("SELECT LOWER(_1 FROM S3Object", "ParseExpectedRightParenBuiltinFunctionCall"),
        ("SELECT SUBSTRING(_1) FROM S3Object", "ParseExpectedArgumentDelimiter"),
        ("SELECT CASE ELSE 1 END FROM S3Object", "ParseExpectedWhenClause"),
        ("SELECT _1 IN 2 FROM S3Object", "ParseExpectedLeftParenValueConstructor"),
        ("SELECT s.a[-1] FROM S3Object s", "ParseInvalidPathComponent"),
        ("SELECT _1 AS SELECT FROM S3Object", "ParseExpectedIdentForAlias"),
        (f"SELECT {'(' * 100}1{')' * 100} FROM S3Object", "UnsupportedSqlStructure"),
        (f"SELECT '{'x' * MAX_STATEMENT}' FROM S3Object", "ExpressionTooLong"),
    ],
)  # fmt: skip
def test_statements_that_are_not_of_the_dialect(statement: str, code: str) -> None:
    with pytest.raises(S3Error) as error:
        parse(statement)
    assert error.value.code.name == code


def test_an_error_has_the_place() -> None:
    with pytest.raises(S3Error, match="Found word 'wehre' at line 2, column 17"):
        parse("SELECT *\nFROM S3Object s wehre s.x = 1")


def test_thousands_of_conditions_are_not_too_deep() -> None:
    conditions = " OR ".join(f"_1 = '{i}'" for i in range(5000))
    assert parse(f"SELECT * FROM S3Object WHERE {conditions}").where is not None


_WORDS = st.sampled_from(
    """SELECT FROM S3Object WHERE LIMIT AND OR NOT IN IS NULL MISSING LIKE ESCAPE BETWEEN CASE WHEN
    THEN ELSE END AS CAST ( ) [ ] , . * + - / % = < <= <> ; 1 1.5 'x' "x" `2020T` x _1 INT COUNT SUM
    SUBSTRING TRIM EXTRACT YEAR DATE_ADD COALESCE""".split()  # noqa: SIM905
)


@given(words=st.lists(_WORDS, max_size=25), text=st.text(max_size=5))
def test_no_statement_breaks_the_parser(words: list[str], text: str) -> None:
    with suppress(S3Error):
        parse(" ".join(["SELECT", *words]) + text)


DATA = b"n,N,m\n1,2,x\n"
LONG = b"x" * (2 << 20)


@pytest.mark.parametrize(
    ("statement", "data", "source", "code"),
    [
        ("SELECT none FROM S3Object", DATA, NAMED, "EvaluatorBindingDoesNotExist"),
        ("SELECT n FROM S3Object", DATA, NAMED, "AmbiguousFieldName"),
        ("SELECT _20000 FROM S3Object", DATA, NAMED, "OverMaxColumn"),
        ("SELECT CAST(m AS INT) FROM S3Object", DATA, NAMED, "CastFailed"),
        ("SELECT CAST('12345678901234567890' AS INT) FROM S3Object", DATA, NAMED,
         "IntegerOverflow"),
        ("SELECT 9223372036854775 * 1000 * 1000 FROM S3Object", DATA, NAMED, "IntegerOverflow"),
        ("SELECT SUM(m) FROM S3Object", DATA, NAMED, "CastFailed"),
        ("SELECT m, COUNT(*) FROM S3Object", DATA, NAMED, "UnsupportedSqlStructure"),
        ("SELECT SUM(COUNT(*)) FROM S3Object", DATA, NAMED, "UnsupportedSqlStructure"),
        ("SELECT m FROM S3Object WHERE COUNT(*) > 1", DATA, NAMED, "UnsupportedSqlStructure"),
        ("SELECT m FROM S3Object WHERE 1", DATA, NAMED, "IncorrectSqlFunctionArgumentType"),
        ("SELECT m FROM S3Object WHERE 1 LIKE 'x'", DATA, NAMED, "LikeInvalidInputs"),
        ("SELECT m FROM S3Object WHERE m LIKE 'x' ESCAPE '12'", DATA, NAMED, "LikeInvalidInputs"),
        ("SELECT TO_TIMESTAMP(m) FROM S3Object", DATA, NAMED, "ValueParseFailure"),
        ("SELECT CAST(UTCNOW() AS INT) FROM S3Object", DATA, NAMED, "InvalidCast"),
        ("SELECT TO_STRING(`2020T`, 'QQ') FROM S3Object", DATA, NAMED,
         "EvaluatorInvalidTimestampFormatPatternSymbol"),
        ("SELECT TO_STRING(`2020T`, 'y''') FROM S3Object", DATA, NAMED,
         "EvaluatorUnterminatedTimestampFormatPatternToken"),
        ("SELECT _1 FROM S3Object", b"a\nb\xff\n", CsvInput(), "InvalidTextEncoding"),
        ("SELECT _1 FROM S3Object", b"\xff\n", CsvInput(), "InvalidTextEncoding"),
        ("SELECT _1 FROM S3Object", LONG, CsvInput(), "OverMaxRecordSize"),
        ("SELECT _1 FROM S3Object", b"a\n" + LONG, CsvInput(), "OverMaxRecordSize"),
        ("SELECT * FROM S3Object", b"a\n" + b"," * 99, CsvInput(), "OverMaxColumn"),
        ("SELECT * FROM S3Object", b"a\nb;c\n\nd;;", CsvInput(record=";;"), "CSVParsingError"),
        ("SELECT * FROM S3Object", b'{"a":1}\n{bad}\n', JsonInput(lines=True), "JSONParsingError"),
        ("SELECT * FROM S3Object s WHERE s.a[*] = 1", b"{}", JsonInput(lines=True),
         "ParseInvalidPathComponent"),
        ("SELECT * FROM S3Object", b'{"a":"' + 4 * LONG + b'"}\n', JsonInput(lines=True),
         "OverMaxRecordSize"),
        ("SELECT * FROM S3Object", b"not Parquet at all", ParquetInput(), "ParquetParsingError"),
    ],
)  # fmt: skip
def test_what_a_query_finds_wrong(
    statement: str, data: bytes, source: CsvInput | JsonInput | ParquetInput, code: str
) -> None:
    pytest.importorskip("duckdb", reason="S3 Select needs DuckDB: pip install 's3gw[select]'")
    with pytest.raises(S3Error) as error:
        select(statement, data, source)
    assert error.value.code.name == code


@pytest.mark.parametrize(
    "text", ["x' OR 1=1 --", '"; SELECT 1', "$p1", "CAST($p1 AS VARCHAR)", "{x}", "\\", "%s", "❤"]
)
def test_texts_of_a_statement_are_never_sql(text: str) -> None:
    pytest.importorskip("duckdb", reason="S3 Select needs DuckDB: pip install 's3gw[select]'")
    literal = "'" + text.replace("'", "''") + "'"
    name = '"' + text.replace('"', '""') + '"'
    lines = JsonInput(lines=True)
    statement = f"SELECT CHAR_LENGTH({literal}), s.{name} FROM S3Object s WHERE s.{name} IS MISSING"
    assert select(statement, b'{"a": 1}\n', lines) == f"{len(text)},\n"
    with pytest.raises(S3Error, match="does not exist"):
        select(f"SELECT {name} FROM S3Object", b"a\n", NAMED)
