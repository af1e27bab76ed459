"""Hypothesis profiles, chosen by HYPOTHESIS_PROFILE: ``default``, and ``nightly`` with a hundred times the examples."""

import os

from hypothesis import settings

EXAMPLES = 100

settings.register_profile("default", max_examples=EXAMPLES, deadline=None, print_blob=True)
settings.register_profile("nightly", max_examples=100 * EXAMPLES, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
