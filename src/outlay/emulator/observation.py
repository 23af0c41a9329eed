"""What the emulator saw: requests, the names of their headers, whose credentials they carried.

Values of credentials are never kept: only whether one looks like a gateway's own key, which must
never reach a provider.
"""

from collections import Counter, deque
from typing import Any

from outlay.emulator.connection import Request

_KEPT = 1_000
_CREDENTIALS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
_GATEWAY_KEY = "sk-outlay-"
_OURS = "x-cost-"


class Observation:
    """Counts since the start, and the latest requests."""

    def __init__(self) -> None:
        """Start empty."""
        self.requests = 0
        self._leaked_keys = 0
        self._leaked_headers = 0
        self._by_path: Counter[str] = Counter()
        self._by_status: Counter[int] = Counter()
        self._latest: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def note(self, request: Request) -> None:
        """Note a request that has arrived."""
        self.requests += 1
        self._by_path[f"{request.method} {request.path}"] += 1
        credentials = _describe_credentials(request)
        self._leaked_keys += sum(one["is_gateway_key"] for one in credentials)
        self._leaked_headers += sum(name.startswith(_OURS) for name, _ in request.headers)
        self._latest.append(
            {
                "method": request.method,
                "path": request.path,
                "query": sorted(request.query),
                "headers": sorted(name for name, _ in request.headers),
                "emulate_id": request.header("x-emulate-id") or None,
                "credentials": credentials,
                "body_bytes": len(request.body),
            }
        )

    def note_error(self, status: int) -> None:
        """Count an error that was answered on purpose."""
        self._by_status[status] += 1

    def as_json(self) -> dict[str, Any]:
        """Give everything seen."""
        return {
            "requests": self.requests,
            "by_path": dict(self._by_path),
            "errors": {str(status): n for status, n in self._by_status.items()},
            "latest": list(self._latest),
            "leaked_gateway_keys": self._leaked_keys,
            "leaked_cost_headers": self._leaked_headers,
        }


def credentials_of(request: Request) -> list[str]:
    """List the credentials a request carries, without `Bearer`."""
    return [value.removeprefix("Bearer ") for _, value in _find_credentials(request)]


def _find_credentials(request: Request) -> list[tuple[str, str]]:
    found = [(name, value) for name, value in request.headers if name in _CREDENTIALS]
    key = request.query.get("key")
    return [*found, ("?key", key)] if key else found


def _describe_credentials(request: Request) -> list[dict[str, Any]]:
    found = _find_credentials(request)
    return [{"in": name, "is_gateway_key": _GATEWAY_KEY in value} for name, value in found]
