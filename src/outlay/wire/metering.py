"""Finding the usage of a call: which dialect its provider speaks, and what to do when it is silent.

The dialect is chosen by provider, wire and operation, never by the looks of a usage object: the
same field names mean opposite things at different providers (metering_pitfalls 4).
"""

from collections.abc import Callable, Mapping
from typing import Any

from outlay.kernel.findings import Finding
from outlay.routing.provider import Provider, ProviderKind
from outlay.usage.answer import Answer
from outlay.usage.anthropic import read_anthropic_usage
from outlay.usage.gemini import (
    is_billed_by_query,
    read_gemini_embeddings_usage,
    read_gemini_usage,
)
from outlay.usage.meters import OUTPUT_METERS, Meter
from outlay.usage.openai_chat import ChatDialect, read_chat_usage, read_embeddings_usage
from outlay.usage.openai_responses import read_responses_usage
from outlay.usage.reading import Reading
from outlay.usage.tool_units import read_tool_units
from outlay.usage.usage import NO_USAGE, Metered, Pass, Usage, UsageSource
from outlay.wire.call import Billing, Call, Wire
from outlay.wire.gemini import EMBED_VERBS
from outlay.wire.input_estimate import estimate_input_tokens

_STATES_COST = frozenset({"openrouter", "xai", "x-ai"})
"""Providers whose stated charge is what they bill (metering_pitfalls, against the real bill)."""
_XAI = frozenset({"xai", "x-ai"})


def meter(call: Call, provider: Provider, answer: Answer, *, complete: bool) -> Metered:
    """Find what a call consumed.

    `complete` says that the answer came to its regular end. Usage that the provider stated as final
    counts as reported even if the answer broke off after it.
    """
    reading = _read_usage(call, provider, answer)
    if reading is None:
        return _estimate(call, answer, complete=complete)
    usage = _with_tools(reading.passes, call, answer)
    findings = (*answer.findings, *reading.findings)
    if answer.usage_running:
        partial = Finding("usage.partial", "wire", "the answer ended before its final usage")
        return Metered(
            _with_output_seen(usage, answer), UsageSource.ESTIMATED, (*findings, partial)
        )
    return Metered(usage, UsageSource.REPORTED, findings, _stated_cost(provider, answer))


def _read_usage(call: Call, provider: Provider, answer: Answer) -> Reading | None:
    usage = answer.raw_usage
    if usage is None:
        return None
    if call.route.wire is Wire.OPENAI_CHAT:
        return read_chat_usage(usage, _chat_dialect(provider))
    if call.route.operation in EMBED_VERBS:
        return read_gemini_embeddings_usage(usage)
    read = _READERS.get(call.route.wire)
    return None if read is None else read(usage)


_READERS: dict[Wire, Callable[[Mapping[str, Any]], Reading | None]] = {
    Wire.OPENAI_RESPONSES: read_responses_usage,
    Wire.OPENAI_EMBEDDINGS: read_embeddings_usage,
    Wire.ANTHROPIC_MESSAGES: read_anthropic_usage,
    Wire.GEMINI: read_gemini_usage,
}
"""Of the wires with one dialect each; lists of models consume nothing."""
_DIALECTS = {ProviderKind.OPENAI: ChatDialect.OPENAI, ProviderKind.GEMINI: ChatDialect.GEMINI}


def _chat_dialect(provider: Provider) -> ChatDialect:
    known = _DIALECTS.get(provider.kind)
    if known is not None:
        return known
    return ChatDialect.XAI if _names(provider) & _XAI else ChatDialect.COMPATIBLE


def _names(provider: Provider) -> frozenset[str]:
    return frozenset({provider.name.lower(), provider.price_provider.lower()})


def _with_tools(passes: tuple[Pass, ...], call: Call, answer: Answer) -> Usage:
    """Add the units of hosted tools: to the only pass, or as a pass of the call's own model."""
    if not answer.tool_units:
        return Usage(passes)
    tools = read_tool_units(
        answer.tool_units,
        search_by_query=is_billed_by_query(answer.model_returned or call.model),
        images_in_tokens=any(Meter.OUTPUT_IMAGE in one.quantities for one in passes),
    )
    if not tools:
        return Usage(passes)
    if len(passes) == 1:
        return Usage((Pass(passes[0].model, {**passes[0].quantities, **tools}),))
    return Usage((*passes, Pass(None, tools)))


def _with_output_seen(usage: Usage, answer: Answer) -> Usage:
    """Raise the output of a broken stream to the text that passed, if that is more."""
    missing = answer.output_tokens_seen - usage.tokens_of(OUTPUT_METERS)
    if missing <= 0 or not usage.passes:
        return usage
    first, *others = usage.passes
    output = first.quantities.get(Meter.OUTPUT, 0) + missing
    return Usage((Pass(first.model, {**first.quantities, Meter.OUTPUT: output}), *others))


def _stated_cost(provider: Provider, answer: Answer) -> int | None:
    if answer.stated_cost_nanos is None or not _names(provider) & _STATES_COST:
        return None
    return answer.stated_cost_nanos


def _estimate(call: Call, answer: Answer, *, complete: bool) -> Metered:
    """Estimate a call whose provider stated no usage that can be read."""
    findings = tuple(answer.findings)
    is_free = call.route.billing is not Billing.METERED
    if is_free or answer.deferred or (answer.failed and not answer.output_tokens_seen):
        return Metered(NO_USAGE, UsageSource.NONE, findings)
    estimate = {
        Meter.INPUT: estimate_input_tokens(call),
        Meter.OUTPUT: answer.output_tokens_seen,
    }
    passes = (Pass(None, {meter: count for meter, count in estimate.items() if count}),)
    if answer.raw_usage is not None:
        text = "the answer's usage states no counts that can be read"
        findings += (Finding("usage.unreadable", "wire", text),)
    elif complete:
        text = "the answer is complete and states no usage"
        findings += (Finding("usage.missing", "wire", text),)
    return Metered(_with_tools(passes, call, answer), UsageSource.ESTIMATED, findings)
