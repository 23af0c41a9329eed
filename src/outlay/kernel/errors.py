"""Failures as exceptions with a stable code, and refusals as values.

An `OutlayError` is what its caller cannot go on from. A `Refused` is an expected answer: it is
returned, matched, and written in the client's wire format by `gateway/refusals`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """What kind of failure it is; each wall maps it to its own status."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    NOT_ALLOWED = "not_allowed"
    REFUSED = "refused"
    UPSTREAM = "upstream"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class OutlayError(Exception):
    """The root of our failures; each class has a code of its own and builds its own text."""

    code = "internal"
    category = Category.INTERNAL


class SettingsError(OutlayError):
    """The configuration cannot be used; the text says which setting, why, what to write."""

    code = "settings.invalid"
    category = Category.INVALID


class LedgerUnavailable(OutlayError):
    """The ledger cannot be written now; nothing of what was asked has been recorded."""

    code = "ledger.unavailable"
    category = Category.UNAVAILABLE


class InvariantBroken(OutlayError):
    """A rule that money depends on does not hold; this is a defect of ours."""

    code = "invariant.broken"


@dataclass(frozen=True, slots=True)
class Refused:
    """A call declined before it was sent: what is wrong, where, the limit, what to do next.

    `code` is one of product.md 14 (`missing_api_key`, `invalid_header`, …); `message` is for
    people and has no secret in it; `field` names the header or JSON field at fault, or is None.
    """

    code: str
    category: Category
    message: str
    field: str | None = None
    retry_after_s: int | None = None
