"""Imports as a whole: all or nothing, once, resumed where they stopped, at the right prices."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outlay.attribution.dimensions import Dimension
from outlay.attribution.values import Rules
from outlay.intake.call_facts import pricer, stated_cost
from outlay.intake.call_file import Format
from outlay.intake.call_row import CallRow, RowRules
from outlay.intake.import_calls import (
    BadRow,
    CallSource,
    Desk,
    FileChanged,
    Progress,
    RowsRefused,
    import_calls,
)
from outlay.kernel.clock import SystemClock, rfc3339
from outlay.kernel.ids import new_id
from outlay.ledger.imports import GroupRecorded, Import, ImportedCall
from outlay.pricing.book import PriceBook
from outlay.pricing.cost import Cost, CostBasis
from outlay.pricing.seed import compile_seed
from outlay.reports.calls import CallFilter, call_fields, read_calls
from outlay.stores.ledger.connection import Ledger, open_ledger
from outlay.stores.ledger.imports import ImportInterrupted, ImportNotFound, LedgerImports
from outlay.stores.ledger.upgrade import upgrade_ledger
from tests.ledgers import NOON_US, make_event, make_intent
from tests.reports.recording import record

RULES = RowRules(Rules(hash_value=lambda text: f"hmac:{len(text)}"), NOON_US)


def row(number: int, **fields: Any) -> dict[str, Any]:
    usual = {
        "id": f"call-{number}",
        "at": "2026-11-19T08:00:00Z",
        "provider": "openai",
        "model": "gpt-4o",
        "cost_usd": "0.001",
        "user": f"u{number % 3}",
    }
    return {**usual, **fields}


def json_lines(rows: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in rows)


def unpriced(call: CallRow) -> Cost:
    """Know no price at all."""
    if call.cost_nanos is not None:
        return stated_cost(call)
    return Cost(None, CostBasis.NONE, unpriced=("gpt-4o/input",))


@dataclass
class Office:
    """A desk on a ledger, and what it was told."""

    ledger: Ledger
    bad: list[BadRow] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)

    def desk(self, **changes: Any) -> Desk:
        self.bad.clear()
        usual = Desk(
            LedgerImports(self.ledger), RULES, unpriced, self.bad.append, self.progress.append
        )
        return replace(usual, **changes)

    def run(self, content: bytes | Sequence[dict[str, Any]], **changes: Any) -> Import:
        raw = content if isinstance(content, bytes) else json_lines(content)
        source = CallSource("calls.jsonl", io.BytesIO(raw), Format.JSONL)
        return import_calls(source, self.desk(**changes))

    def calls(self, feature: str | None = None) -> list[dict[str, Any]]:
        dimensions = {} if feature is None else {Dimension.FEATURE: feature}
        wanted = CallFilter(dimensions=dimensions)
        return [call_fields(one) for one in read_calls(self.ledger, wanted)]

    def ids(self) -> list[str]:
        return [call["request_id"] for call in self.calls()]

    def bad_lines(self) -> list[tuple[int, str]]:
        return [(one.line, problem.field) for one in self.bad for problem in one.problems]


@pytest.fixture
def office(ledger: Ledger) -> Office:
    return Office(ledger)


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return compile_seed()


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many rows a group has where many groups are needed."""
    monkeypatch.setattr("outlay.intake.import_calls.GROUP_ROWS", 3)
    return 3


def test_calls_of_an_import_are_calls_like_any_other(office: Office) -> None:
    published = office.run([row(1, latency_ms=120, feature="search"), row(2, status=429)])
    assert (published.recorded, published.spend_nanos) == (2, 2_000_000)
    first, second = office.calls()
    assert first["request_id"] == "call-1"
    assert first["at"] == "2026-11-19T08:00:00.000000Z"
    assert (first["ending"], first["cost_basis"]) == ("imported", "stated")
    assert (first["cost_usd"], first["feature"]) == ("0.001", "search")
    assert first["sources"] == {"feature": "import", "user": "import"}
    assert first["latency_ms"] == 120
    assert second["status"] == 429


def test_a_call_without_a_cost_is_priced_by_us_at_its_own_instant(
    office: Office, book: PriceBook
) -> None:
    usage = {"input_tokens": 1_000, "cache_read_tokens": 1_000, "output_tokens": 100}
    published = office.run(
        [
            row(1, cost_usd=None, usage=usage),
            row(2, cost_usd=None, usage=usage, provider="gemini", model="gemini-2.5-flash"),
            row(3, cost_usd=None, usage=usage, model="nobody-knows"),
            row(4, cost_usd="0.5", usage=usage),
        ],
        price=pricer(book, {"gemini": "google"}),
    )
    priced, gemini, unknown, stated = office.calls()
    assert priced["cost_usd"] == "0.00475"  # 1000 × 2.5 + 1000 × 1.25 + 100 × 10 dollars a million
    assert (priced["cost_basis"], priced["usage_source"]) == ("list", "reported")
    assert priced["usage"] == {"input": 1_000, "cache_read": 1_000, "output": 100}
    assert gemini["cost_usd"] is not None
    assert unknown["cost_usd"] is None
    assert unknown["unpriced"]
    assert (stated["cost_usd"], stated["list_token_cost_usd"]) == ("0.5", "0.00475")
    assert published.unpriced == 1


def test_a_price_date_prices_every_row_as_of_that_instant(office: Office, book: PriceBook) -> None:
    seen: list[int] = []

    class Book:
        def price(self, **call: Any) -> Cost:
            seen.append(call["at_us"])
            return book.price(**call)

    usage = {"input_tokens": 1}
    price = pricer(Book(), {}, price_at_us=NOON_US)  # type: ignore[arg-type]
    office.run([row(1, cost_usd=None, usage=usage)], price=price)
    assert seen == [NOON_US]


def test_the_same_file_again_records_nothing_twice(office: Office) -> None:
    rows = [row(n) for n in range(5)]
    office.run(rows)
    again = office.run(rows)
    assert (again.recorded, again.already_there) == (0, 5)
    assert len(office.ids()) == 5


def test_a_file_that_overlaps_with_an_earlier_one_adds_what_is_new(office: Office) -> None:
    office.run([row(1), row(2)])
    more = office.run([row(2), row(3), row(3)])
    assert (more.recorded, more.already_there) == (1, 2)
    assert office.ids() == ["call-1", "call-2", "call-3"]


@pytest.mark.parametrize(
    ("change", "field_name"),
    [
        ({"cost_usd": "0.002"}, "cost_usd"),
        ({"at": "2026-11-19T08:00:01Z"}, "at"),
        ({"model": "gpt-4"}, "model"),
        ({"provider": "azure"}, "provider"),
        ({"user": "somebody-else"}, "user"),
        ({"feature": "search"}, "feature"),
        ({"status": 500}, "status"),
        ({"usage": {"input_tokens": 7}}, "input_tokens"),
    ],
)
def test_another_call_under_a_recorded_id_is_refused_by_field(
    office: Office, change: dict[str, Any], field_name: str
) -> None:
    office.run([row(1)])
    with pytest.raises(RowsRefused):
        office.run([row(2), row(1, **change)])
    assert office.bad_lines() == [(2, field_name)]
    assert office.ids() == ["call-1"]


def test_two_rows_of_a_file_under_one_id_must_be_the_same_call(office: Office) -> None:
    with pytest.raises(RowsRefused):
        office.run([row(1), row(2), row(1, cost_usd="0.002")])
    assert office.bad_lines() == [(3, "cost_usd")]
    assert office.ids() == []
    assert LedgerImports(office.ledger).list_imports() == []


def test_nothing_of_a_file_with_a_bad_row_is_imported_and_all_of_them_are_told(
    office: Office, small_groups: int
) -> None:
    rows = [row(n) for n in range(3 * small_groups)]
    rows[1]["at"] = "yesterday"
    rows[small_groups + 1]["user"] = 7
    rows[2 * small_groups]["model"] = None
    with pytest.raises(RowsRefused, match="3 bad rows"):
        office.run(rows)
    expected = [(2, "at"), (small_groups + 2, "user"), (2 * small_groups + 1, "model")]
    assert expected == office.bad_lines()
    assert office.ids() == []
    assert LedgerImports(office.ledger).list_imports() == []


def test_a_bad_row_after_groups_were_recorded_takes_them_back(
    office: Office, small_groups: int
) -> None:
    rows = [row(n) for n in range(small_groups + 2)]
    rows[small_groups]["id"] = ""
    with pytest.raises(RowsRefused):
        office.run(rows)
    assert office.ids() == []
    with office.ledger.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM intents").scalar_one() == 0
    rows[small_groups]["id"] = "right"
    assert office.run(rows).recorded == small_groups + 2


def test_bad_rows_can_be_skipped(office: Office) -> None:
    office.run([row(9)])
    rows = [row(1), row(2, at="no"), row(9, cost_usd="3"), row(4), row(1, user="x")]
    published = office.run(rows, skip_bad=True)
    assert (published.recorded, published.skipped) == (2, 3)
    assert sorted(office.bad_lines()) == [(2, "at"), (3, "cost_usd"), (5, "user")]
    assert office.bad[0].raw == json_lines([rows[1]])
    assert office.ids() == ["call-9", "call-1", "call-4"]


class PowerCut(Exception):
    """The process ends here."""


class CutStore(LedgerImports):
    """Loses power after some groups, or when it is about to publish."""

    def __init__(self, ledger: Ledger, groups: int) -> None:
        super().__init__(ledger)
        self.groups = groups

    def record_group(
        self, progress: Import, calls: Sequence[ImportedCall], *, lines_done: int, skipped: int
    ) -> GroupRecorded:
        if self.groups == 0:
            raise PowerCut
        self.groups -= 1
        return super().record_group(progress, calls, lines_done=lines_done, skipped=skipped)

    def publish(self, progress: Import) -> Import:
        raise PowerCut


@pytest.mark.parametrize("groups", [0, 1, 2, 3])
@pytest.mark.parametrize("skip_bad", [False, True])
def test_an_interrupted_import_is_unseen_and_goes_on_where_it_stopped(
    office: Office, small_groups: int, groups: int, skip_bad: bool
) -> None:
    rows = [row(n) for n in range(2 * small_groups + 1)]
    if skip_bad:
        rows[1]["at"] = "no"
    with pytest.raises(PowerCut):
        office.run(rows, store=CutStore(office.ledger, groups), skip_bad=skip_bad)
    assert office.ids() == []
    published = office.run(rows, skip_bad=skip_bad)
    assert published.recorded + published.skipped == len(rows)
    assert published.already_there == 0
    assert office.bad_lines() == ([(2, "at")] if skip_bad else [])
    assert len(set(office.ids())) == len(office.ids()) == published.recorded


def test_ids_of_an_unfinished_import_are_not_free_until_it_is_discarded(office: Office) -> None:
    with pytest.raises(PowerCut):
        office.run([row(1), row(2)], store=CutStore(office.ledger, 1))
    with pytest.raises(RowsRefused):
        office.run([row(2), row(3)])
    assert office.bad_lines() == [(1, "id")]
    (unfinished,) = LedgerImports(office.ledger).list_imports()
    assert unfinished.import_id in office.bad[0].problems[0].message
    assert LedgerImports(office.ledger).discard(unfinished.import_id) == 2
    assert office.run([row(2), row(3)]).recorded == 2


def test_a_published_import_cannot_be_discarded(office: Office) -> None:
    published = office.run([row(1)])
    with pytest.raises(ImportNotFound, match="stays"):
        LedgerImports(office.ledger).discard(published.import_id)
    assert office.ids() == ["call-1"]


def test_two_processes_cannot_continue_the_same_import(office: Office) -> None:
    store = LedgerImports(office.ledger)
    begun = store.begin("calls.jsonl", "ab" * 32)
    store.record_group(begun, [], lines_done=7, skipped=0)
    with pytest.raises(ImportInterrupted):
        store.record_group(begun, [], lines_done=9, skipped=0)


def test_what_is_being_discarded_is_not_continued(office: Office) -> None:
    store = LedgerImports(office.ledger)
    begun = store.begin("calls.jsonl", "ab" * 32)
    assert store.discard(begun.import_id) == 0
    with pytest.raises(ImportInterrupted):
        store.publish(begun)


def test_a_file_that_changes_while_it_is_read_is_not_imported(office: Office) -> None:
    file = io.BytesIO(json_lines([row(n) for n in range(3)]))

    class Clerk(LedgerImports):
        def find_unpublished(self, sha256: str) -> Import | None:
            file.getbuffer()[20] ^= 1
            return super().find_unpublished(sha256)

    source = CallSource("calls.jsonl", file, Format.JSONL)
    with pytest.raises(FileChanged, match=r"calls\.jsonl changed"):
        import_calls(source, office.desk(store=Clerk(office.ledger), skip_bad=True))
    assert office.ids() == []


def test_progress_is_told_by_lines(office: Office, small_groups: int) -> None:
    office.run([row(n) for n in range(small_groups + 1)])
    told = [(one.line, one.lines) for one in office.progress]
    assert told == [(small_groups, small_groups + 1), (small_groups + 1, small_groups + 1)]


def test_an_empty_file_is_an_import_of_nothing(office: Office) -> None:
    assert office.run(b"").recorded == 0


def test_an_export_is_recorded_already_where_it_comes_from(sqlite_ledger: Ledger) -> None:
    """Recorded calls of the gateway, written out and imported again, change nothing."""
    office = Office(sqlite_ledger)
    _record_live_calls(sqlite_ledger)
    exported = office.calls()
    again = office.run(exported)
    assert (again.recorded, again.already_there) == (0, len(exported))


def test_an_export_moves_to_another_ledger_with_every_cost_and_dimension(
    sqlite_ledger: Ledger, tmp_path_factory: pytest.TempPathFactory
) -> None:
    _record_live_calls(sqlite_ledger)
    exported = Office(sqlite_ledger).calls()
    other = open_ledger(None, data_dir=tmp_path_factory.mktemp("other"), clock=SystemClock())
    upgrade_ledger(other)
    moved = Office(other)
    moved.run(exported)
    kept = ("request_id", "at", "model", "wire", "usage", "cost_usd", "status", "user", "feature")
    assert [{name: call[name] for name in kept} for call in exported] == [
        {name: call[name] for name in kept} for call in moved.calls()
    ]
    other.close()


def _record_live_calls(ledger: Ledger) -> None:
    live = [make_intent(), make_intent(requested_at_us=NOON_US - 5)]
    pairs = [(one, make_event(one.request_id)) for one in live]
    pairs[1] = (
        live[1],
        msgspec.structs.replace(pairs[1][1], status=None, cost=Cost(None, CostBasis.NONE)),
    )
    record(ledger, pairs)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 3), max_size=3),
)
def test_however_often_it_is_cut_the_sums_are_those_of_the_file(
    sqlite_ledger: Ledger, sizes: list[int], cuts: list[int]
) -> None:
    """Power cuts between groups neither lose nor double a nano."""
    office = Office(sqlite_ledger)
    example = new_id("example", NOON_US)
    rows = [
        row(n, id=f"{example}-{n}", feature=example, cost_usd=f"0.{n + 1:09d}")
        for n in range(sum(sizes))
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("outlay.intake.import_calls.GROUP_ROWS", 2)
        for cut in cuts:
            with pytest.raises(PowerCut):
                office.run(rows, store=CutStore(sqlite_ledger, cut))
            assert office.calls(feature=example) == []
        published = office.run(rows)
    counted = sum(call["cost_nanos"] for call in office.calls(feature=example))
    assert sum(n + 1 for n in range(len(rows))) == published.spend_nanos == counted
    assert published.recorded == len(rows)


def test_instants_keep_their_microseconds(office: Office) -> None:
    at = rfc3339(NOON_US - 1)
    office.run([row(1, at=at)])
    assert office.calls()[0]["at"] == at
