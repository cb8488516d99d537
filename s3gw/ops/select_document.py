"""Document of SelectObjectContent, and the query that it describes.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_SelectObjectContent.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from s3gw.select.query import (
    Compression,
    CsvInput,
    CsvOutput,
    Header,
    JsonInput,
    JsonOutput,
    ParquetInput,
)
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document

E = TypeVar("E", bound=Enum)


@dataclass(frozen=True, slots=True)
class CsvInputElement:
    file_header_info: str | None = None
    record_delimiter: str | None = None
    field_delimiter: str | None = None
    quote_character: str | None = None
    quote_escape_character: str | None = None
    comments: str | None = None
    allow_quoted_record_delimiter: bool | None = None


@dataclass(frozen=True, slots=True)
class JsonInputElement:
    type: str | None = None


@dataclass(frozen=True, slots=True)
class ParquetElement:
    """It has no settings."""


@dataclass(frozen=True, slots=True)
class InputSerialization:
    compression_type: str | None = None
    csv: CsvInputElement | None = None
    json: JsonInputElement | None = None
    parquet: ParquetElement | None = None


@dataclass(frozen=True, slots=True)
class CsvOutputElement:
    quote_fields: str | None = None
    record_delimiter: str | None = None
    field_delimiter: str | None = None
    quote_character: str | None = None
    quote_escape_character: str | None = None


@dataclass(frozen=True, slots=True)
class JsonOutputElement:
    record_delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class OutputSerialization:
    csv: CsvOutputElement | None = None
    json: JsonOutputElement | None = None


@dataclass(frozen=True, slots=True)
class RequestProgress:
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class ScanRangeElement:
    """In bytes; both ends are included, and the end alone means the last so many."""

    start: int | None = None
    end: int | None = None


@document("SelectObjectContentRequest", empty=Code.EmptyRequestBody)
@dataclass(frozen=True, slots=True)
class SelectRequest:
    expression: str | None = None
    expression_type: str | None = None
    request_progress: RequestProgress | None = None
    input_serialization: InputSerialization | None = None
    output_serialization: OutputSerialization | None = None
    scan_range: ScanRangeElement | None = None

    @property
    def wants_progress(self) -> bool:
        return self.request_progress is not None and bool(self.request_progress.enabled)


def statement_of(request: SelectRequest) -> str:
    """Return the statement; raise for a request without one, or in another language."""
    if request.expression_type is None or not request.expression:
        raise missing("Expression" if request.expression_type else "ExpressionType")
    if request.expression_type.upper() != "SQL":
        raise S3Error(Code.InvalidExpressionType)
    return request.expression


def missing(element: str) -> S3Error:
    return S3Error(
        Code.MissingRequiredParameter, f"{Code.MissingRequiredParameter.message} It is {element}."
    )


def input_of(request: SelectRequest) -> tuple[CsvInput | JsonInput | ParquetInput, Compression]:
    """Return the format of the object and its compression."""
    given = request.input_serialization
    if given is None:
        raise missing("InputSerialization")
    found = [e for e in (given.csv, given.json, given.parquet) if e is not None]
    if len(found) > 1:
        raise S3Error(Code.ObjectSerializationConflict)
    compression = _choice(Compression, given.compression_type, Code.InvalidCompressionFormat)
    if given.csv is not None:
        return _csv_input(given.csv), compression
    if given.json is not None:
        if given.json.type is None or given.json.type.upper() not in ("LINES", "DOCUMENT"):
            raise S3Error(Code.InvalidJsonType)
        return JsonInput(lines=given.json.type.upper() == "LINES"), compression
    if given.parquet is None:
        raise S3Error(Code.InvalidDataSource)
    if compression is not Compression.NONE:
        raise S3Error(Code.InvalidCompressionFormat, _WHOLE_PARQUET)
    return ParquetInput(), compression


_WHOLE_PARQUET = "CompressionType must be NONE for Parquet: its columns have their own compression."


def _csv_input(given: CsvInputElement) -> CsvInput:
    quote = _character("QuoteCharacter", given.quote_character, '"', fewest=0)
    return CsvInput(
        header=_choice(Header, given.file_header_info, Code.InvalidFileHeaderInfo),
        record=_character("RecordDelimiter", given.record_delimiter, "\n", most=2),
        field=_character("FieldDelimiter", given.field_delimiter, ","),
        quote=quote,
        escape=_character("QuoteEscapeCharacter", given.quote_escape_character, '"', fewest=0),
        comment=_character("Comments", given.comments, "", fewest=0),
    )


def output_of(request: SelectRequest) -> CsvOutput | JsonOutput:
    """Return the format of the result."""
    given = request.output_serialization
    if given is None:
        raise missing("OutputSerialization")
    if given.csv is not None and given.json is not None:
        raise S3Error(Code.ObjectSerializationConflict)
    if given.json is not None:
        return JsonOutput(_delimiter(given.json.record_delimiter))
    if given.csv is None:
        raise missing("OutputSerialization")
    quote_fields = (given.csv.quote_fields or "ASNEEDED").upper()
    if quote_fields not in ("ALWAYS", "ASNEEDED"):
        raise S3Error(Code.InvalidQuoteFields)
    quote = _character("QuoteCharacter", given.csv.quote_character, '"')
    return CsvOutput(
        quote_all=quote_fields == "ALWAYS",
        record=_delimiter(given.csv.record_delimiter),
        field=_character("FieldDelimiter", given.csv.field_delimiter, ","),
        quote=quote,
        escape=_character("QuoteEscapeCharacter", given.csv.quote_escape_character, quote),
    )


def _delimiter(given: str | None) -> str:
    return _character("RecordDelimiter", given, "\n", fewest=0, most=2)


def _character(
    name: str, given: str | None, default: str, *, fewest: int = 1, most: int = 1
) -> str:
    text = default if given is None else given
    if fewest <= len(text) <= most and "\0" not in text:
        return text
    count = "1 character" if most == 1 else f"at most {most} characters"
    message = f"{Code.InvalidRequestParameter.message} {name} has {count}."
    raise S3Error(Code.InvalidRequestParameter, message)


def _choice(kind: type[E], given: str | None, code: Code) -> E:
    text = "NONE" if given is None else given.upper()
    if text not in kind.__members__:
        raise S3Error(code)
    return kind[text]
