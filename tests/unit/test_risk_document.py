"""docs/risk.md names every limit with the default it has, and every denial there is."""

import re
from pathlib import Path

import pytest

from trader.decision.breakers import BREAKERS
from trader.decision.order_rules import RULES
from trader.decision.plan_rules import PLAN_RULES
from trader.domain.policy import RiskPolicy, WatchPolicy

TEXT = (Path(__file__).parents[2] / "docs" / "risk.md").read_text(encoding="utf-8")
ROWS = {
    cells[0].strip(" `"): [cell.strip() for cell in cells]
    for cells in (line.strip("|").split("|") for line in TEXT.splitlines() if line.startswith("| `"))
}


@pytest.mark.parametrize("code", sorted({*RULES, *PLAN_RULES, "no_quote"}))
def test_every_denial_has_its_row(code: str) -> None:
    _, when, _, at, source = ROWS[code]
    assert when
    assert source
    assert ("plan" in at) == (code in PLAN_RULES)
    assert ("order" in at) == (code in RULES or code == "no_quote")


@pytest.mark.parametrize("key", sorted(RiskPolicy.model_fields))
def test_every_limit_stands_there_with_its_default(key: str) -> None:
    default = str(RiskPolicy.model_fields[key].default).lower()
    said = (
        ROWS[key][2] if key in ROWS else "".join(re.findall(rf"`{key}`[^;:]*?\(?(?:default )?({default})\b", TEXT)[:1])
    )
    assert said.split()[0] == default


@pytest.mark.parametrize("code", sorted({*BREAKERS, "max_silence_s"}))
def test_every_breaker_has_its_row(code: str) -> None:
    _, when, default, then, source = ROWS[code]
    assert all((when, default, then, source))
    field = WatchPolicy.model_fields.get(code)
    assert field is None or default.split()[0] == str(field.default)


@pytest.mark.parametrize("key", sorted(WatchPolicy.model_fields.keys() - {*BREAKERS, "max_silence_s"}))
def test_every_key_of_the_watch_is_told_with_its_default(key: str) -> None:
    default = WatchPolicy.model_fields[key].default
    assert re.search(rf"`(watch\.)?{key}`(: | \(){default}", TEXT)
