"""What a person sees while `trader day` works: a bar and a few lines at a terminal, the log lines otherwise."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from trader.cli.context import Options

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Watch = tuple[Callable[[str, int, int], None], Callable[[str], None]]


@contextmanager
def watched(options: Options) -> Iterator[Watch]:
    """(progress, announce) for the block; all log lines go to the state's log file as well."""
    if not sys.stderr.isatty():
        options.log()
        yield lambda _what, _done, _total: None, lambda line: typer.echo(line, err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        options.log(options.place.log, quiet=True)
        yield _bars(shown), lambda line: shown.console.print(line, highlight=False)


def _bars(shown: "Progress") -> Callable[[str, int, int], None]:
    tasks: dict[str, TaskID] = {}

    def progress(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = shown.add_task(what, total=total)
        shown.update(tasks[what], completed=done, total=total, visible=done < total)

    return progress
