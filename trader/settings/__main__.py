"""`python -m trader.settings` in the repository's root: write again what is made from the policies."""

from pathlib import Path

from trader.settings.load import load
from trader.settings.render import commented, reference, schema


def regenerated(path: Path) -> str:
    """A shipped configuration: its own opening comment, then its keys; all of them in execution.yaml."""
    opening, _, _ = path.read_text().partition("\n\n")
    return f"{opening}\n\n{commented(load(path, {}).settings, whole=path.name == 'execution.yaml')}"


if __name__ == "__main__":
    Path("config/execution.schema.json").write_text(schema())
    Path("docs/configuration.md").write_text(reference())
    for shipped in Path("config").glob("*.yaml"):
        if shipped.name != "alpaca_credentials.yaml":
            shipped.write_text(regenerated(shipped))
