"""What a scanner says of a text in pieces, and what ``json``, which has never seen it, says."""

import json
import re

from streamfsm.channels import Step
from streamfsm.core.scanner import Scanner
from streamfsm.core.trie import Taking, trie_of

TEXT = "text"
CAPTURED = {"t": "thoughts_open", "m": "message_open"}


def text(value):
    return (TEXT, value)


class Heard(list):
    """An outlet that keeps what it is told, as pairs of an event and a text."""

    def key(self, call):
        assert call == "the call"

    def boundary(self, call, event, emits=""):
        assert (call, emits) == ("the call", "")
        self.append((event, ""))

    def text(self, call, text):
        assert call == "the call"
        assert text
        self.append((TEXT, text))


def joined(signals):
    """Signals with adjacent texts joined."""
    found = []
    for event, value in signals:
        before = found.pop()[1] if found and event == TEXT == found[-1][0] else ""
        found.append((event, before + value))
    return found


def trie(captured):
    """What captures top-level members: key → the event that opens the value."""
    return trie_of(tuple(((Step("member", key),), Taking(event)) for key, event in captured.items()))


def read(scanner, piece):
    """What a scanner tells of a piece; ``None``: of the end."""
    heard = Heard()
    if piece is None:
        scanner.close("the call", heard)
    else:
        scanner.feed(piece, "the call", heard)
    return heard


def scan(pieces, *, captured=CAPTURED, raw=True):
    """All that a scanner tells of a text in ``pieces``: signals, verdict, offset of the error, duplicate keys."""
    scanner = Scanner(trie(captured), raw=raw)
    signals = [signal for piece in (*pieces, None) for signal in read(scanner, piece)]
    return joined(signals), scanner.verdict, scanner.error_offset, list(scanner.duplicates)


def signals_of(document, **options):
    return scan([document], **options)[0]


def parts(signals):
    """The raw text, and the texts of the captured values by the event that opened them, in order."""
    raw, captured, inside = "", [], False
    for event, value in signals:
        if event == TEXT and inside:
            captured[-1] = (captured[-1][0], captured[-1][1] + value)
        elif event == TEXT:
            raw += value
        else:
            inside = event in CAPTURED.values()
            if inside:
                captured.append((event, ""))
    return raw, captured


def refuse(word):
    raise ValueError(word)  # NaN and Infinity, which json.loads accepts and RFC 8259 does not


def decoder(*, strict=True):
    # Objects as lists of pairs, so that repeated keys count; numbers as they are written.
    return json.JSONDecoder(
        object_pairs_hook=list,
        parse_constant=refuse,
        parse_int=lambda digits: ("number", digits),
        parse_float=lambda digits: ("number", digits),
        strict=strict,
    )


def expected_verdict(document):
    """What ``json.loads`` says of ``document``, and of it with an ending."""
    blank = " \t\n\r"
    if document.strip(blank) in ("", "null"):
        return "empty"
    if not document.lstrip(blank).startswith("{"):
        return "incomplete" if "null".startswith(document.lstrip(blank)) else "invalid"
    for strict, verdict in ((True, "valid"), (False, "lenient")):
        try:
            _, end = decoder(strict=strict).raw_decode(document.lstrip(blank))
        except ValueError:
            continue
        return "trailing" if document.lstrip(blank)[end:].strip(blank) else verdict
    return "incomplete" if can_be_completed(document) else "invalid"


# What may be missing: of an escape and its string; of a number, a word or a member; of a key's member.
ENDINGS = [
    ending + member
    for ending in (
        '"',
        'n"',
        '0"',
        '00"',
        '000"',
        '0000"',
        "",
        "0",
        "rue",
        "ue",
        "e",
        "alse",
        "lse",
        "se",
        "ull",
        "ll",
        "l",
        '"":0',
    )
    for member in ("", ":0")
]


STRING = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?$)', re.DOTALL)


def can_be_completed(document):
    """Whether some ending makes ``document`` an object that json.loads takes."""
    closers = ""
    for bracket in re.sub(r"[^{}\[\]]", "", STRING.sub("", document)):
        closers = "}]"["{[".index(bracket)] + closers if bracket in "{[" else closers[1:]
    for ending in ENDINGS:
        try:
            decoder(strict=False).decode(document + ending + closers)
        except ValueError:
            continue
        return True
    return False


def without_lone_surrogates(value):
    return re.sub("[\ud800-\udfff]", "\ufffd", value)


def captured_values(captured, value):
    """Captured texts, read as what they were in ``value``: text itself, nothing for null, JSON text for the rest."""
    members = [member for key, member in value if key in CAPTURED]
    return [
        (event, None if member is None and not found else found if isinstance(member, str) else decoder().decode(found))
        for (event, found), member in zip(captured, members, strict=True)
    ]


def assert_judged_as_json_loads_judges(document):
    _, verdict, offset, _ = scan([document])
    assert verdict == expected_verdict(document)
    assert (offset is None) == (verdict not in ("invalid", "trailing"))
    if offset is not None:
        assert_offset_agrees(document, offset)


def assert_offset_agrees(document, offset):
    begun = document.lstrip(" \t\n\r")
    if begun[0] not in "{n":  # no object begins like this, whatever json.loads makes of it
        assert offset == len(document) - len(begun)
        return
    position = position_of_error(document)
    if position == offset + 1:
        assert document[offset : offset + 2] == "\\u"  # we point at the backslash of any bad escape
    elif position is not None:
        assert BEGUN.fullmatch(document[position:offset])


def position_of_error(document):
    """Where json.loads sees the error; ``None`` where it sees none: a constant, or JSON that is no object."""
    try:
        decoder(strict=False).decode(document)
    except json.JSONDecodeError as error:
        return error.pos
    except ValueError:
        pass
    return None


# What json.loads has read when it points at the beginning of what it cannot finish, where we point at the character:
# part of a number or of a word, and (from Python 3.13 on) the comma of a missing member.
BEGUN = re.compile(r"-?[\d.eE+-]*|[a-zA-Z]+|,[ \t\n\r]*")
