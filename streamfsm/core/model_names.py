"""What can be inferred from a model's name."""

import re

_REASONING = re.compile(r"(?:o[1-9]\d*|gpt-(?:[5-9]|[1-9]\d+))(?![\da-z])")


def is_reasoning_model(name: str) -> bool:
    """Whether OpenAI's model of this name reasons without showing it: the o-series, gpt-5 and later families.

    A provider's prefix (``openai/gpt-5``) is allowed; the ``-chat`` variants do not reason.
    """
    name = name.rpartition("/")[2].lower()
    return _REASONING.match(name) is not None and "-chat" not in name
