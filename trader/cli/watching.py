"""What a person sees while `trader day` works: a bar and a few lines at a terminal, the log lines otherwise."""

import atexit
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from trader.cli.context import Options

if TYPE_CHECKING:
    from rich.progress import Progress

Watch = tuple[Callable[[str, int, int], None], Callable[[str], None]]


@contextmanager
def watched(options: Options) -> Iterator[Watch]:
    """(progress, announce) for the block; log lines go to the state's log file, warnings to people as well."""
    log = options.place.log
    log.parent.mkdir(parents=True, exist_ok=True)
    copy = log.open("a", encoding="utf-8", buffering=1)
    atexit.register(copy.close)  # no earlier: an unexpected error is logged when the block is left
    options.log(copy, quiet=True)
    if sys.stderr.isatty():
        with _progress() as shown:
            yield _bar(shown), lambda line: shown.console.print(line, highlight=False)
    else:
        yield lambda _what, _done, _total: None, lambda line: typer.echo(line, err=True)


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _bar(shown: "Progress") -> Callable[[str, int, int], None]:
    task = shown.add_task("", total=None)

    def progress(what: str, done: int, total: int) -> None:
        shown.update(task, description=what, completed=done, total=total)

    return progress
