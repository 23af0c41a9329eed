"""Values made for a schema fit it."""

from typing import Any

import pytest

from outlay.emulator.schemas import fill_schema

REFERENCING = {
    "type": "object",
    "properties": {"place": {"$ref": "#/$defs/place"}},
    "required": ["place"],
    "$defs": {"place": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "word"),
        ({"type": "integer"}, 7),
        ({"type": "number"}, 7.5),
        ({"type": "boolean"}, True),
        ({"type": ["null", "string"]}, None),
        ({"enum": ["b", "a"]}, "b"),
        ({"const": 3}, 3),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [7, 7]),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 7),
        ({"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}, {"a": "word"}),
        (REFERENCING, {"place": {"city": "word"}}),
        ({}, "word"),
        (None, "word"),
    ],
)
def test_a_value_fits_its_schema(schema: Any, value: Any) -> None:
    assert fill_schema(schema, "word") == value


def test_only_required_fields_are_filled() -> None:
    properties = {"must": {"type": "string"}, "may": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": ["must"]}
    assert fill_schema(schema, "word") == {"must": "word"}


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema = {"type": "object", "properties": {"child": {"$ref": "#"}}}
    assert "child" in fill_schema(schema, "word")
