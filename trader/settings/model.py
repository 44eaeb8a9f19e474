"""The configuration file's shape: one policy per section."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict
from pydantic_core import to_json

from trader.domain.policy import (
    BrokerPolicy,
    CalendarPolicy,
    DataPolicy,
    ExecutionPolicy,
    ModelPolicy,
    ReportingPolicy,
    RiskPolicy,
    Section,
    SizingPolicy,
    WatchPolicy,
)


def _venue_alone(value: object) -> object:
    if isinstance(value, BrokerPolicy):
        return value
    # a validator hands its value on as Python's, where strictness would refuse a Decimal's text: read it as JSON here
    return BrokerPolicy.model_validate_json(to_json({"venue": value} if isinstance(value, str) else value), strict=True)


Broker = Annotated[
    BrokerPolicy,
    BeforeValidator(_venue_alone, json_schema_input_type=BrokerPolicy | Literal["alpaca", "simulated"]),
]


class Settings(Section):
    """The configuration of one paper account. Every key has a default; unknown keys are refused."""

    model_config = ConfigDict(title="trader configuration")

    execution: ExecutionPolicy = ExecutionPolicy()
    """How orders are sent and followed."""
    position_sizing: SizingPolicy = SizingPolicy()
    """From signals to share counts."""
    risk_management: RiskPolicy = RiskPolicy()
    """Limits of the gate; shares of equity at the start of the day unless the name says otherwise."""
    watch: WatchPolicy = WatchPolicy()
    """Limits watched through the day, and what is done when one is reached."""
    model: ModelPolicy = ModelPolicy()
    """What is trained and what may trade."""
    data: DataPolicy = DataPolicy()
    """Bars and the universe."""
    broker: Broker = BrokerPolicy()
    """Where orders go; `broker: alpaca` is short for the venue alone."""
    calendar: CalendarPolicy = CalendarPolicy()
    """When the day's work is done."""
    reporting: ReportingPolicy = ReportingPolicy()
    """The end-of-day report."""
