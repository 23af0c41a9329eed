"""Anthropic's usage objects: at the start, at the end, and pass by pass."""

from outlay.emulator.counting import Quantities
from outlay.emulator.planning import SEARCH_INPUT_TOKENS, Pass, Plan
from outlay.emulator.wire_format import Json


def _input_side(q: Quantities) -> Json:
    """Write the input: what the cache did stands beside `input_tokens`, not within."""
    return {
        "input_tokens": q.get("input", 0),
        "cache_creation_input_tokens": q.get("cache_write_5m", 0) + q.get("cache_write_1h", 0),
        "cache_read_input_tokens": q.get("cache_read", 0),
        "cache_creation": {
            "ephemeral_5m_input_tokens": q.get("cache_write_5m", 0),
            "ephemeral_1h_input_tokens": q.get("cache_write_1h", 0),
        },
    }


def _output_tokens(q: Quantities) -> int:
    return q.get("output", 0) + q.get("reasoning", 0)


def _write_iteration(one: Pass) -> Json:
    iteration = _input_side(one.quantities) | {
        "output_tokens": _output_tokens(one.quantities),
        "type": one.kind,
    }
    return iteration | ({"model": one.model} if one.model else {})


def write_usage(plan: Plan) -> Json:
    """Write the whole usage; compaction and other models stand in `iterations` only."""
    q = plan.quantities
    usage = _input_side(q) | {"output_tokens": _output_tokens(q), **_write_tier(plan)}
    if q["reasoning"]:
        usage["output_tokens_details"] = {"thinking_tokens": q["reasoning"]}
    if q["web_search"] or len(plan.passes) > 1:
        usage["server_tool_use"] = {
            "web_search_requests": q["web_search"],
            "web_fetch_requests": 0,
        }
    if len(plan.passes) > 1:
        usage["iterations"] = [_write_iteration(one) for one in plan.passes]
    return usage


def _write_tier(plan: Plan) -> Json:
    tier = {"service_tier": "standard" if plan.tier == "fast" else plan.tier}
    return tier | {"inference_geo": "global"} | ({"speed": "fast"} if plan.tier == "fast" else {})


def write_start_usage(plan: Plan) -> Json:
    """The usage of `message_start`: the first pass, before any search, one token of output."""
    q = plan.passes[0].quantities
    usage = _input_side(q) | {"output_tokens": 1, **_write_tier(plan)}
    usage["input_tokens"] -= SEARCH_INPUT_TOKENS * q.get("web_search", 0)
    return usage


def write_delta_usage(plan: Plan) -> Json:
    """The usage of `message_delta`: cumulative, and final."""
    dropped = {"cache_creation", "service_tier", "inference_geo", "speed"}
    return {name: value for name, value in write_usage(plan).items() if name not in dropped}
