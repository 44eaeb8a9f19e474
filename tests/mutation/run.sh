#!/usr/bin/env bash
# Change the gates one expression at a time and run their tests on each change: a change no test notices is a survivor.
# mutmut works in a copy of the tree, with an environment of its own; it is in no lock file. Takes minutes.
#   tests/mutation/run.sh [DIRECTORY]      default: var/mutation
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
work=${1:-var/mutation}
mkdir -p "$work" && work=$(cd "$work" && pwd)
[ -x "$work/venv/bin/mutmut" ] || {
  python3 -m venv "$work/venv"
  "$root/.venv/bin/uv" pip install -q --python "$work/venv/bin/python" -r requirements/dev.lock mutmut==3.8.1
}
rm -rf "$work/tree" && mkdir "$work/tree"
git ls-files -z trader tests docs pyproject.toml | tar --null -cf - -T - | tar -xf - -C "$work/tree"
cp tests/mutation/setup.cfg "$work/tree/"
cd "$work/tree"
"$work/venv/bin/mutmut" run --max-children "${JOBS:-2}" >"$work/log" 2>&1 || { tail -20 "$work/log"; exit 1; }
tr '\r' '\n' <"$work/log" | tail -2
"$work/venv/bin/mutmut" results | tee "$work/survivors"
echo "Look at one: (cd $work/tree && $work/venv/bin/mutmut show NAME)"
