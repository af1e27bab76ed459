"""What can be decided about text before its end has come: surrogate pairs, tags and repetitions.

JSON carries astral characters as pairs of escapes, and servers cut between the two halves: one delta ends with U+D83D,
the next begins with U+DE00. No emitted string may hold a lone half (law 3).
"""

import re

_ANY = re.compile("[\ud800-\udfff]")
_PLACES = 64
_PAIR_OR_LONE = re.compile("([\ud800-\udbff])([\udc00-\udfff])|[\ud800-\udfff]")


def join_surrogates(held: str, text: str) -> tuple[str, str]:
    """Join the surrogate pairs in the next piece of a text.

    Args:
        held: what the last call held back, ``""`` at first.
        text: the next piece.

    Returns:
        The joined text, with U+FFFD for every lone half; and the high half at its end, if any, because its low half may
        be the next piece's first character. A half that is still held back at the end of the text is a lone one.
    """
    if not held and not _ANY.search(text):
        return text, ""
    text = held + text
    held = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
    return _PAIR_OR_LONE.sub(_join, text[: len(text) - len(held)]), held


def without_surrogates(text: str) -> str:
    """Join the surrogate pairs in a complete text; every lone half becomes U+FFFD."""
    if text.isascii():
        return text
    joined, half = join_surrogates("", text)
    return joined + "\ufffd" * len(half)


def may_begin(text: str, tag: str, start: int = 0) -> int:
    """Return where ``text[start:]`` ends with a proper prefix of ``tag``, the longest, which more text may complete.

    The result is the length of ``text`` if there is no such prefix.
    """
    for length in range(min(len(tag) - 1, len(text) - start), 0, -1):
        if text.endswith(tag[:length]):
            return len(text) - length
    return len(text)


def is_repetition(text: str, shortest: int) -> bool:
    """Whether a text is a shorter text, of at least ``shortest`` characters, repeated."""
    period = (text + text).find(text, 1)
    return shortest <= period < len(text)


def begins_again(text: str) -> bool:
    """Whether, at some place in the text, all of the text before it comes again. Tries the first candidates only."""
    head = text[:2]
    at = text.find(head, len(head))
    for _ in range(_PLACES):
        if at <= 0 or text.startswith(text[:at], at):
            break
        at = text.find(head, at + 1)
    else:
        return False
    return at > 0


def _join(match: re.Match[str]) -> str:
    if match[1] is None:
        return "\ufffd"
    return chr(0x10000 + (ord(match[1]) - 0xD800 << 10) + ord(match[2]) - 0xDC00)
