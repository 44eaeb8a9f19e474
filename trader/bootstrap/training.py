"""Training over a place's bars."""

from datetime import date
from typing import TYPE_CHECKING

from trader.bootstrap.parts import bar_archive, known_universe, model_store, universe_of_bars
from trader.bootstrap.place import Place
from trader.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from trader.decision.contract import Trained


def train_model(place: Place, until: date | None = None) -> "Trained":
    """Train on the bars up to `until` (all of them when None) and store the artifact; it trades once it is promoted."""
    from trader.training.train import train

    configuration = place.configuration()
    universe = known_universe(place, configuration) or universe_of_bars(place)
    policy, archive = configuration.settings.model, bar_archive(place)
    newest = max(archive.last_dates().values(), default=None)
    if newest is None:
        raise ConfigurationError(str(archive.path), "no bars", "Run `trader data import FILE` or `trader data update`.")
    sessions = policy.train_sessions + configuration.settings.data.lookback_sessions
    panel = archive.panel(universe.symbols, min(until or newest, newest), sessions)
    trained = train(panel, [universe.sector_of(symbol) for symbol in panel.symbols], policy)
    model_store(place).save(trained)
    return trained
