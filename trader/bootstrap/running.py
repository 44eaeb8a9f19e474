"""Which release this is. Few imports: a stop asks it, too."""

import json
import sys
from importlib.metadata import version
from pathlib import Path


def running_release() -> str:
    """The id of the release whose environment this runs in; outside of one the package's version.

    Never an error: an emergency stop must not fail for a manifest that somebody damaged.
    """
    try:
        manifest = json.loads((Path(sys.prefix).parent / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return version("trader")
    found = manifest.get("id") if isinstance(manifest, dict) else None
    return found if isinstance(found, str) else version("trader")
