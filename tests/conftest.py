"""What holds for every test: properties are judged by what they find, never by how long they took."""

from hypothesis import HealthCheck, settings

settings.register_profile("trader", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("trader")
