"""Chooses who does what in the simulated company: a session, before any of its calls."""

from random import Random

from outlay.emulator.cast import (
    CUSTOMERS,
    EMPLOYEES,
    FEATURES,
    POWER_FACTOR,
    POWER_USERS,
    Feature,
    Session,
)

_STAGING_SHARE = 0.04
_SECOND_VARIANT_GAIN_PERCENT = 9
"""The second variant of a prompt succeeds more often: an experiment has something to find."""
_SKEW = 1.6
"""Above 1, low numbers are drawn more often: few users call much, most call little."""
_LATECOMERS = 7
"""Every seventh user joins during the period."""


def choose_session(
    feature: Feature, starts_us: int, dice: Random, *, number: int, progress: float = 1.0
) -> Session:
    """Choose user, model, length and ending of a session of a feature.

    Args:
        feature: what is used.
        starts_us: when.
        dice: every choice comes from it.
        number: makes the session's id its own.
        progress: how much of the period has passed (0 to 1); later users have not joined before.
    """
    user = _choose_user(feature, dice, progress)
    variant = dice.choice(feature.variants) if feature.variants else None
    models = [model for model, _ in feature.models]
    gains = variant is not None and variant == feature.variants[-1]
    success_percent = feature.success_percent + (_SECOND_VARIANT_GAIN_PERCENT if gains else 0)
    return Session(
        feature=feature,
        model=dice.choices(models, [weight for _, weight in feature.models])[0],
        user=None if user is None else f"user_{user:04d}",
        session=f"{feature.session_prefix}{number}" if feature.session_prefix else None,
        starts_us=starts_us,
        turns=dice.randint(*feature.turns),
        succeeds=dice.randrange(100) < success_percent,
        prompt_factor=POWER_FACTOR if user in POWER_USERS else 1,
        variant=variant,
        environment="staging" if dice.random() < _STAGING_SHARE else "production",
    )


def choose_feature(dice: Random) -> Feature:
    """Choose a feature by its share of all sessions."""
    return dice.choices(FEATURES, [feature.share for feature in FEATURES])[0]


def _choose_user(feature: Feature, dice: Random, progress: float) -> int | None:
    """Choose a user; few use it much, most use it little. Nobody knows who made untagged calls."""
    if feature.name is None:
        return None
    first, many = (EMPLOYEES, CUSTOMERS) if feature.faces_customers else (0, EMPLOYEES)
    user = first + int(many * dice.random() ** _SKEW)
    joined = (user * 37 % 100) / 100 if user % _LATECOMERS == 0 else 0
    return user if joined <= progress else user + 1
