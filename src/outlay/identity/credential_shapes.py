"""What credentials look like, so that one in the wrong place is never kept or shown.

A shape is judged by its prefix and length; nothing here can tell whether a credential is valid.
"""

import re

OWN_KEY_PREFIX = "sk-outlay-"
"""How our own API keys begin, so that secret scanners can find a leaked one."""

MIN_SECRET_CHARS = 20
"""No shape below is shorter than this: shorter texts need not be looked at."""

_SHAPES: tuple[tuple[str, str], ...] = (
    # (whose key it is, pattern); the first that fits names the owner. Read 2026-11-21.
    ("Outlay", r"sk-outlay-[0-9A-Za-z]{8,}"),
    ("Anthropic", r"sk-ant-[\w-]{13,}"),
    ("OpenRouter", r"sk-or-[\w-]{14,}"),
    ("OpenAI", r"sk-(?:proj|svcacct|admin|None)-[\w-]{12,}"),
    ("OpenAI", r"sk-[0-9A-Za-z]{20,}"),
    ("Stripe", r"[rs]k_(?:live|test)_[0-9A-Za-z]{12,}"),
    ("Google", r"AIza[\w-]{30,}"),
    ("Google", r"AQ\.[\w-]{30,}"),
    ("Groq", r"gsk_[0-9A-Za-z]{20,}"),
    ("xAI", r"xai-[0-9A-Za-z]{20,}"),
    ("Hugging Face", r"hf_[0-9A-Za-z]{20,}"),
    ("Cerebras", r"csk-[0-9A-Za-z]{20,}"),
    ("Perplexity", r"pplx-[0-9A-Za-z]{20,}"),
    ("Together", r"tgp_v1_[\w-]{20,}"),
    ("Fireworks", r"fw_[0-9A-Za-z]{20,}"),
    ("NVIDIA", r"nvapi-[\w-]{20,}"),
    ("Replicate", r"r8_[0-9A-Za-z]{20,}"),
    ("AWS", r"(?:AKIA|ASIA)[0-9A-Z]{16}"),
    ("GitHub", r"gh[oprsu]_[0-9A-Za-z]{20,}|github_pat_\w{20,}"),
    ("GitLab", r"glpat-[\w-]{20,}"),
    ("Slack", r"xox[abeprs]-[\w-]{16,}"),
)

_ANY_SHAPE = "|".join(pattern for _, pattern in _SHAPES)
_SECRET = re.compile(rf"(?<![0-9A-Za-z])(?:{_ANY_SHAPE})", re.ASCII)
_OWNERS = tuple((owner, re.compile(pattern, re.ASCII)) for owner, pattern in _SHAPES)
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*){1,3}", re.ASCII)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[^\s,;\"']{8,}")


def has_secret(text: str) -> bool:
    """Tell whether a credential of ours or of a provider stands anywhere in a text."""
    return len(text) >= MIN_SECRET_CHARS and _SECRET.search(text) is not None


def find_owner(text: str) -> str | None:
    """Name whose key a text is shaped like (`Anthropic`), or None. The text begins with the key."""
    for owner, pattern in _OWNERS:
        if pattern.match(text):
            return owner
    return None


def is_jwt(text: str) -> bool:
    """Tell whether a text is shaped like a JSON Web Token, perhaps one that still opens a door."""
    return text.startswith("eyJ") and _JWT.fullmatch(text) is not None


def mask(text: str) -> str:
    """Write a text as screens and logs may show it: credentials and tokens in it become `…`.

    A token keeps its first and last characters, so that two of them can still be told apart by a
    person; of a secret only the public prefix is left.
    """
    if len(text) < MIN_SECRET_CHARS:
        return text
    text = _JWT.sub(_mask_token, text)
    text = _SECRET.sub(_mask_secret, text)
    return _BEARER.sub(lambda match: f"{match[1]} …", text)


def _mask_token(match: re.Match[str]) -> str:
    return f"{match[0][:3]}…{match[0][-4:]}"


def _mask_secret(match: re.Match[str]) -> str:
    prefix = re.match(r"[A-Za-z]{2,6}[-_](?:[A-Za-z]{2,7}[-_])?|.{2}", match[0])
    return f"{prefix[0] if prefix else ''}…"
