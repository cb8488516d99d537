"""Text of any script in headers: encoded words, and names of files.

Header values are latin-1 inside the program, whatever bytes they have; text is in UTF-8. Metadata
may come as encoded words (`=?UTF-8?Q?=C3=84?=`), is stored decoded, and goes out as one encoded
word if it has anything but printable ASCII: clients that accept ASCII alone cannot read an object
with other bytes in its headers. A file name goes out twice, in ASCII and in full.

    x-amz-meta-name: =?UTF-8?Q?=C3=84pfel?=
    Content-Disposition: attachment; filename="_pfel.txt"; filename*=UTF-8''%C3%84pfel.txt

The words are those of AWS: Q unless most characters need an escape, and never cut at 75 characters.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
"""

from __future__ import annotations

import base64
import re
from urllib.parse import quote

_PLAIN = re.compile("[\t\x20-\x7e]*")
_WORD = re.compile(r"=\?([A-Za-z0-9-]{1,20})(?:\*[A-Za-z-]{0,20})?\?([QqBb])\?([^?\s]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t]+(?==\?)")
_CHARSETS = re.compile(r"utf-?8|us-ascii|iso-8859-[0-9]{1,2}|windows-125[0-9]", re.IGNORECASE)
_ESCAPED_BYTE = re.compile(rb"=([0-9A-Fa-f]{2})")
_Q_PLAIN = frozenset(range(0x21, 0x7F)) - frozenset(b"=_?")
_FILENAME = re.compile(
    r'((?:^|;)\s*filename\s*=\s*)("(?:[^"\\]|\\.)*"|[^;]*)', re.IGNORECASE | re.DOTALL
)
_EXTENDED = re.compile(r"(?:^|;)\s*filename\*\s*=", re.IGNORECASE)
_NOT_IN_HEADERS = re.compile("[^\t\x20-\x7e]")
# RFC 8187's characters that a parameter holds as they are.
_ATTRIBUTE = "!#$&+-.^_`|~"


def decoded_words(value: str) -> str:
    """Return the value with its encoded words decoded. A value with a word that cannot be decoded
    stays as it is."""
    if "=?" not in value:
        return value
    try:
        return _WORD.sub(_decoded_word, _BETWEEN_WORDS.sub(r"\1", value))
    except ValueError:
        return value


def _decoded_word(word: re.Match[str]) -> str:
    """Return the text of a word. Raise `ValueError`."""
    charset, encoding, text = word[1], word[2], word[3].encode("latin-1")
    if not _CHARSETS.fullmatch(charset):
        raise ValueError(charset)
    if encoding in "Bb":
        raw = base64.b64decode(text, validate=True)
    else:
        raw = _ESCAPED_BYTE.sub(lambda e: bytes([int(e[1], 16)]), text.replace(b"_", b" "))
    return raw.decode(charset).encode().decode("latin-1")


def is_plain(value: str) -> bool:
    """Whether a header can have the value as it is, for any client."""
    return _PLAIN.fullmatch(value) is not None and value == value.strip(" \t")


def encoded_word(value: str) -> str:
    """Return a plain value as it is, and any other as one encoded word."""
    if is_plain(value):
        return value
    text = _text_of(value)
    plain = sum(1 for c in text if _PLAIN.fullmatch(c))
    if plain * 2 <= len(text):
        return f"=?UTF-8?B?{base64.b64encode(text.encode()).decode()}?="
    pieces = [chr(b) if b in _Q_PLAIN else _q_escape(b) for b in text.encode()]
    return f"=?UTF-8?Q?{''.join(pieces)}?="


def _q_escape(byte: int) -> str:
    return "_" if byte == 0x20 else f"={byte:02X}"


def content_disposition(value: str) -> str:
    """Return the header in ASCII: the file name with a substitute for each other character, and
    in full beside it."""
    if is_plain(value):
        return value
    text = _text_of(value)
    name = _FILENAME.search(text)
    if name is not None and not _EXTENDED.search(text) and not is_plain(name[2]):
        full = quote(_unquoted(name[2]), safe=_ATTRIBUTE)
        text = f"{text[: name.end()]}; filename*=UTF-8''{full}{text[name.end() :]}"
    return _NOT_IN_HEADERS.sub("_", text).strip(" \t")


def _unquoted(parameter: str) -> str:
    if parameter.startswith('"'):
        return re.sub(r"\\(.)", r"\1", parameter[1:-1], flags=re.DOTALL)
    return parameter.strip()


def _text_of(value: str) -> str:
    """Return the text of a header's bytes: UTF-8, or else latin-1."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value
