"""The reports on disk: one page for people and one document for programs, a day."""

from datetime import date
from pathlib import Path

from trader.adapters import durable


class ReportFiles:
    """`YYYYMMDD.html` and `YYYYMMDD.json` in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, day: date, page: str, document: str) -> Path:
        """Replace both files of the day, each in one step; the page's path. Raises ConfigurationError."""
        path = self._directory / f"{day:%Y%m%d}.html"
        for target, text in ((path.with_suffix(".json"), document), (path, page)):
            with durable.explained(target):
                durable.replace(target, text.encode())
        return path
