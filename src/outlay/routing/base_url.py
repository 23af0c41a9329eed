"""Base URLs of providers: what is accepted, and the one form they are kept in.

Only an operator writes one. It is still checked strictly, since the provider's secret goes wherever
it points.
"""

import ipaddress
import re
from dataclasses import dataclass

from outlay.routing.provider import ProviderKind

MAX_URL_CHARS = 2_048

_URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[^/:\[\]]+)(?::(\d{1,5}))?((?:/.*)?)", re.DOTALL)
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_VERSION = re.compile(r"v\d+(?:(?:alpha|beta)\d*)?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """A base URL in its one form: lower-case host, no trailing slash, the API version apart.

    `version_path` is None when the text had none.
    """

    url: str
    version_path: str | None
    host: str
    port: int
    is_https: bool


def parse_base_url(text: str, kind: ProviderKind, *, allow_http: bool) -> BaseUrl:
    """Read a base URL, with or without its API version.

    At openai, anthropic and gemini a trailing version (`/v1`, `/v1beta`) is taken off: it comes
    from each request's path. At a compatible provider everything from the last version segment on
    is the `version_path` that a request's `/v1` becomes: `/v1`, `/v4`, `/v3/openai`.

    Raises:
        ValueError: not an absolute http(s) URL, with user, query, fragment or dot segments, or
            plain http to another machine while that is not allowed. The text says what to write.
    """
    text = text.strip()
    match = _URL.fullmatch(text) if len(text) <= MAX_URL_CHARS and text.isprintable() else None
    if match is None or "@" in match[2]:
        raise ValueError(_why_not_a_url(text))
    scheme, host, port, path = match[1], match[2].lower(), match[3], match[4].rstrip("/")
    if not _is_host(host) or (port is not None and not 0 < int(port) <= _MAX_PORT):
        raise ValueError(f"has no valid host and port; {_EXAMPLE}")
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise ValueError(
            f"must end with a plain path, without query, # or dot segments; {_EXAMPLE}"
        )
    if scheme == "http" and not allow_http and not is_loopback(host):
        raise ValueError(
            "sends the provider's secret unencrypted over http; write https, or set "
            "OUTLAY_ALLOW_HTTP=true if that network is trusted"
        )
    prefix, version_path = _split_version(path, kind)
    at = f"{host}:{port}" if port and int(port) != _DEFAULT_PORTS[scheme] else host
    number = int(port) if port else _DEFAULT_PORTS[scheme]
    return BaseUrl(f"{scheme}://{at}{prefix}", version_path, host, number, scheme == "https")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address can only be this machine."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_EXAMPLE = "write it like https://api.example.com/v1"


def _why_not_a_url(text: str) -> str:
    if "@" in text:
        return f"must not carry a user name or password; {_EXAMPLE} and give the key apart"
    return f"is not an absolute http or https URL; {_EXAMPLE}"


def _is_host(host: str) -> bool:
    """Accept an IP address in its usual form or a DNS name; no other spelling of an address."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        labels = host.removesuffix(".").split(".")
        named = not re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1])
        return named and len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)  # noqa: PLR2004  RFC 1035
    return True


def _split_version(path: str, kind: ProviderKind) -> tuple[str, str | None]:
    segments = path.split("/")
    places = [i for i, segment in enumerate(segments) if _VERSION.fullmatch(segment)]
    if not places:
        return path, None
    last = places[-1]
    if kind is ProviderKind.GEMINI and segments[last + 1 :] == ["openai"]:
        segments = segments[: last + 1]
    if kind is not ProviderKind.COMPATIBLE and last != len(segments) - 1:
        return path, None
    return "/".join(segments[:last]), "/" + "/".join(segments[last:])
