"""The settings: each with its type, unit, default, check and one line of explanation.

A setting `max_body_bytes` is `max_body_bytes` in outlay.toml and `OUTLAY_MAX_BODY_BYTES` in the
environment. docs/run/configuration.md lists them; a test keeps the list complete.
"""
# ruff: noqa: RUF009  _setting is dataclasses.field with a name for each of its parts

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from outlay.kernel.clock import to_us
from outlay.kernel.findings import Finding
from outlay.routing.provider import Provider
from outlay.routing.provider_entry import ProviderEntry, build_providers
from outlay.settings import parsing
from outlay.transport.upstream import Limits

_MIB = 2**20
_GIB = 2**30
_DAY_S = 86_400


def _setting(default: Any, parse: parsing.Parser, meaning: str, *, secret: bool = False) -> Any:
    described = {"parse": parse, "meaning": meaning, "secret": secret}
    return field(default=default, repr=not secret, metadata=described)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can set, checked. Made by `load_settings`; passed in, never global."""

    host: str = _setting(
        "127.0.0.1",
        parsing.parse_host,
        "address to listen on; others than loopback need TLS in front",
    )
    port: int = _setting(4180, parsing.whole(0, 65_535), "port to listen on; 0 takes a free one")
    data_dir: Path = _setting(
        Path("outlay-data"), parsing.parse_path, "directory of the ledger, the master key and locks"
    )
    workers: int = _setting(1, parsing.whole(1, 256), "gateway processes; one per core is enough")
    ledger_url: str | None = _setting(
        None,
        parsing.parse_text,
        "sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME; default: SQLite in data_dir",
        secret=True,
    )
    durability: str = _setting(
        "full",
        parsing.one_of("full", "relaxed"),
        "full: an intent is on disk before its call is sent; relaxed: it survives any process, "
        "not a power cut",
    )
    price_date: datetime | None = _setting(
        None,
        parsing.parse_when,
        "price every call as of this instant; default: as of its admission",
    )
    behind_tls_proxy: bool = _setting(
        False,
        parsing.parse_flag,
        "confirms that a proxy in front ends TLS, so that listening beyond loopback is safe",
    )
    allow_http: bool = _setting(
        False, parsing.parse_flag, "allow plain http base URLs to other machines"
    )
    max_body_bytes: int = _setting(
        32 * _MIB, parsing.size(1_024, _GIB), "largest request body on call paths"
    )
    max_answer_bytes: int = _setting(
        64 * _MIB, parsing.size(1_024, 4 * _GIB), "largest answer body"
    )
    max_in_flight_calls: int = _setting(
        4_096, parsing.whole(1, 1_000_000), "calls one worker has open at once; more get a 503"
    )
    connect_timeout_s: float = _setting(
        5.0, parsing.seconds(0.1, 600), "longest wait for a connection to a provider"
    )
    first_byte_timeout_s: float = _setting(
        120.0, parsing.seconds(0.1, _DAY_S), "longest wait for the first byte of a stream"
    )
    idle_timeout_s: float = _setting(
        120.0, parsing.seconds(0.1, _DAY_S), "longest silence within an answer"
    )
    total_timeout_s: float = _setting(
        600.0, parsing.seconds(0.1, _DAY_S), "longest exchange with a provider"
    )
    hang_up_drain_s: float = _setting(
        10.0,
        parsing.seconds(0, 3_600),
        "how long an answer is read on for its usage after its caller has left",
    )
    shutdown_grace_s: float = _setting(
        30.0, parsing.seconds(0, 3_600), "how long calls may finish after SIGTERM"
    )
    log_level: str = _setting(
        "info", parsing.one_of("debug", "info", "warning", "error"), "least severe line to log"
    )
    log_format: str = _setting("json", parsing.one_of("json", "text"), "form of log lines")
    master_key: str | None = _setting(
        None, parsing.parse_text, "the master key itself (base64 of 32 bytes)", secret=True
    )
    master_key_file: Path | None = _setting(
        None,
        parsing.parse_path,
        "file of the master key; default: master.key in the data directory",
    )
    config_file: Path | None = None
    """The outlay.toml that was read, if there was one."""
    provider_entries: tuple[ProviderEntry, ...] = ()
    """Providers as configured in outlay.toml and the environment; the ledger may know more."""
    findings: tuple[Finding, ...] = ()
    """What was odd but does not stop us: shown at start and by `outlay doctor`."""
    sources: dict[str, str] = field(default_factory=dict)
    """Where each setting that is not at its default was written."""

    @property
    def providers(self) -> tuple[Provider, ...]:
        """The providers that files and environment make, without those stored in the ledger."""
        return build_providers((), self.provider_entries).providers

    @property
    def upstream_limits(self) -> Limits:
        """How long each part of an exchange with a provider may take."""
        return Limits(
            connect_timeout_s=self.connect_timeout_s,
            first_byte_timeout_s=self.first_byte_timeout_s,
            idle_timeout_s=self.idle_timeout_s,
            total_timeout_s=self.total_timeout_s,
        )

    @property
    def price_at_us(self) -> int | None:
        """The instant whose prices apply to every call; None: each call's own."""
        return None if self.price_date is None else to_us(self.price_date)

    @property
    def log_json(self) -> bool:
        """Tell whether log lines are JSON."""
        return self.log_format == "json"
