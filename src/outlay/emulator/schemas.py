"""Values that fit a JSON schema: for arguments of functions and for answers in JSON."""

from typing import Any

_MAX_DEPTH = 8
_BY_TYPE: dict[str, Any] = {"integer": 7, "number": 7.5, "boolean": True, "null": None}


def fill_schema(schema: Any, word: str, root: dict[str, Any] | None = None, depth: int = 0) -> Any:
    """Make a value of a schema: required fields, the first of a choice, `word` for each text.

    Only what callers' tools commonly use is understood; anything else becomes a text.
    """
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return word
    root = schema if root is None else root
    if "$ref" in schema:
        return fill_schema(_follow(schema["$ref"], root), word, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for branch in ("anyOf", "oneOf", "allOf"):
        if schema.get(branch):
            return fill_schema(schema[branch][0], word, root, depth + 1)
    return _fill_type(schema, word, root, depth)


def _fill_type(schema: dict[str, Any], word: str, root: dict[str, Any], depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = (kind[0] if isinstance(kind, list) else kind).lower()
    if kind == "object":
        properties = schema.get("properties") or {}
        names = schema.get("required") or list(properties)
        return {n: fill_schema(properties.get(n), word, root, depth + 1) for n in names}
    if kind == "array":
        count = max(1, schema.get("minItems") or 0)
        return [fill_schema(schema.get("items"), word, root, depth + 1)] * count
    return _BY_TYPE.get(kind, word)


def _follow(reference: str, root: dict[str, Any]) -> Any:
    found: Any = root
    for name in reference.removeprefix("#").strip("/").split("/"):
        found = found.get(name) if isinstance(found, dict) and name else found
    return found
