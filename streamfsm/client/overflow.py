"""Recognises errors of servers that mean that the prompt was too long for the model's context."""

import re

from streamfsm.result import ErrorInfo

_CODES = {"context_length_exceeded", "context_window_exceeded", "model_context_window_exceeded"}
_WORDS = re.compile(
    r"maximum context length|exceeds? (the|this model's) (available )?context|context (length|window|size) exceeded"
    r"|(prompt|input) is too (long|large)|exceeds the maximum number of (input )?tokens|input token count .* exceeds",
    re.IGNORECASE,
)


def is_context_overflow(error: ErrorInfo) -> bool:
    """Whether the prompt was too long for the model, so that a shorter one may succeed."""
    return error.code in _CODES or _WORDS.search(error.message) is not None
