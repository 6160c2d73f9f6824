import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester", "spanwise.testing.plugin"]

settings.register_profile(
    "spanwise",
    deadline=None,
    max_examples=25,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("spanwise")
