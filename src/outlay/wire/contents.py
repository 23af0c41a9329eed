"""What a request's content parts hold beside text: inline media, and input by reference."""

from enum import StrEnum

import msgspec

from outlay.usage.shape import CallShape


class Media(StrEnum):
    """A kind of input that is not text."""

    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"


_SIZED = (Media.AUDIO, Media.DOCUMENT, Media.VIDEO)


def media_of(mime_type: object) -> Media:
    """Tell the kind of media by MIME type; what is neither image, audio nor video is a document."""
    kind = mime_type.partition("/")[0].lower() if isinstance(mime_type, str) else ""
    return {"image": Media.IMAGE, "audio": Media.AUDIO, "video": Media.VIDEO}.get(
        kind, Media.DOCUMENT
    )


class Contents(msgspec.Struct, gc=False):
    """A running count over the content parts of one body.

    `inline_bytes` is the length of base64 text: it is in the body but never becomes text tokens.
    `provided_tools` counts tools whose definition the provider writes.
    `references` keeps the names of fields that bring input from elsewhere, each once, in order.
    """

    messages: int = 0
    provided_tools: int = 0
    images: int = 0
    inline_bytes: int = 0
    media_bytes: dict[Media, int] = msgspec.field(default_factory=dict)
    references: dict[str, None] = msgspec.field(default_factory=dict)

    def add_url(self, media: Media, url: object, name: str) -> None:
        """Count media given as a `data:` URL, or note `name` for what is fetched from elsewhere."""
        if not isinstance(url, str):
            return
        head, _, payload = url.partition(",")
        if head[:5].lower() == "data:":
            if not head.endswith(";base64"):
                return
            self.add_base64(media_of(head[5:]) if media is Media.DOCUMENT else media, payload)
            return
        self.images += media is Media.IMAGE
        self.references[name] = None

    def add_base64(self, media: Media, payload: object) -> None:
        """Count inline media given as base64 text."""
        if not isinstance(payload, str):
            return
        self.images += media is Media.IMAGE
        self.inline_bytes += len(payload)
        self.media_bytes[media] = self.media_bytes.get(media, 0) + len(payload) * 3 // 4

    def refer(self, name: str) -> None:
        """Note a field that brings input from elsewhere."""
        self.references[name] = None

    def shape(
        self,
        body: bytes,
        *,
        output_limit: int | None,
        choices: int = 1,
        service_tier: str | None = None,
        unbounded: tuple[str, ...] = (),
    ) -> CallShape:
        """Make the shape of a call from its body and what was counted in it."""
        audio, document, video = [self.media_bytes.get(kind, 0) for kind in _SIZED]
        return CallShape(
            input_bytes=len(body) - self.inline_bytes,
            message_count=self.messages,
            provided_tools=self.provided_tools,
            image_count=self.images,
            audio_bytes=audio,
            document_bytes=document,
            video_bytes=video,
            output_limit=output_limit,
            choices=choices,
            service_tier=service_tier,
            by_reference=tuple(self.references),
            unbounded=unbounded,
        )


def members(value: object) -> list[dict[str, object]]:
    """Return the objects of a JSON array; whatever else is in it counts for nothing."""
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]
