"""`outlay calls`: the recorded calls, newest in a table, all of them for programs, or as they come.

Reads the ledger itself, whether `outlay serve` runs or not.
"""

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from datetime import time as time_of_day
from typing import Annotated

from cyclopts import App, Parameter
from sqlalchemy import RowMapping

from outlay.attribution.dimensions import Dimension
from outlay.cli.call_formats import CallWriter, Format, call_writer
from outlay.cli.opening import DataDir, opened_ledger
from outlay.kernel.clock import parse_instant, to_us
from outlay.kernel.errors import Category, OutlayError
from outlay.kernel.periods import read_bound_us, read_zone
from outlay.ledger.facts import Ending
from outlay.reports.calls import (
    CallFilter,
    newest_seq,
    read_calls,
    read_newest_calls,
    read_open_calls,
)
from outlay.stores.ledger.connection import Ledger

app = App(name="calls", help="Show the recorded calls.")

TABLE_ROWS = 50
POLL_S = 0.5
POSTGRES_OVERLAP = 1_000
"""Events read again while following PostgreSQL: their numbers become visible out of order."""

_AGO = re.compile(r"(\d{1,6})(s|m|h|d)", re.ASCII)
_AGO_US = {"s": 10**6, "m": 60 * 10**6, "h": 3_600 * 10**6, "d": 86_400 * 10**6}


class CallsRefused(OutlayError):
    """What was asked of `outlay calls` cannot be understood."""

    code = "calls.invalid"
    category = Category.INVALID


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionOptions:
    """Only calls with this value of a dimension, exactly as recorded."""

    feature: str | None = None
    department: str | None = None
    user: str | None = None
    session: str | None = None
    outcome: str | None = None
    project: str | None = None
    environment: str | None = None
    tier: str | None = None
    workload: str | None = None
    variant: str | None = None
    gl_account: str | None = None
    cost_center: str | None = None
    run_id: str | None = None
    parent_run_id: str | None = None
    mcp_server: str | None = None
    agent_handoff: str | None = None

    def chosen(self) -> dict[Dimension, str]:
        """Return the values that were given."""
        given = {dimension: getattr(self, dimension.value) for dimension in Dimension}
        return {dimension: text for dimension, text in given.items() if text is not None}


_ANY_VALUE = DimensionOptions()


@app.default
def calls(
    *,
    format_: Annotated[Format, Parameter(name="--format")] = "table",
    follow: Annotated[bool, Parameter(name=("--follow", "-f"), negative="")] = False,
    request_id: str | None = None,
    since: str | None = None,
    until: str | None = None,
    tz: str | None = None,
    limit: int | None = None,
    provider: str | None = None,
    model: str | None = None,
    status: int | None = None,
    ending: Ending | None = None,
    unpriced: Annotated[bool, Parameter(negative="")] = False,
    open_: Annotated[bool, Parameter(name="--open", negative="")] = False,
    dimensions: DimensionOptions = _ANY_VALUE,
    data_dir: DataDir = None,
) -> None:
    """Show the recorded calls in the order they were recorded.

    A table shows the newest 50 with figures rounded for the eye and token-like values masked;
    jsonl, json and csv give every call, exact and as recorded.

    Parameters
    ----------
    format_:
        table, jsonl, json or csv.
    follow:
        Go on with calls as they are recorded, until Ctrl-C.
    request_id:
        Only this call (X-Cost-Request-Id).
    since:
        Only calls admitted from this date, instant or time ago (15m, 2h, 7d) on.
    until:
        Only calls admitted before this date, instant or time ago.
    tz:
        Time zone of dates and of the table (Europe/Berlin); the machine's own by default.
    limit:
        At most this many calls, the newest.
    provider:
        Only calls to this provider.
    model:
        Only calls whose model was asked for, served or returned under this name.
    status:
        Only calls answered with this HTTP status.
    ending:
        Only calls that ended this way.
    unpriced:
        Only calls without a known price.
    open_:
        The calls that are still open instead.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    if limit is not None and limit < 1:
        raise CallsRefused("--limit must be 1 or more")
    if follow and format_ == "json":
        raise CallsRefused("--follow never ends, a JSON document must: use --format jsonl")
    zone = _read_zone(tz)
    with opened_ledger(data_dir) as opened, _broken_pipe_is_an_end():
        now_us = opened.ledger.clock.now_us()
        wanted = CallFilter(
            since_us=_read_moment("--since", since, zone, now_us),
            until_us=_read_moment("--until", until, zone, now_us),
            request_id=request_id,
            dimensions=dimensions.chosen(),
            provider=provider,
            model=model,
            status=status,
            ending=None if ending is None else ending.value,
            is_unpriced=unpriced,
        )
        if format_ == "table" and limit is None:
            limit = TABLE_ROWS
        writer = call_writer(format_, zone)
        if open_:
            writer.write(read_open_calls(opened.ledger, wanted, limit=limit))
        else:
            tail = _Tail(opened.ledger, wanted, writer)
            tail.show(limit)
            if follow:
                tail.follow()
        writer.end()


class _Tail:
    """What has been shown so far, so that following neither misses nor repeats a call.

    Numbers of events become visible in order on SQLite. On PostgreSQL they do not quite, so the
    last ones are looked at again, down to where the command began.
    """

    def __init__(self, ledger: Ledger, wanted: CallFilter, writer: CallWriter) -> None:
        self.ledger = ledger
        self.wanted = wanted
        self.writer = writer
        self._overlap = 0 if ledger.is_sqlite else POSTGRES_OVERLAP
        self._first_seq = self._last_seq = newest_seq(ledger)
        self._shown: set[int] = set()

    def show(self, limit: int | None) -> None:
        if limit is None:
            rows: Iterable[RowMapping] = read_calls(self.ledger, self.wanted)
        else:
            rows = read_newest_calls(self.ledger, self.wanted, limit=limit)
        self.writer.write(self._unseen(rows))

    def follow(self) -> None:
        try:
            while True:
                time.sleep(POLL_S)
                after_seq = max(self._first_seq, self._last_seq - self._overlap)
                self._shown = {seq for seq in self._shown if seq > after_seq}
                rows = read_calls(self.ledger, self.wanted, after_seq=after_seq)
                self.writer.write(self._unseen(rows))
        except KeyboardInterrupt:
            return

    def _unseen(self, rows: Iterable[RowMapping]) -> Iterator[RowMapping]:
        for row in rows:
            seq = row["seq"]
            if seq in self._shown:
                continue
            if seq > self._first_seq:
                self._shown.add(seq)
                self._last_seq = max(self._last_seq, seq)
            yield row


def _read_zone(tz: str | None) -> tzinfo | None:
    try:
        return None if tz is None else read_zone(tz)
    except ValueError as error:
        raise CallsRefused(f"--tz {error}") from error


def _read_moment(option: str, text: str | None, zone: tzinfo | None, now_us: int) -> int | None:
    """Read a date, an instant or a time ago; a date without --tz is the machine's own."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now_us - int(ago[1]) * _AGO_US[ago[2]]
    try:
        return read_bound_us(text, zone) if zone is not None else _local_bound_us(text)
    except ValueError as error:
        raise CallsRefused(
            f"{option} {text!r}: write a date (2026-11-20), an instant (2026-11-20T12:00:00Z) "
            "or how long ago (15m, 2h, 7d)"
        ) from error


def _local_bound_us(text: str) -> int:
    if len(text) > len("2026-11-20"):
        return to_us(parse_instant(text))
    midnight = datetime.combine(date.fromisoformat(text), time_of_day.min)
    return to_us(midnight.astimezone())


@contextmanager
def _broken_pipe_is_an_end() -> Iterator[None]:
    """End in silence when what reads our output has had enough (`outlay calls | head`)."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
