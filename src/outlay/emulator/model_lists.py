"""Lists of models, in each provider's manner."""

from outlay.emulator.prices import ModelEntry, PriceTable
from outlay.emulator.routes import Style
from outlay.emulator.wire_format import Json

_CREATED_S = 1_763_640_000
_CREATED_AT = "2025-11-20T12:00:00Z"
_SHOWN = {"openai": "openai", "anthropic": "anthropic", "google": "google"}


def write_models(table: PriceTable, style: Style) -> Json:
    """List the provider's models and the emulator's own."""
    names = {e.name: e for e in table.models.values() if e.provider in (_SHOWN[style], "emulator")}
    models = [write_model(entry, style) for entry in names.values()]
    if style == "google":
        return {"models": models}
    if style == "anthropic":
        ends = {"first_id": models[0]["id"], "last_id": models[-1]["id"]}
        return {"data": models, "has_more": False, **ends}
    return {"object": "list", "data": models}


def write_model(entry: ModelEntry, style: Style) -> Json:
    """Describe one model."""
    if style == "google":
        return {
            "name": f"models/{entry.name}",
            "displayName": entry.name,
            "inputTokenLimit": 1_048_576,
            "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        }
    if style == "anthropic":
        shown = {"display_name": entry.name, "created_at": _CREATED_AT}
        return {"type": "model", "id": entry.snapshot, **shown}
    return {"id": entry.name, "object": "model", "created": _CREATED_S, "owned_by": entry.provider}
