"""Hypothesis profiles, chosen by HYPOTHESIS_PROFILE: ``default``, ``nightly`` with a hundred times the examples,
and ``mutants`` with a fifth of them, always the same."""

import os

from hypothesis import Phase, settings

EXAMPLES = 100

settings.register_profile("default", max_examples=EXAMPLES, deadline=None, print_blob=True)
settings.register_profile("nightly", max_examples=100 * EXAMPLES, deadline=None, print_blob=True)
settings.register_profile(
    "mutants", max_examples=EXAMPLES // 5, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
