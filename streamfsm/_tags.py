"""Finding a tag in text that is cut anywhere."""


def split_at_tag(text: str, tag: str) -> tuple[str, str | None]:
    """Look for the first ``tag`` in ``text``.

    Returns:
        ``(before, after)`` around the tag; or, without one, ``(decided, None)``, where ``decided`` is ``text`` less the
        longest proper prefix of the tag that ends it: that prefix may become a tag when more text comes.
    """
    before, found, after = text.partition(tag)
    if found:
        return before, after
    for length in range(min(len(tag) - 1, len(text)), 0, -1):
        if text.endswith(tag[:length]):
            return text[:-length], None
    return text, None
