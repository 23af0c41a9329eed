"""The cast of a simulated company: its features, who pays for them, which models they call.

Everything here is invented. Shares and sizes are chosen so that every report has something to show:
cheap and dear outcomes, features without any, cache use, reasoning, a night batch, a spike.
"""

from dataclasses import dataclass
from typing import Literal

Rhythm = Literal["office", "always", "night"]

CUSTOMERS = 2_200
EMPLOYEES = 800
"""Of the users; customers use what faces them, employees everything else."""
POWER_USERS = frozenset({3, 11, 42})
POWER_FACTOR = 6
"""Their prompts are so many times as long as everybody else's: outliers."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model as it is called, and what its provider calls the answer."""

    provider: Literal["openai", "anthropic", "gemini"]
    name: str
    returned: str
    reasons: bool = False


GPT_4O_MINI = Model("openai", "gpt-4o-mini", "gpt-4o-mini-2024-07-18")
GPT_4O = Model("openai", "gpt-4o", "gpt-4o-2024-08-06")
GPT_41_MINI = Model("openai", "gpt-4.1-mini", "gpt-4.1-mini-2025-04-14")
GPT_5 = Model("openai", "gpt-5", "gpt-5-2025-08-07", reasons=True)
GPT_5_MINI = Model("openai", "gpt-5-mini", "gpt-5-mini-2025-08-07", reasons=True)
HAIKU = Model("anthropic", "claude-haiku-4-5", "claude-haiku-4-5-20251001")
SONNET = Model("anthropic", "claude-sonnet-4-6", "claude-sonnet-4-6")
OPUS = Model("anthropic", "claude-opus-4-8", "claude-opus-4-8")
FLASH = Model("gemini", "gemini-2.5-flash", "gemini-2.5-flash", reasons=True)
PRO = Model("gemini", "gemini-2.5-pro", "gemini-2.5-pro", reasons=True)


@dataclass(frozen=True, slots=True)
class Feature:
    """A product feature and how it is used.

    Attributes:
        name: None is what nobody tagged.
        outcome: the result of a successful session; None when the feature has none.
        session_prefix: what session ids begin with; None when it sets no session.
        success_percent: sessions that end in the outcome.
        share: weight among all sessions.
        turns: fewest and most calls of a session.
        models: (model, weight).
        prompt_tokens / growth_tokens / output_tokens: of the first call; more with each turn; said.
        static_percent: part of the first prompt that is the same in every call and may be cached.
    """

    name: str | None
    department: str | None
    gl_account: str | None
    cost_center: str | None
    outcome: str | None
    session_prefix: str | None
    success_percent: int
    share: int
    turns: tuple[int, int]
    models: tuple[tuple[Model, int], ...]
    prompt_tokens: int
    growth_tokens: int
    output_tokens: int
    static_percent: int = 0
    rhythm: Rhythm = "office"
    project: str | None = None
    workload: str | None = None
    variants: tuple[str, ...] = ()
    faces_customers: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """A session before its calls: who, for what, with which model, and how it will end."""

    feature: Feature
    model: Model
    user: str | None
    session: str | None
    starts_us: int
    turns: int
    succeeds: bool
    prompt_factor: int = 1
    variant: str | None = None
    environment: str = "production"


# One feature after the other; the positional fields are name, department, general-ledger account,
# cost centre, outcome, session prefix, success percent, share.
# fmt: off
FEATURES: tuple[Feature, ...] = (
    Feature("ticket-resolver", "support", "6100-10", "CC-110", "ticket-resolved", "ticket_", 61, 34,
            turns=(2, 9), models=((GPT_4O_MINI, 55), (GPT_41_MINI, 25), (HAIKU, 20)),
            prompt_tokens=1_900, growth_tokens=260, output_tokens=140, static_percent=75,
            rhythm="always", project="helpdesk", workload="interactive",
            variants=("prompt-a", "prompt-b"), faces_customers=True),
    Feature("knowledge-search", "support", "6100-10", "CC-111", "question-answered", "search_",
            78, 18, turns=(1, 3), models=((GPT_5_MINI, 70), (FLASH, 30)),
            prompt_tokens=3_100, growth_tokens=500, output_tokens=210, static_percent=20,
            project="helpdesk", workload="interactive", faces_customers=True),
    Feature("contract-drafter", "legal", "6200-20", "CC-210", "contract-drafted", "contract_",
            72, 3, turns=(3, 11), models=((OPUS, 60), (SONNET, 40)),
            prompt_tokens=7_800, growth_tokens=2_400, output_tokens=1_450, static_percent=55,
            project="paper", workload="interactive"),
    Feature("code-reviewer", "engineering", "6300-30", "CC-310", "review-completed", "pr_", 84, 9,
            turns=(1, 6), models=((SONNET, 65), (GPT_5, 35)),
            prompt_tokens=9_200, growth_tokens=1_900, output_tokens=620, static_percent=40,
            project="platform", workload="agent"),
    Feature("invoice-extractor", "finance", "6400-40", "CC-410", "document-processed", "doc_",
            93, 12, turns=(1, 2), models=((FLASH, 80), (GPT_4O, 20)),
            prompt_tokens=2_600, growth_tokens=300, output_tokens=180, static_percent=60,
            rhythm="night", project="ledger", workload="batch"),
    Feature("email-writer", "sales", "6500-50", "CC-510", "email-sent", "email_", 66, 10,
            turns=(1, 4), models=((GPT_41_MINI, 70), (GPT_4O, 30)),
            prompt_tokens=1_200, growth_tokens=420, output_tokens=260,
            project="pipeline", workload="interactive", variants=("short", "long")),
    Feature("lead-qualifier", "sales", "6500-50", "CC-511", "lead-qualified", "lead_", 41, 7,
            turns=(1, 5), models=((GPT_4O_MINI, 100),),
            prompt_tokens=1_500, growth_tokens=300, output_tokens=90, static_percent=70,
            project="pipeline", workload="interactive"),
    Feature("data-analyst", "analytics", "6600-60", "CC-610", "analysis-delivered", "analysis_",
            58, 3, turns=(2, 8), models=((GPT_5, 60), (PRO, 40)),
            prompt_tokens=5_400, growth_tokens=2_100, output_tokens=700,
            project="insight", workload="agent"),
    Feature("meeting-notes", "operations", "6700-70", "CC-710", None, None, 0, 3,
            turns=(1, 1), models=((FLASH, 100),),
            prompt_tokens=11_500, growth_tokens=0, output_tokens=640,
            project="office", workload="interactive"),
    Feature(None, None, None, None, None, None, 0, 2,
            turns=(1, 2), models=((GPT_4O, 100),),
            prompt_tokens=2_200, growth_tokens=400, output_tokens=300),
)
# fmt: on
