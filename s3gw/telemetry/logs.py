"""Server log on stderr: constant text first, values as fields.

There is one line per event. A field is what a caller passes in `extra`. Lines that a request causes
have its `request_id`. Secrets, signatures and tokens must not be passed.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

import msgspec

from s3gw.telemetry.request_id import REQUEST_ID

# The standard fields of a record; all others came in `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up_logging(level: str, style: str, stream: TextIO = sys.stderr) -> None:
    """Log to `stream` from `level` up; `style` is `json` or `text`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def set_log_level(level: str) -> None:
    """Set the level from now on, for the whole process."""
    logging.getLogger().setLevel(level.upper())


def choose_style(style: str, stream: TextIO) -> str:
    """Return `json` or `text`; `auto` is text on a terminal and JSON elsewhere."""
    if style != "auto":
        return style
    return "text" if stream.isatty() else "json"


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": timestamp(record.created),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


class TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f"  {name}={value}" for name, value in _fields(record).items())
        head = f"{timestamp(record.created)} {record.levelname.lower():7}"
        line = f"{head} {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def timestamp(seconds: float) -> str:
    """Format a time as RFC 3339 in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    if "request_id" not in fields and (request_id := REQUEST_ID.get()):
        fields["request_id"] = request_id
    return fields
