"""SQLite's write-ahead log: its frames, and whether damage hides some that were acknowledged.

A header of 32 bytes has two salts; then come frames: page number, size of the database if the frame
ends a transaction, the salts again, two sums, the page. The sums continue those of the frame
before, so SQLite reads up to the first frame that does not fit and takes the rest for leftovers.
One flipped bit drops all that was committed behind it, and the next checkpoint overwrites it.

Each frame can also be checked against the sums that are *written* in the frame before. So frames
behind a damaged one are known to belong to this log if they have its salts and fit one another.

What may honestly stand behind a frame that does not fit:

* Leftovers of earlier rounds of the log: they have other salts.
* Leftovers of a transaction that was rolled back, or whose process was killed: the salts of this
  log, but no frame that ends a transaction, because its end is written last.
* Leftovers of a transaction whose sync the disk refused: all of it, with its end, and what was
  committed in its place is shorter. Nothing follows that end among frames that fit one another,
  because the next transaction was written over the beginning.
* After a loss of power, a transaction whose writes were not synced yet, and reached the disk in any
  order. The log is synced at the end of each transaction and there is one writer, so this is one
  transaction, the last; and where its writes are missing there are blocks of 4 KiB with the zeros
  or the older frames that were there before. A frame has 4120 bytes: nearly every block has the
  head of one.

So acknowledged transactions are at stake when behind the first frame that does not fit there are
two ends of transactions; or one, and every frame up to it has the salts; or when one flipped bit is
all that keeps a frame from fitting. A last transaction with a whole block overwritten looks like
the work of a power loss, and one with a ruined frame like a refused sync; whoever counts commits
elsewhere can tell (`counted=True`). Where commits are not synced (`synced=False`), several
transactions may be missing blocks.

https://sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from storage.sqlite.checksums import Sums, checksum_of, differ_in_one_bit

PAGE_BYTES = 4096
_HEADER = 32
_HEAD = 24
_FRAME = _HEAD + PAGE_BYTES
_WORDS = (8 + PAGE_BYTES) // 4
_BIG = 0x377F0683
_VERSION = 3007000


class State(Enum):
    """`MENDED`: one bit was wrong, and it is known which; `DOUBTFUL`: one bit, but it is not known
    which. `FOREIGN`: not of this log."""

    WHOLE = "whole"
    MENDED = "mended"
    DOUBTFUL = "doubtful"
    BAD = "bad"
    FOREIGN = "foreign"


_BELONGS = (State.WHOLE, State.MENDED, State.DOUBTFUL)


class Frame(Struct, frozen=True):
    """`size` is that of the database, in pages, after the transaction that ends here; 0 in other
    frames."""

    number: int
    page: int
    size: int
    content: bytes
    state: State

    @property
    def is_end(self) -> bool:
        return self.size > 0 and self.state in _BELONGS


class _Header(Struct, frozen=True):
    order: str
    salts: Sums
    seed: Sums
    whole: bool


class Damage(Struct, frozen=True):
    """The first frame that does not fit, and the ends of transactions that are cut off with it."""

    frame: int
    transactions: int


def log_of(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")


def find_damage(
    log: Path, readable: int = 0, *, synced: bool = True, counted: bool = False
) -> Damage | None:
    """What would be lost if SQLite used the log; `readable` frames are known to be whole. With
    `counted`, the caller notices a lost transaction by its count, and leftovers are none."""
    with open(log, "rb") as file:
        header = _read_header(file)
        if header is None:
            return None
        frames = list(_frames(file, header, readable))
    first = 0 if not header.whole else _first_unfit(frames)
    ends = [place for place, frame in enumerate(frames) if place >= first and frame.is_end]
    if not ends:
        return None
    cut = frames[first : ends[-1] + 1]
    is_flip = not header.whole or any(f.state in (State.MENDED, State.DOUBTFUL) for f in cut)
    was_unwritten = any(frame.state is State.FOREIGN for frame in cut)
    if not is_flip and was_unwritten and (len(ends) == 1 or not synced):
        return None
    if not is_flip and counted and _may_be_leftovers(cut):
        return None
    return Damage(readable + first + 1, len(ends))


def _may_be_leftovers(frames: Sequence[Frame]) -> bool:
    """Whether each run of frames that fit one another has at most one end, and nothing after it."""
    ended = False
    for frame in frames:
        if frame.state is not State.WHOLE:
            ended = False
        elif ended:
            return False
        ended = ended or frame.is_end
    return True


def replay(log: Path) -> list[Frame]:
    """Every frame up to the last end of a transaction, also behind damage."""
    if not log.exists():
        return []
    with open(log, "rb") as file:
        header = _read_header(file)
        frames = list(_frames(file, header, 0)) if header else []
    last = max((place for place, frame in enumerate(frames) if frame.is_end), default=-1)
    return frames[: last + 1]


def _first_unfit(frames: Sequence[Frame]) -> int:
    unfit = (place for place, frame in enumerate(frames) if frame.state is not State.WHOLE)
    return next(unfit, len(frames))


def _read_header(file: BinaryIO) -> _Header | None:
    """None for a log without frames."""
    raw = file.read(_HEADER)
    if len(raw) < _HEADER:
        return None
    magic, version, page_bytes, _, *rest = struct.unpack(">8I", raw)
    stored, order = (rest[2], rest[3]), ">" if magic == _BIG else "<"
    right = checksum_of(6).of(struct.unpack(f"{order}6I", raw[:24]))
    if right == stored and (version, page_bytes) == (_VERSION, PAGE_BYTES):
        return _Header(order, (rest[0], rest[1]), stored, whole=True)
    salts = _salts_of_neighbours(file)
    if salts is None:
        return None
    guessed = [_Header(each, salts, seed, whole=False) for each in "<>" for seed in (stored, right)]
    fits = (each for each in guessed if _begins_whole(file, each))
    return next(fits, guessed[0])


def _salts_of_neighbours(file: BinaryIO) -> Sums | None:
    """For a log whose header is damaged: the first salts that two frames in turn have."""
    last: Sums = (0, 0)
    for raw in _slots(file, 0):
        salts = _pair(raw, 8)
        if salts == last != (0, 0):
            return salts
        last = salts
    return None if last == (0, 0) else last


def _begins_whole(file: BinaryIO, header: _Header) -> bool:
    frame = next(_frames(file, header, 0), None)
    return frame is not None and frame.state is State.WHOLE


def _frames(file: BinaryIO, header: _Header, after: int) -> Iterator[Frame]:
    seed = header.seed
    if after:
        file.seek(_HEADER + (after - 1) * _FRAME)
        head = file.read(_HEAD)
        if len(head) < _HEAD:
            return  # another process, without a server's lock, has just written it back
        seed = _pair(head, 16)
    for number, raw in enumerate(_slots(file, after), after + 1):
        frame, seed = _judge(number, raw, header, seed)
        yield frame


def _slots(file: BinaryIO, after: int) -> Iterator[bytes]:
    file.seek(_HEADER + after * _FRAME)
    while len(raw := file.read(_FRAME)) == _FRAME:
        yield raw


def _pair(raw: bytes, place: int) -> Sums:
    first, second = struct.unpack_from(">2I", raw, place)
    return first, second


def _judge(number: int, raw: bytes, header: _Header, seed: Sums) -> tuple[Frame, Sums]:
    """The frame, and the sums that the next one continues."""
    page, size = _pair(raw, 0)
    salts, stored, content = _pair(raw, 8), _pair(raw, 16), raw[_HEAD:]
    if salts != header.salts and not differ_in_one_bit(salts, header.salts):
        return Frame(number, page, size, content, State.FOREIGN), stored
    words = struct.unpack(f"{header.order}{_WORDS}I", raw[:8] + content)
    right = checksum_of(_WORDS).of(words, seed)
    if right == stored:
        state = State.WHOLE if salts == header.salts else State.MENDED
        return Frame(number, page, size, content, state), stored
    if salts != header.salts:
        return Frame(number, page, size, content, State.FOREIGN), stored
    if differ_in_one_bit(right, stored):
        return Frame(number, page, size, content, State.MENDED), right
    flips = checksum_of(_WORDS).flips(words, right, stored)
    if len(flips) != 1:
        state = State.DOUBTFUL if flips else State.BAD
        return Frame(number, page, size, content, state), stored
    mended = with_flipped(words, flips[0], header.order)
    page, size = _pair(mended, 0)
    return Frame(number, page, size, mended[8:], State.MENDED), stored


def with_flipped(words: Sequence[int], flip: tuple[int, int], order: str) -> bytes:
    word, bit = flip
    right = list(words)
    right[word] ^= 1 << bit
    return struct.pack(f"{order}{len(right)}I", *right)
