"""What a person has to be told."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """When it was seen (UTC), which unit it is about, how grave it is (`error`), and a few sentences."""

    at: datetime
    unit: str
    severity: str
    text: str
