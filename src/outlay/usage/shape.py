"""The shape of a call not yet made: everything in its body that limits what it can cost."""

import msgspec


class CallShape(msgspec.Struct, frozen=True, gc=False):
    """What bounds a call's usage, read from its body by the wire format.

    Attributes:
        input_bytes: at least the UTF-8 bytes of everything that becomes text input (messages,
            system, tools, schemas); a token is never shorter than a byte, so this bounds the text
            tokens.
        message_count: messages and tools, for the provider's own framing tokens.
        provided_tools: tools run by the caller whose definition the provider writes (Anthropic's
            computer, bash, text editor): a short name in the body, hundreds of tokens of input.
        image_count / audio_bytes / video_bytes / document_bytes: inline media, sizes decoded;
            bounded by media rule and never by the size of their base64 text.
        output_limit: the caller's own limit per choice in tokens (None: not given; 0: the
            operation has no output tokens, as embeddings).
        choices: how many answers are asked for (`n`, `candidateCount`; for legacy completions the
            prompts times `best_of`, all of which are billed).
        service_tier: the tier the request names (None: not named).
        by_reference: body fields that bring input from outside the body (`previous_response_id`,
            file ids, URLs, …).
        unbounded: body fields that make the cost open (server-side tools, compaction,
            background, …).
    """

    input_bytes: int = 0
    message_count: int = 0
    provided_tools: int = 0
    image_count: int = 0
    audio_bytes: int = 0
    document_bytes: int = 0
    video_bytes: int = 0
    output_limit: int | None = None
    choices: int = 1
    service_tier: str | None = None
    by_reference: tuple[str, ...] = ()
    unbounded: tuple[str, ...] = ()
