"""The dimensions a call is attributed to, and the header of each. The one list of them."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Dimension(StrEnum):
    """A categorical attribute of a call; its value is the name in ledger, API and reports."""

    FEATURE = "feature"
    DEPARTMENT = "department"
    USER = "user"
    SESSION = "session"
    OUTCOME = "outcome"
    PROJECT = "project"
    ENVIRONMENT = "environment"
    TIER = "tier"
    WORKLOAD = "workload"
    VARIANT = "variant"
    GL_ACCOUNT = "gl_account"
    COST_CENTER = "cost_center"
    RUN_ID = "run_id"
    PARENT_RUN_ID = "parent_run_id"
    MCP_SERVER = "mcp_server"
    AGENT_HANDOFF = "agent_handoff"


HEADERS: Mapping[Dimension, str] = {
    Dimension.FEATURE: "X-Cost-Feature",
    Dimension.DEPARTMENT: "X-Cost-Department",
    Dimension.USER: "X-Cost-User",
    Dimension.SESSION: "X-Cost-Session",
    Dimension.OUTCOME: "X-Cost-Outcome",
    Dimension.PROJECT: "X-Cost-Project",
    Dimension.ENVIRONMENT: "X-Cost-Environment",
    Dimension.TIER: "X-Cost-Tier",
    Dimension.WORKLOAD: "X-Cost-Workload",
    Dimension.VARIANT: "X-Cost-Variant",
    Dimension.GL_ACCOUNT: "X-Cost-GL-Account",
    Dimension.COST_CENTER: "X-Cost-Cost-Center",
    Dimension.RUN_ID: "X-Cost-Run-ID",
    Dimension.PARENT_RUN_ID: "X-Cost-Parent-Run-ID",
    Dimension.MCP_SERVER: "X-Cost-MCP-Server",
    Dimension.AGENT_HANDOFF: "X-Cost-Agent-Handoff",
}
"""The request header of each dimension, spelt as people write it."""

RUN_BUDGET_HEADER = "X-Cost-Run-Budget"

ID_DIMENSIONS = frozenset(
    {Dimension.USER, Dimension.SESSION, Dimension.RUN_ID, Dimension.PARENT_RUN_ID}
)
"""Dimensions whose values are ids, not names: longer, and hashed above the verbatim limit."""

KEY_DIMENSIONS = frozenset(Dimension) - {Dimension.OUTCOME, Dimension.SESSION, Dimension.USER}
"""Dimensions that an API key may default or pin; the others differ from call to call."""


class Source(StrEnum):
    """Where a dimension's value came from, in order of precedence."""

    PINNED = "pinned"
    HEADER = "header"
    BODY = "body"
    CLIENT_HEADER = "client_header"
    KEY_DEFAULT = "key_default"
    IMPORT = "import"


class Value(msgspec.Struct, frozen=True, gc=False):
    """One attributed value: the text as recorded, its source, and whether it is only an HMAC."""

    text: str
    source: Source
    hashed: bool = False


class Attribution(msgspec.Struct, frozen=True, gc=False):
    """What a call is attributed to. An absent dimension is unattributed, never guessed.

    `run_budget_nanos` is the caller's own cap for the run; `warnings` are the hints that go back in
    `X-Cost-Warning`.
    """

    values: Mapping[Dimension, Value]
    run_budget_nanos: int | None = None
    warnings: tuple[str, ...] = ()

    def text(self, dimension: Dimension) -> str | None:
        """Return the recorded value of a dimension, or None."""
        value = self.values.get(dimension)
        return None if value is None else value.text


UNATTRIBUTED = Attribution(values={})
