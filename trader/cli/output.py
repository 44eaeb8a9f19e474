"""Results as tables for people and as JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from trader.status.present import UnitLine

Row = Sequence[object]
_PIPED_WIDTH = 160


def print_json(value: object) -> None:
    """Any frozen result as JSON."""
    from trader.domain.canonical import plain

    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))


def console() -> "Console":
    """Standard output; wide when it is not a terminal, so that no table is cut."""
    from rich.console import Console

    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_PIPED_WIDTH)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """A table; columns of numbers stand to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    cells = [list(row) for row in rows]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for at, column in enumerate(columns):
        numeric = any(isinstance(row[at], int | Decimal) and not isinstance(row[at], bool) for row in cells)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(_cell(cell)) for cell in row))
    if title:  # not the table's own, which is broken at a narrow table's edge
        console().print(Text(title, style="bold"))
    console().print(table)


def print_facts(title: str, facts: Iterable[tuple[str, object]]) -> None:
    """One fact a line."""
    typer.echo(facts_text(title, facts))


def facts_text(title: str, facts: Iterable[tuple[str, object]]) -> str:
    """One fact a line."""
    found = list(facts)
    width = max(len(name) for name, _ in found)
    return "\n".join([title, *(f"  {name:<{width}}  {_cell(value)}" for name, value in found)])


def units_text(units: "Iterable[UnitLine]") -> str:
    """When each unit ran last and is due next, in Chicago; without the library, which takes long to import."""
    rows = [("unit", "last", "next", "result")]
    rows += [(unit.name, _in_chicago(unit.last_at), _in_chicago(unit.next_at), unit.result) for unit in units]
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    lines = ([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]] for row in rows)
    return "\n".join(f"  {'  '.join(line)}" for line in lines)


def _in_chicago(instant: "datetime | None") -> str:
    from zoneinfo import ZoneInfo

    return f"{instant.astimezone(ZoneInfo('America/Chicago')):%a %Y-%m-%d %H:%M %Z}" if instant else "-"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "ok" if value else "FAILED"
    if isinstance(value, int | Decimal):
        return f"{value:,}"
    return str(value)
