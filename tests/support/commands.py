"""Commands in this process: what they print, their exit code, and what they leave of a state directory."""

import io
import os
import resource
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from trader.cli.main import run

HERE = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
PASSING = {"calendar", "logs"}
"""Directories that hold nothing of value."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The exit code, and everything that was printed, logs included."""

    code: int
    said: str


def trader(*words: str, environ: Mapping[str, str] | None = None) -> Ended:
    """`trader WORDS` with `environ` and nothing of this process's own environment but PATH and HOME."""
    said, before = io.StringIO(), (sys.argv, dict(os.environ))
    try:
        sys.argv = ["trader", *words]
        os.environ.clear()
        os.environ.update({**HERE, "COLUMNS": "400", **(environ or {})})
        with redirect_stdout(said), redirect_stderr(said):
            code = run()
    finally:
        sys.argv = before[0]
        os.environ.clear()
        os.environ.update(before[1])
    return Ended(code, said.getvalue())


def on_a_full_disk(*words: str) -> Ended:
    """The same in a child that can write no byte to any file, as on a disk that has run full."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        ended = trader(*words)
        os.write(writing, ended.said.encode()[-60_000:])
        os._exit(ended.code)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as said:
        text = said.read()
    return Ended(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text)


def kept(state: Path) -> dict[str, bytes]:
    """What may not be lost: every file but locks, the request budget and what SQLite keeps beside its file."""
    found = (path for path in state.rglob("*") if path.is_file())
    return {
        str(path.relative_to(state)): path.read_bytes()
        for path in found
        if not PASSING & set(path.parts)
        and not path.name.startswith(("requests.", ".lock"))
        and path.suffix != ".lock"
        and not path.name.endswith(("-wal", "-shm"))
    }
