"""Which examples hypothesis draws: the profiles, chosen by the environment variable HYPOTHESIS_PROFILE.

quick     the same few examples in every run (the default)
random    as few, others in every run; --hypothesis-seed=N draws the same again
thorough  as random, with thousands of examples per property
"""

import os

from hypothesis import settings

for name, fixed, examples in (("quick", True, 25), ("random", False, 25), ("thorough", False, 2000)):
    settings.register_profile(
        name, deadline=None, derandomize=fixed, max_examples=examples, print_blob=True, database=None
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def at_least(examples: int) -> settings:
    """That many examples, or as many as the profile has if that is more."""
    return settings(max_examples=max(examples, settings().max_examples))
