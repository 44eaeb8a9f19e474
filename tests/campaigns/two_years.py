"""Every calendar date of 2025 and 2026 as timers would start it: `make campaign`.

Each year runs on an exchange of its own, both at once. Exit status 1 when a session started or ended wrong or an order
was sent outside its window.
"""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path

from tests.campaigns.year import campaign, weekdays
from tests.simulation.conftest import Zygote

YEARS = {2025: date(2024, 12, 31), 2026: date(2025, 12, 31)}
"""A year, and the last session before it, on whose morning the model is trained."""
CONTRADICTING = frozenset({date(2025, 5, 14), date(2026, 3, 6)})


def live(year: int) -> int:
    """Run one year and print its tally as JSON; 0 when it is clean."""
    zygote = Zygote()
    days = weekdays(date(year, 1, 1), date(year, 12, 31))
    with (
        tempfile.TemporaryDirectory() as folder,
        campaign(zygote, Path(folder) / "state", YEARS[year], CONTRADICTING) as running,
    ):
        for number, day in enumerate(days, 1):
            running.live(day)
            if number % 20 == 0:
                tally = running.tally
                counts = f"{number} of {len(days)} days, {tally.orders} orders, {len(tally.wrong)} wrong"
                sys.stderr.write(f"{day}: {counts}\n")
        running.judge_ledger(days)
    zygote.close()
    sys.stdout.write(json.dumps({"year": year, "weekdays": len(days)} | asdict(running.tally)) + "\n")
    return 1 if running.tally.wrong else 0


def main() -> int:
    """Run both years at once; what each has printed, one line each, and the time both took."""
    began_s = time.monotonic()
    workers = [
        subprocess.Popen([sys.executable, "-m", "tests.campaigns.two_years", str(year)], stdout=subprocess.PIPE)
        for year in YEARS
    ]
    for worker in workers:
        sys.stdout.write(worker.communicate()[0].decode())
    sys.stdout.write(f"{time.monotonic() - began_s:.0f} s\n")
    return max(worker.returncode for worker in workers)


if __name__ == "__main__":
    sys.exit(live(int(sys.argv[1])) if len(sys.argv) > 1 else main())
