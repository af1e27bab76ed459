"""Finding tags in text that is cut anywhere."""


def may_begin(text: str, tag: str) -> int:
    """Where in ``text`` the longest proper prefix of ``tag`` begins that ends it: it may become a tag with more text.

    The length of ``text`` if none does.
    """
    for length in range(min(len(tag) - 1, len(text)), 0, -1):
        if text.endswith(tag[:length]):
            return len(text) - length
    return len(text)
