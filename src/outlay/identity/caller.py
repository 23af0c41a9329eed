"""The caller: whom the client has authenticated as, for this request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from outlay.kernel.ids import KeyId


class Permission(StrEnum):
    """What an API key may do (product.md 13, scopes)."""

    SPEND = "spend"
    OUTCOMES = "outcomes"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated API key and the rules that it brings; never the secret.

    `defaults` and `pins` are by dimension name (never outcome, session or user); `required` are the
    dimensions that a call must carry; `allowed` lists, by dimension, the only values accepted.
    """

    key_id: KeyId
    name: str
    permissions: frozenset[Permission]
    defaults: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    allowed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    default_provider: str | None = None
    cancel_on_hang_up: bool = False
