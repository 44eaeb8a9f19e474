"""Files of a host. Always through the host itself: a link in it must lead to a place in it, not on this machine."""

import io
import shlex
import tarfile
from pathlib import Path

from tests.fleet.lab.errors import CommandFailed
from tests.fleet.lab.shell import Shell


class Files:
    """Read and write, whether the host runs or not."""

    def __init__(self, host: str, shell: Shell) -> None:
        self._host, self._shell = host, shell

    def read(self, path: str) -> str:
        """The text of a file."""
        return self.read_bytes(path).decode()

    def read_bytes(self, path: str) -> bytes:
        """What is in a file."""
        return self._do(f"cat -- {shlex.quote(path)}")

    def exists(self, path: str) -> bool:
        """Whether there is something; a link that leads nowhere is nothing."""
        return self._do(f"test -e {shlex.quote(path)} && echo yes || true") != b""

    def write(self, path: str, content: str | bytes, mode: int = 0o644, owner: str = "root") -> None:
        """Make or replace a file, and the directories above it."""
        place, folder = shlex.quote(path), shlex.quote(str(Path(path).parent))
        content = content.encode() if isinstance(content, str) else content
        script = f"mkdir -p {folder} && cat > {place} && chown {owner}: {place} && chmod {mode:o} {place}"
        self._do(script, content)

    def put(self, local: Path, path: str, owner: str = "root") -> None:
        """Copy a file or a whole directory to `path` in the host."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.add(local, arcname=Path(path).name, filter=_nobodys)
        folder, place = shlex.quote(str(Path(path).parent)), shlex.quote(path)
        script = f"mkdir -p {folder} && tar -x -C {folder} -f - && chown -R {owner}: {place}"
        self._do(script, packed.getvalue())

    def get(self, path: str, local: Path) -> None:
        """Copy a file or a whole directory of the host into the directory `local`."""
        folder, name = shlex.quote(str(Path(path).parent)), shlex.quote(Path(path).name)
        packed = self._do(f"tar -c -C {folder} -f - -- {name}")
        local.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(local, filter="data")

    def _do(self, script: str, stdin: bytes | None = None) -> bytes:
        code, out, err = self._shell.run_bytes(
            "sh", "-c", script, user="root", timeout_s=120, stdin=stdin, env={"LC_ALL": "C.UTF-8"}
        )
        if code != 0:
            raise CommandFailed(self._host, ("sh", "-c", script), code, err.decode(errors="replace"))
        return out


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry
