"""Statements of S3 Select over CSV, JSON and Parquet, each with its result."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import itertools
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from s3gw.select.query import (
    Compression,
    CsvInput,
    CsvOutput,
    Header,
    JsonInput,
    JsonOutput,
    ParquetInput,
    ScanRange,
)
from s3gw.wire.errors import S3Error
from tests.select.running import BOUNDS, select

pytest.importorskip("duckdb", reason="S3 Select needs DuckDB: pip install 's3gw[select]'")

PEOPLE = b'name,age,city\nann,31,Rome\nbob,7,"Paris, FR"\ncy,,Oslo\n'
NAMED = CsvInput(header=Header.USE)
LINES = JsonInput(lines=True)
DOCUMENT = JsonInput(lines=False)
JSON = JsonOutput()
DOCUMENTS = b'{"a": 1.5, "b": {"c": [1, 2, null]}, "s": "x\\"y", "n": null}\n{"A": 3, "s": "z"}\n'


@pytest.mark.parametrize(
    ("statement", "result"),
    [
        ("SELECT * FROM S3Object", 'ann,31,Rome\nbob,7,"Paris, FR"\ncy,,Oslo\n'),
        ("select s.* from s3object s", 'ann,31,Rome\nbob,7,"Paris, FR"\ncy,,Oslo\n'),
        ("SELECT s._2, s.NAME FROM S3Object s LIMIT 1", "31,ann\n"),
        ('SELECT "name" FROM S3Object WHERE s3object."city" = \'Rome\';', "ann\n"),
        ("SELECT name FROM S3Object WHERE age > 8", "ann\n"),
        ("SELECT name FROM S3Object WHERE age = 7.0", "bob\n"),
        ("SELECT name FROM S3Object WHERE 10 > age", "bob\n"),
        ("SELECT name FROM S3Object WHERE age BETWEEN 7 AND 31", "ann\nbob\n"),
        ("SELECT name FROM S3Object WHERE age NOT BETWEEN 8 AND 31", "bob\n"),
        ("SELECT name FROM S3Object WHERE city IN ('Oslo', 'Rome')", "ann\ncy\n"),
        ("SELECT name FROM S3Object WHERE age IN (31, 5)", "ann\n"),
        ("SELECT name FROM S3Object WHERE name LIKE '_o%'", "bob\n"),
        ("SELECT name FROM S3Object WHERE name NOT LIKE '%n%'", "bob\ncy\n"),
        ("SELECT name FROM S3Object WHERE age = ''", "cy\n"),
        ("SELECT name FROM S3Object WHERE _4 IS MISSING", "ann\nbob\ncy\n"),
        ("SELECT name FROM S3Object WHERE _3 IS NOT NULL LIMIT 2", "ann\nbob\n"),
        ("SELECT name FROM S3Object WHERE NOT (age = '' OR name = 'ann')", "bob\n"),
        ("SELECT name FROM S3Object LIMIT 0", ""),
        ("SELECT COUNT(*), COUNT(_4), COUNT(0) FROM S3Object", "3,0,3\n"),
        ("SELECT SUM(CAST(age AS INT)), MIN(age), MAX(age), AVG(age) FROM S3Object "
         "WHERE age <> ''", "38,7,31,19\n"),
        ("SELECT MAX(CAST(age AS INT)) - MIN(CAST(age AS INT)) FROM S3Object WHERE age <> ''",
         "24\n"),
        ("SELECT 1 + 2 * 3, -(4 - 6) % 3, 7 / 2, 7.0 / 2, age * 2 FROM S3Object LIMIT 1",
         "7,2,3,3.5,62\n"),
        ("SELECT CASE WHEN age > 9 THEN 'old' ELSE 'young' END FROM S3Object",
         "old\nyoung\nyoung\n"),
        ("SELECT CASE name WHEN 'ann' THEN 1 WHEN 'bob' THEN 2 END FROM S3Object", "1\n2\n\n"),
        ("SELECT COALESCE(NULL, _4, name), NULLIF(name, 'ann') FROM S3Object LIMIT 2",
         "ann,\nbob,bob\n"),
        ("SELECT UPPER(name), LOWER(city), CHAR_LENGTH(city) FROM S3Object LIMIT 1",
         "ANN,rome,4\n"),
        ("SELECT SUBSTRING(city, 2), SUBSTRING(city FROM 2 FOR 2), SUBSTRING(city, -1, 3) "
         "FROM S3Object LIMIT 1", "ome,om,R\n"),
        ("SELECT TRIM('  x '), TRIM(LEADING 'a' FROM name), TRIM(BOTH FROM ' y ') "
         "FROM S3Object LIMIT 1", "x,nn,y\n"),
        ("SELECT CAST('5' AS INT) + 1, CAST(1 AS BOOL), CAST('1.50' AS DECIMAL(9, 2)), "
         "CAST(2.0 AS STRING), CAST(7.9 AS INT) FROM S3Object LIMIT 1", "6,true,1.5,2,7\n"),
        ("SELECT TRUE, NULL, MISSING, 'it''s', 1e3 FROM S3Object LIMIT 1", "true,,,it's,1000\n"),
    ],
)  # fmt: skip
def test_statements_over_csv(statement: str, result: str) -> None:
    assert select(statement, PEOPLE, NAMED) == result


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("TO_TIMESTAMP('2007-02-23T12:14:33.079-08:00')", "2007-02-23T12:14:33.079-08:00"),
        ("CAST('2007-02-23' AS TIMESTAMP)", "2007-02-23T00:00:00Z"),
        ("TO_STRING(`1969-07-20T20:18Z`, 'MMMM d, y')", '"July 20, 1969"'),
        ("TO_STRING(`1969-07-20T20:18Z`, 'MMM d, yyyy')", '"Jul 20, 1969"'),
        ("TO_STRING(`1969-07-20T20:18Z`, 'M-d-yy')", "7-20-69"),
        ("TO_STRING(`1969-07-20T20:18Z`, 'MM-d-y')", "07-20-1969"),
        ("TO_STRING(`1969-07-20T20:18Z`, 'MMMM d, y h:m a')", '"July 20, 1969 8:18 PM"'),
        ("TO_STRING(`1969-07-20T20:18Z`, 'y-MM-dd''T''H:m:ssX')", "1969-07-20T20:18:00Z"),
        ("TO_STRING(`1969-07-20T20:18+08:00`, 'y-MM-dd''T''H:m:ssX')", "1969-07-20T20:18:00+08"),
        ("TO_STRING(`1969-07-20T20:18+08:00`, 'y-MM-dd''T''H:m:ssXXXX')",
         "1969-07-20T20:18:00+0800"),
        ("TO_STRING(`1969-07-20T20:18+08:00`, 'y-MM-dd''T''H:m:ss.SSSXXXXX')",
         "1969-07-20T20:18:00.000+08:00"),
        ("EXTRACT(YEAR FROM `2010-01-01T`)", "2010"),
        ("EXTRACT(HOUR FROM `2017-01-02T03:04:05+07:08`)", "3"),
        ("EXTRACT(TIMEZONE_HOUR FROM `2017-01-02T03:04:05+07:08`)", "7"),
        ("EXTRACT(TIMEZONE_MINUTE FROM `2017-01-02T03:04:05+07:08`)", "8"),
        ("DATE_ADD(YEAR, 5, `2010-01-01T`)", "2015-01-01T00:00:00Z"),
        ("DATE_ADD(MONTH, -1, `2010-01-01T`)", "2009-12-01T00:00:00Z"),
        ("DATE_ADD(DAY, 30, `2017-01-10T`)", "2017-02-09T00:00:00Z"),
        ("DATE_DIFF(YEAR, `2010-01-01T`, `2011-01-01T`)", "1"),
        ("DATE_DIFF(MONTH, `2010T`, `2011T`)", "12"),
        ("DATE_DIFF(MONTH, `2011T`, `2010T`)", "-12"),
        ("DATE_DIFF(DAY, `2010-01-01T23:00Z`, `2010-01-02T01:00Z`)", "0"),
        ("UTCNOW() > `2020T`", "true"),
        ("`2020-01-01T01:00+01:00` = `2020-01-01T00:00Z`", "true"),
    ],
)  # fmt: skip
def test_date_functions_as_in_the_reference(expression: str, result: str) -> None:
    assert select(f"SELECT {expression} FROM S3Object LIMIT 1", b"x\n") == f"{result}\n"


@pytest.mark.parametrize(
    ("statement", "result"),
    [
        ("SELECT s.name, s.age AS years FROM S3Object s LIMIT 1",
         '{"name":"ann","years":"31"}\n'),
        ("SELECT s._3, age + 1, 2.5, _9 FROM S3Object s LIMIT 1",
         '{"_3":"Rome","_2":32,"_3":2.5}\n'),
        ("SELECT * FROM S3Object LIMIT 1", '{"name":"ann","age":"31","city":"Rome"}\n'),
        ("SELECT COUNT(*) c, NULL n FROM S3Object", '{"c":3,"n":null}\n'),
    ],
)  # fmt: skip
def test_csv_as_json(statement: str, result: str) -> None:
    assert select(statement, PEOPLE, NAMED, JSON) == result


@pytest.mark.parametrize(
    ("statement", "result"),
    [
        ("SELECT * FROM S3Object",
         '{"a":1.5,"b":{"c":[1,2,null]},"s":"x\\"y","n":null}\n{"A":3,"s":"z"}\n'),
        ("SELECT s.a, s.b.c[1], s.n, s.none FROM S3Object[*] s",
         '{"a":1.5,"_2":2,"n":null}\n{"a":3}\n'),
        ('SELECT s."a" FROM S3Object s', '{"a":1.5}\n{}\n'),
        ("SELECT s['s'] FROM S3Object s WHERE s.a > 2", '{"s":"z"}\n'),
        ("SELECT SUM(s.a) total FROM S3Object s", '{"total":4.5}\n'),
        ("SELECT COUNT(*) n FROM S3Object s WHERE s.n IS NULL", '{"n":2}\n'),
        ("SELECT COUNT(*) n FROM S3Object s WHERE s.n IS MISSING", '{"n":1}\n'),
        ("SELECT * FROM S3Object[*].b.c[*]", '{"_1":1}\n{"_1":2}\n{"_1":null}\n{}\n'),
        ("SELECT s.s FROM S3Object s WHERE s.s = 'z' AND s.a = 3", '{"s":"z"}\n'),
        ("SELECT COALESCE(s.n, 'none') x FROM S3Object s LIMIT 1", '{"x":"none"}\n'),
        ("SELECT COUNT(*) c FROM S3Object s WHERE s.b.c[0] = s.b.c[1] - 1", '{"c":1}\n'),
    ],
)  # fmt: skip
def test_statements_over_json_lines(statement: str, result: str) -> None:
    assert select(statement, DOCUMENTS, LINES, JSON) == result


def test_a_json_document_has_records_inside() -> None:
    data = b'{"root": [\n {"a": 1, "l": [10, 20]},\n {"a": 2}\n]}'
    assert select("SELECT r.a FROM S3Object[*].root[*] r", data, DOCUMENT) == "1\n2\n"
    assert select("SELECT * FROM S3Object[*].root[0].l[*]", data, DOCUMENT, JSON) == (
        '{"_1":10}\n{"_1":20}\n'
    )
    assert select("SELECT * FROM S3Object[*].*", b'{"x": {"a": 1}, "y": {"a": 2}}', DOCUMENT) == (
        "1\n2\n"
    )


def test_json_as_csv_has_the_members_in_their_order() -> None:
    assert select("SELECT * FROM S3Object", DOCUMENTS, LINES) == (
        '1.5,"{""c"":[1,2,null]}","x""y",\n3,z\n'
    )


def parquet() -> bytes:
    pa = pytest.importorskip("pyarrow", reason="Parquet files are made by pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    columns: dict[str, list[Any]] = {
        "i": list(range(10)),
        "f": [1.5, None, *range(8)],
        "s": [f"row {i}" for i in range(10)],
        "n": [{"x": i} for i in range(10)],
        "l": [[i, i + 1] for i in range(10)],
        "b": [i % 2 == 0 for i in range(10)],
    }
    written = io.BytesIO()
    pq.write_table(pa.table(columns), written, row_group_size=4)
    return written.getvalue()


@pytest.mark.parametrize(
    ("statement", "result"),
    [
        ("SELECT * FROM S3Object LIMIT 1", '0,1.5,row 0,"{""x"":0}","[0,1]",true\n'),
        ("SELECT s.i + 1, s.n.x, s.l[1] FROM S3Object s WHERE s.s = 'row 3'", "4,3,4\n"),
        ("SELECT COUNT(*) FROM S3Object WHERE b = TRUE AND f IS NOT NULL", "5\n"),
        ("SELECT SUM(i), AVG(f) FROM S3Object WHERE i < '4'", "6,0.8333333333333334\n"),
    ],
)  # fmt: skip
def test_statements_over_parquet(statement: str, result: str) -> None:
    assert select(statement, parquet(), ParquetInput()) == result


def test_a_scan_of_parquet_has_the_row_groups_that_begin_in_it() -> None:
    data = parquet()
    counted = "SELECT COUNT(*) FROM S3Object"
    half = len(data) // 4
    parts = [ScanRange(0, half), ScanRange(half, len(data))]
    counts = [int(select(counted, data, ParquetInput(), scan=part)) for part in parts]
    assert sum(counts) == 10
    assert select(counted, data, ParquetInput(), scan=ScanRange(0, 5)) == "4\n"


@pytest.mark.parametrize(
    ("source", "data", "result"),
    [
        (CsvInput(field=";", quote="'"), b"a;'b;c'\n", "a|b;c\n"),
        (CsvInput(escape="\\"), b'x,"a\\"b"\n', 'x|"a""b"\n'),
        (CsvInput(comment="#"), b"#no\na,b\n#no\nc,d\n", "a|b\nc|d\n"),
        (CsvInput(header=Header.IGNORE), b"n,m\na,b\n", "a|b\n"),
        (CsvInput(quote=""), b'"a,b"\n', '"""a"|"b"""\n'),
        (CsvInput(record="\t", field="|"), b"a|b\nb\tc|d\t", 'a|"b\nb"\nc|d\n'),
        (CsvInput(record=";;"), b"a,b;;c,d;;", "a|b\nc|d\n"),
        (CsvInput(record="é"), "a,béc,dé".encode(), "a|b\nc|d\n"),
        (CsvInput(record="\r\n"), b"a,b\r\nc,d\r\n", "a|b\nc|d\n"),
        (CsvInput(), b"a,b\r\nc,d\r\n", "a|b\nc|d\n"),
        (CsvInput(), b'a,"b\nb"\nc,d', 'a|"b\nb"\nc|d\n'),
        (CsvInput(), b"a,b\nc\n\nd,e,f\n", "a|b\nc\nd|e|f\n"),
        (CsvInput(), "\ufeffä,ö\n".encode(), "ä|ö\n"),
        (CsvInput(), b"", ""),
    ],
)
def test_csv_of_other_forms(source: CsvInput, data: bytes, result: str) -> None:
    output = CsvOutput(field="|", quote='"' if "'" not in source.quote else "'")
    assert select("SELECT * FROM S3Object", data, source, output) == result


def test_the_result_is_quoted_as_wanted() -> None:
    every = CsvOutput(quote_all=True, field=";", quote="'", escape="'", record="!")
    assert select("SELECT name, city FROM S3Object LIMIT 2", PEOPLE, NAMED, every) == (
        "'ann';'Rome'!'bob';'Paris, FR'!"
    )
    escaped = CsvOutput(escape="\\")
    assert select("SELECT 'a\"b,' FROM S3Object LIMIT 1", PEOPLE, NAMED, escaped) == '"a\\"b,"\n'


@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.BZIP2])
def test_compressed_files_of_several_members(compression: Compression) -> None:
    compress = gzip.compress if compression is Compression.GZIP else bz2.compress
    data = compress(PEOPLE[:20]) + compress(PEOPLE[20:])
    assert select("SELECT name FROM S3Object", data, NAMED, compression=compression) == (
        "ann\nbob\ncy\n"
    )
    for broken, code in ((PEOPLE, "InvalidCompressionFormat"), (data[:-9], "TruncatedInput")):
        with pytest.raises(S3Error) as error:
            select("SELECT name FROM S3Object", broken, NAMED, compression=compression)
        assert error.value.code.name == code


ROWS = b"".join(b"%d,%s\n" % (i, b"x" * (i % 7)) for i in range(50))


@given(cuts=st.lists(st.integers(1, len(ROWS) - 1), max_size=4, unique=True).map(sorted))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_scan_ranges_side_by_side_have_each_record_once(cuts: list[int]) -> None:
    edges = [0, *cuts, len(ROWS)]
    found = ""
    for start, stop in itertools.pairwise(edges):
        data = ROWS[max(start - 1, 0) :]
        found += select("SELECT * FROM S3Object", data, scan=ScanRange(start, stop))
    assert found == ROWS.decode()


def test_a_scan_that_begins_later_has_the_names_of_the_head() -> None:
    scan = ScanRange(20, len(PEOPLE))
    statement = "SELECT s.name FROM S3Object s"
    assert select(statement, PEOPLE[19:], NAMED, scan=scan, head=PEOPLE) == "bob\ncy\n"


_FIELDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\x01"), max_size=6)


@given(rows=st.lists(st.lists(_FIELDS, min_size=1, max_size=4), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_csv_comes_back_as_it_was(rows: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    text = written.getvalue()
    if not text.startswith("\ufeff"):
        every = CsvOutput(quote_all=True)
        assert select("SELECT * FROM S3Object", text.encode(), output=every) == text


_VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
_OBJECTS = st.dictionaries(st.text(max_size=4), _VALUES, max_size=3)


@given(records=st.lists(_OBJECTS, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_json_comes_back_as_it_was(records: list[dict[str, Any]]) -> None:
    data = "".join(json.dumps(record) + "\n" for record in records)
    result = select("SELECT * FROM S3Object", data.encode(), LINES, JSON)
    assert [json.loads(line) for line in result.split("\n")[:-1]] == records


def test_whole_numbers_of_many_digits_are_exact() -> None:
    data = b"9007199254740993\n9007199254740992\n"
    statement = "SELECT _1 FROM S3Object WHERE _1 = 9007199254740993"
    assert select(statement, data) == "9007199254740993\n"


def test_a_condition_before_a_cast_protects_it() -> None:
    data = b"".join(b"%d,x\nnone,y\n" % i for i in range(5000))
    for statement in (
        "SELECT COUNT(*) FROM S3Object WHERE _2 = 'x' AND CAST(_1 AS INT) >= 4000",
        "SELECT SUM(CAST(_1 AS INT)) - SUM(CAST(_1 AS INT)) + 1000 FROM S3Object WHERE _2 = 'x'",
    ):
        assert select(statement, data) == "1000\n"


def test_a_csv_may_be_longer_than_the_memory() -> None:
    text = b"1,2\n" * (1 << 20)
    assert select("SELECT COUNT(*) FROM S3Object", text * 80) == f"{80 << 20}\n"


def test_the_first_records_do_not_need_the_others() -> None:
    text = b"1,2\n" * (1 << 20)
    bounds = replace(BOUNDS, spool_folder="/nowhere")
    assert select("SELECT * FROM S3Object LIMIT 2", text * 80, bounds=bounds) == "1,2\n1,2\n"


def test_json_lines_may_be_longer_than_the_memory() -> None:
    text = b'{"a": 1, "b": "xyz"}\n' * (1 << 18)
    found = select("SELECT COUNT(*) FROM S3Object", text * 40, JsonInput(lines=True))
    assert found == f"{40 << 18}\n"
