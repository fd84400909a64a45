"""A folder of keys on disk that never pickles: the one place that touches diskcache.

diskcache's own `Disk` unpickles rows and opens files that a row names, so that whoever can write
the folder can run code in every reader (CVE-2025-69872), `JSONDisk` included. `PlainDisk` takes
bytes, text and numbers only, keeps them inside the database, and refuses every other row.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import diskcache
import numpy as np

#: Values stay in the database up to this size: files beside it cost 8 ms a write and can vanish
#: under a reader.
INLINE_BYTES: Final = 2**26
#: Longest wait for another writer, seconds; the step loop must never hang on the store.
WAIT_S: Final = 0.2
#: Seconds between two looks whether the folder is still the one that was opened.
LOOK_S: Final = 1.0
#: Databases up to this size are checked page by page when they are opened.
CHECKED_BYTES: Final = 2**26
_OPEN_S: Final = 5.0
#: The write-ahead log shrinks to this after a slow reader made it grow.
_JOURNAL_BYTES: Final = 2**24

Plain = bytes | str | int | float


class StoreError(RuntimeError):
    """The store cannot do what was asked now; the message is one sentence."""


class StoreBusyError(StoreError):
    """Another process holds the database longer than `WAIT_S`."""


class StoreFullError(StoreError):
    """The disk refuses to take more, or the folder cannot be written."""


class StoreCorruptError(StoreError):
    """The database or a row in it is not what this program writes."""


class PlainDisk(diskcache.Disk):  # type: ignore[misc]
    """Keys are text, values are bytes, text or numbers inside the database; all else is refused."""

    def put(self, key: object) -> tuple[str, bool]:
        """The database key of `key`; raises TypeError unless it is text."""
        if type(key) is not str:
            raise TypeError(f"store key {key!r}: expected text")
        return key, True

    def get(self, key: object, raw: object) -> str:
        """The key of a row; raises StoreCorruptError for one this class did not write."""
        if not raw or type(key) is not str:
            raise StoreCorruptError("The store holds a key that this program did not write.")
        return key

    def store(self, value: Any, read: bool, key: object = None) -> tuple[int, int, None, Any]:
        """The columns of a value; raises TypeError for what would need pickling or a file."""
        if read or type(value) not in (bytes, str, int, float):
            raise TypeError(f"store value for {key!r}: expected bytes, text or a number")
        if isinstance(value, (bytes, str)) and len(value) >= INLINE_BYTES:
            raise TypeError(f"store value for {key!r}: larger than {INLINE_BYTES} bytes")
        if type(value) is bytes:
            value = memoryview(value)
        return 0, diskcache.core.MODE_RAW, None, value

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Plain:
        """The value of a row; raises StoreCorruptError where it names a pickle or a file."""
        if mode != diskcache.core.MODE_RAW or filename is not None or read:
            raise StoreCorruptError("The store holds a value that this program did not write.")
        if type(value) not in (bytes, str, int, float):
            raise StoreCorruptError("The store holds a value of an unknown type.")
        return cast(Plain, value)

    def remove(self, file_path: str) -> None:
        """Remove nothing: values never live in files, and a row must not name what to delete."""
        del file_path


def to_json(value: object) -> bytes:
    """Strict JSON as UTF-8; numbers that are not finite become null, arrays become lists."""
    return json.dumps(_plain(value), allow_nan=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class Box:
    """One database of keys, reopened when its folder was replaced, set aside when it is corrupt.

    Args:
        path: the folder, made with mode 0700.
        durable: True commits so that a killed process loses nothing it was told is kept, and a
            power cut at most the last moments; False also leaves a power cut to chance.

    Raises:
        StoreError: the folder cannot be made or opened.
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.path = path
        self._durable = durable
        self._lock = threading.RLock()
        self._looked = time.monotonic()
        self._cache, self._inode = self._open()

    def get(self, key: str) -> Plain | None:
        """The value of `key`, None where there is none; raises StoreError."""
        cache = self._current()
        with _translated(self.path):
            return cast("Plain | None", cache.get(key))

    def get_bytes(self, key: str) -> bytes | None:
        """The bytes under `key`, None where there are none; raises StoreError."""
        value = self.get(key)
        return value if isinstance(value, bytes) else None

    def get_json(self, key: str) -> Any:
        """The JSON value under `key`, None where there is none; raises StoreError."""
        value = self.get_bytes(key)
        if value is None:
            return None
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise StoreCorruptError(
                f"{self.path} holds text under {key!r} that is no JSON."
            ) from None

    def put(self, values: Mapping[str, Plain], remove: tuple[str, ...] = ()) -> None:
        """Write all of `values` and drop `remove`, or nothing; raises StoreError."""
        with self.transaction() as cache:
            for key, value in values.items():
                cache.set(key, value)
            for key in remove:
                cache.delete(key)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        """Hold off other writers, for a read followed by a write; raises StoreError."""
        cache = self._current()
        with _translated(self.path):
            try:
                with cache.transact(retry=False):
                    yield cache
            except (sqlite3.Error, OSError):
                # A failed commit leaves its transaction open on this connection: take a new one.
                with contextlib.suppress(sqlite3.Error):
                    cache.close()
                raise

    @property
    def inode(self) -> int:
        """Changes when the database was replaced by a new one: what was written before is gone."""
        self._current()
        return self._inode

    def set_aside(self) -> None:
        """Move the database to `<name>.corrupt.<time>` and begin a new one; raises StoreError."""
        with self._lock:
            self._cache.close()
            with _opening(self.path.parent):
                _quarantine(self.path)
            self._cache, self._inode = self._open()

    def close(self) -> None:
        """Close this thread's connection."""
        self._cache.close()

    def _current(self) -> diskcache.Cache:
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return self._cache
        with self._lock:
            self._looked = now
            if _inode(self.path) != self._inode:
                with contextlib.suppress(sqlite3.Error):
                    self._cache.close()
                self._cache, self._inode = self._open()
            return self._cache

    def _open(self) -> tuple[diskcache.Cache, int]:
        try:
            private_folder(self.path.parent)
            with _opening(self.path.parent):
                private_folder(self.path)
                if not _is_sound(self.path):
                    _quarantine(self.path)
                    private_folder(self.path)
                try:
                    cache = self._connect()
                except (sqlite3.DatabaseError, TypeError, ValueError, AttributeError) as error:
                    if isinstance(error, sqlite3.OperationalError):
                        raise
                    _quarantine(self.path)
                    private_folder(self.path)
                    cache = self._connect()
                return cache, _inode(self.path)
        except (OSError, sqlite3.OperationalError, diskcache.Timeout) as error:
            raise StoreFullError(
                f"The store {self.path.parent} cannot be opened ({_reason(error)}): "
                "see to that folder, or choose another with --store."
            ) from None

    def _connect(self) -> diskcache.Cache:
        """The opened database; another process's long transaction is waited for."""
        give_up = time.monotonic() + _OPEN_S
        while True:
            try:
                return self._cache_of_folder()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > give_up:
                    raise
                time.sleep(0.02)

    def _cache_of_folder(self) -> diskcache.Cache:
        return diskcache.Cache(
            str(self.path),
            timeout=WAIT_S,
            disk=PlainDisk,
            disk_min_file_size=INLINE_BYTES,
            eviction_policy="none",
            cull_limit=0,
            sqlite_journal_size_limit=_JOURNAL_BYTES,
            sqlite_synchronous=1 if self._durable else 0,
        )


def private_folder(path: Path) -> None:
    """Make the folder if need be, for this user alone."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)


def set_aside_since(path: Path, seconds: float) -> list[str]:
    """Names of the databases in `path` that were set aside as corrupt in the last `seconds`."""
    names = [p.name for p in path.glob("*.corrupt.*")]
    return sorted(n for n in names if time.time() - float(n.rsplit(".", 1)[1]) < seconds)


def _inode(path: Path) -> int:
    try:
        return int((path / diskcache.core.DBNAME).stat().st_ino)
    except OSError:
        return 0


def _is_sound(path: Path) -> bool:
    """False where SQLite finds the database damaged; large ones are not read through."""
    database = path / diskcache.core.DBNAME
    if not database.exists() or database.stat().st_size > CHECKED_BYTES:
        return True
    try:
        connection = sqlite3.connect(database, timeout=_OPEN_S)
        try:
            answer = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.OperationalError:
        return True  # locked or unreadable: opening it says which
    except sqlite3.DatabaseError:
        return False
    return bool(answer == ("ok",))


def _quarantine(path: Path) -> None:
    stamp = int(time.time())
    while (target := path.with_name(f"{path.name}.corrupt.{stamp}")).exists():
        stamp += 1
    with contextlib.suppress(FileNotFoundError):
        path.rename(target)


@contextlib.contextmanager
def _opening(folder: Path) -> Iterator[None]:
    """One process at a time creates, checks or sets aside databases in `folder`."""
    with (folder / "opening.lock").open("a") as file:
        give_up = time.monotonic() + _OPEN_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.01)
        yield


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except diskcache.Timeout:
        raise StoreBusyError(f"The store {path} is held by another process.") from None
    except (sqlite3.OperationalError, OSError) as error:
        if "locked" in str(error):
            raise StoreBusyError(f"The store {path} is held by another process.") from None
        raise StoreFullError(f"The store {path} cannot be used ({_reason(error)}).") from None
    except sqlite3.DatabaseError as error:
        raise StoreCorruptError(f"The store {path} is damaged ({_reason(error)}).") from None


def _reason(error: BaseException) -> str:
    return (
        os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    ) or (type(error).__name__)
