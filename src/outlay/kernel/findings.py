"""A finding: a problem in the data that somebody should see, as a value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What is odd (`code`), where it was seen (`source`), and in words (`message`)."""

    code: str
    source: str
    message: str
