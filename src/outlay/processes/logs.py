"""Logs: one JSON object per line on standard error, without bodies and without secrets."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from outlay.identity.credential_shapes import mask


def configure_logs(level: str, *, as_json: bool, process: str) -> None:
    """Set up logging of this process, whose name stands on every line."""
    shared: list[structlog.typing.Processor] = [
        _name_process(process),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_secrets,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    numeric = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _pass_on_library_logs(shared, renderer, max(numeric, logging.WARNING))


def _name_process(process: str) -> structlog.typing.Processor:
    def name(_logger: object, _name: str, line: MutableMapping[str, Any]) -> Any:
        line["process"] = process
        return line

    return name


def _pass_on_library_logs(
    shared: list[structlog.typing.Processor], renderer: structlog.typing.Processor, level: int
) -> None:
    """Write what libraries log (uvicorn, SQLAlchemy) in the same form."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[lines], level=level, force=True)


def mask_secrets(
    _logger: object, _name: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace whatever looks like a credential in any text of a line."""
    for key, value in line.items():
        if isinstance(value, str):
            line[key] = mask(value)
    return line
