"""Swaps a proved backup in for the state of this host, and back; each may be repeated after a power loss in its midst.

The former files are kept in a directory of the deploy state, whose file PHASE says how far it has come:

    keeping     former files are being moved away    (what is in the state is former)
    placing     the backup's are being put in        (what is in the state is the backup's)
    placed      done
    clearing    undone: the backup's are being removed
    returning   undone: the former are being moved back

From its beginning to its end the state belongs to whoever swaps, and nobody else gets in: a service user who could lay
a link between two steps of root would have root write through it.
"""

import errno
import json
import os
import shutil
import stat
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from trader.deployment import durable
from trader.deployment.backup.drill import prove
from trader.deployment.backup.files import gather_file, gather_tree, open_private, read_manifest, settle
from trader.deployment.errors import Broken, Refused

_LEDGER, _LOG, _INDEX = "ledger.db", "ledger.db-wal", "ledger.db-shm"
_TREES = ("plans", "models", "reports", "bars")
_STATE = "STATE"


@dataclass(frozen=True, slots=True)
class _Phase:
    """How far it has come.

    `trees`: the directories it is about; `halt`: what it wrote into STATE; `owner` and `mode`: of the state.
    """

    name: str
    trees: tuple[str, ...]
    halt: str
    owner: tuple[int, int]
    mode: int


def swap(staged: Path, state: Path, kept: Path, reason: str) -> None:
    """Halt trading, move the former files to `kept` and put the backup's in. Nothing may be using the state.

    The ledger is replaced. Of plans, models and reports the backup's replace those of the same name; others stay, for
    a plan that was made since is never forgotten. Raises Refused before anything has changed when the backup is gone
    or damaged.
    """
    phase = _read(kept) or _begin(staged, state, kept, reason)
    _close(state)
    if phase.name == "keeping":
        _write_state(state, phase.halt.encode(), phase)
        for name in (_LEDGER, _LOG, *phase.trees):
            _move(state / name, kept / name, phase)
        durable.remove(state / _INDEX)
        phase = _enter(kept, phase, "placing")
    if phase.name == "placing":
        for name in (*phase.trees, _LEDGER):
            _place(staged / "state" / name, kept / name, state, phase)
        durable.remove_leftovers(state)
        phase = _enter(kept, phase, "placed")
    if phase.name != "placed":
        raise Refused(f"{kept}: this restore is being undone", "Let that come to its end, then restore again.")
    _reopen(state, phase)


def unswap(state: Path, kept: Path) -> None:
    """Undo a swap, done or begun; what was written into the restored ledger since goes with it."""
    if phase := _read(kept):
        _close(state)
        _put_back(state, kept, phase)
        _reopen(state, phase)
    durable.remove_tree(kept)
    durable.remove_leftovers(kept.parent)


def _put_back(state: Path, kept: Path, phase: _Phase) -> None:
    if phase.name in ("placing", "placed", "clearing"):
        phase = _enter(kept, phase, "clearing")
        for name in (_LEDGER, _LOG, _INDEX, *phase.trees):
            _remove(state / name)
    phase = _enter(kept, phase, "returning")
    for name in (*phase.trees, _LOG, _LEDGER):
        _remove(_draft(state / name))
        _move(kept / name, state / name, phase)
    _return_state(state, kept, phase)
    durable.remove_leftovers(state)


def _begin(staged: Path, state: Path, kept: Path, reason: str) -> _Phase:
    """Refuse a backup that is not whole any more; put down what there is to do, and the former STATE."""
    _, problems = prove(staged, read_manifest(staged))
    if problems:
        raise Refused(f"{staged} is damaged: {'; '.join(problems)}", "Nothing was changed. Restore again.")
    durable.remove_tree(kept)
    kept.mkdir(parents=True, mode=0o700)
    gather_file(state / _STATE, kept / _STATE)
    settle(kept)
    halt = json.dumps({"reason": reason, "state": "halt"}, sort_keys=True, ensure_ascii=False) + "\n"
    trees = tuple(name for name in _TREES if (staged / "state" / name).is_dir())
    found = state.stat()
    phase = _Phase("", trees, halt, (found.st_uid, found.st_gid), stat.S_IMODE(found.st_mode))
    return _enter(kept, phase, "keeping")


def _close(state: Path) -> None:
    """Take the state, so that nobody else can change a name in it."""
    os.chown(state, os.geteuid(), os.getegid())
    state.chmod(0o700)


def _reopen(state: Path, phase: _Phase) -> None:
    """Give the state back."""
    os.chown(state, *phase.owner)
    state.chmod(phase.mode)
    durable.sync_directory(state)


def _read(kept: Path) -> _Phase | None:
    try:
        values = json.loads((kept / "PHASE").read_bytes())
        return _Phase(values["name"], tuple(values["trees"]), values["halt"], tuple(values["owner"]), values["mode"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        problem = f"{kept / 'PHASE'} does not say how far a restore has come ({error})"
        raise Broken(problem, f"Look at what is in {kept} and in the state, and move it by hand.") from None


def _enter(kept: Path, phase: _Phase, name: str) -> _Phase:
    entered = replace(phase, name=name)
    durable.write_json(kept / "PHASE", asdict(entered))
    return entered


def _move(source: Path, target: Path, phase: _Phase) -> None:
    """Move a file or a directory, also to another file system; at any instant one of the two names has it whole."""
    if not os.path.lexists(source):
        return
    if not os.path.lexists(target):
        try:
            source.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy_over(source, target, phase)
    _remove(source)
    for directory in (source.parent, target.parent):
        durable.sync_directory(directory)


def _copy_over(source: Path, target: Path, phase: _Phase) -> None:
    draft = _draft(target)
    _remove(draft)
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, draft, symlinks=True)
    else:
        shutil.copy2(source, draft, follow_symlinks=False)
    _take_in(draft, target, phase)


def _place(source: Path, former: Path, state: Path, phase: _Phase) -> None:
    """Put a copy of the backup's file in, or of its directory with what only the former one has."""
    target = state / source.name
    if os.path.lexists(target):
        return
    draft = _draft(target)
    _remove(draft)
    if source.is_dir():
        gather_tree(source, draft)
        gather_tree(former, draft, missing_only=True)
    else:
        gather_file(source, draft)
    _take_in(draft, target, phase)


def _take_in(draft: Path, target: Path, phase: _Phase) -> None:
    """Give a finished copy its name, and the owner of the state."""
    for path in (draft, *draft.rglob("*")):
        os.chown(path, *phase.owner, follow_symlinks=False)
    settle(draft)
    draft.rename(target)
    durable.sync_directory(target.parent)


def _draft(path: Path) -> Path:
    return path.with_name(f".new-{path.name}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        durable.remove_tree(path)
    else:
        path.unlink(missing_ok=True)
    durable.sync_directory(path.parent)


def _write_state(state: Path, content: bytes, phase: _Phase) -> None:
    draft = _draft(state / _STATE)
    _remove(draft)
    with open_private(draft) as file:
        file.write(content)
    _take_in(draft, state / _STATE, phase)


def _return_state(state: Path, kept: Path, phase: _Phase) -> None:
    """Put the former STATE back, unless somebody has said something since."""
    _remove(_draft(state / _STATE))
    if _content(state / _STATE) != phase.halt.encode():
        return
    former = _content(kept / _STATE)
    if former is None:
        durable.remove(state / _STATE)
    else:
        _write_state(state, former, phase)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
