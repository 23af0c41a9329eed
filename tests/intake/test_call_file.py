"""Files of calls, line by line: torn, too long and odd lines do not hide those after them."""

import io
from decimal import Decimal

import pytest

from outlay.intake.call_file import MAX_LINE_BYTES, Fingerprint, Format, Line, read_lines


def lines(content: bytes, file_format: Format = Format.JSONL) -> list[Line]:
    return list(read_lines(Fingerprint().watch(io.BytesIO(content)), file_format))


def test_json_lines_are_objects_with_exact_numbers() -> None:
    (line,) = lines(b'{"cost_usd": 0.1234567890123456789, "n": 3, "ok": true}\n')
    assert line.row == {"cost_usd": Decimal("0.1234567890123456789"), "n": 3, "ok": True}
    assert line.number == 1


def test_blank_lines_are_left_out_but_counted_and_the_last_needs_no_newline() -> None:
    found = lines(b'\xef\xbb\xbf{"a": 1}\r\n\r\n  \n{"a": 2}')
    assert [(1, {"a": 1}), (4, {"a": 2})] == [(line.number, line.row) for line in found]


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b'{"a": ', "not JSON"),
        (b"[1]", "one JSON object"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": "\xff"}', "not JSON"),
        (b'{"a": "\\ud800"}', "not JSON"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_a_line_that_is_not_a_json_object_is_told_and_the_next_one_is_read(
    raw: bytes, word: str
) -> None:
    bad, good = lines(raw + b'\n{"a": 1}\n')
    assert bad.problem is not None
    assert word in bad.problem.message
    assert good.row == {"a": 1}
    assert good.number == 2


def test_a_line_that_is_too_long_is_told_once_and_skipped() -> None:
    bad, good = lines(b"x" * (3 * MAX_LINE_BYTES) + b'\n{"a": 1}\n')
    assert bad.problem is not None
    assert "longer than" in bad.problem.message
    assert (2, {"a": 1}) == (good.number, good.row)


def test_csv_cells_become_fields_and_empty_ones_are_absent() -> None:
    (line,) = lines(b'id,user,"cost_usd"\r\n"a ""b""",,0.5\r\n', Format.CSV)
    assert line.row == {"id": 'a "b"', "cost_usd": "0.5"}
    assert line.number == 2


def test_csv_quantities_are_columns_of_usage_or_one_json_cell() -> None:
    (columns,) = lines(b"id,usage.input_tokens,usage.output_tokens\na,3,\n", Format.CSV)
    assert columns.row == {"id": "a", "usage": {"input_tokens": "3"}}
    (cell,) = lines(b'id,usage\na,"{""input"": 3}"\n', Format.CSV)
    assert cell.row == {"id": "a", "usage": {"input": 3}}


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"a,b,c", "3 cells, the first line 2"),
        (b'a,"b', "not CSV"),
        (b"a,\xff", "not UTF-8"),
    ],
)
def test_a_bad_csv_line_is_told_and_the_next_one_is_read(raw: bytes, word: str) -> None:
    bad, good = lines(b"id,user\n" + raw + b"\nx,y\n", Format.CSV)
    assert bad.problem is not None
    assert word in bad.problem.message
    assert good.row == {"id": "x", "user": "y"}


@pytest.mark.parametrize("header", [b"id,id", b"id,,user", b'id,"x'])
def test_csv_without_a_usable_first_line_is_refused_as_a_whole(header: bytes) -> None:
    (only,) = lines(header + b"\na,b\n", Format.CSV)
    assert only.problem is not None
    assert only.number == 1


def test_the_fingerprint_is_of_every_byte() -> None:
    first, second = Fingerprint(), Fingerprint()
    list(first.watch(io.BytesIO(b'{"a": 1}\n\n')))
    list(second.watch(io.BytesIO(b'{"a": 1}\n')))
    assert first.hexdigest() != second.hexdigest()


def test_an_empty_file_has_no_lines() -> None:
    assert lines(b"") == []
    assert lines(b"", Format.CSV) == []
