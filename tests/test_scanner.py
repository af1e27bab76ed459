"""The scanner against ``json.loads``, which has never seen it, at every split."""

import json
import pickle
from itertools import product

import pytest
from helpers import ALPHABET, cut, splits
from hypothesis import example, given
from hypothesis import strategies as st
from scanning import (
    CAPTURED,
    TEXT,
    assert_judged_as_json_loads_judges,
    assert_offset_agrees,
    captured_values,
    decoder,
    expected_verdict,
    joined,
    parts,
    read,
    scan,
    signals_of,
    text,
    trie,
    without_lone_surrogates,
)

from streamfsm.core.scanner import Scanner
from streamfsm.machines import TOOL_CALL

CLOSED, RESUMED, OBJECT = ("value_closed", ""), ("raw_resumed", ""), ("object_closed", "")
THOUGHTS, MESSAGE, MALFORMED = ("thoughts_open", ""), ("message_open", ""), ("malformed", "")

# -- conformance -------------------------------------------------------------------------------------------------------

VALID = [
    "{}", " \t\n\r{ \t\n\r} \t\n\r", '{"a":0}', '{"a":-0}', '{"a":10}', '{"a":-10.5}', '{"a":1.0e1}', '{"a":1E+1}',
    '{"a":1e-0}', '{"a":1E400}', '{"a":-0.0e00}', '{"a":123456789012345678901234567890}', '{"a":true}', '{"a":false}',
    '{"a":null}', '{"a":""}', '{"a":"b","c":"d"}', '{ "a" : 1 , "b" : 2 }', '{"":1}', '{"":{"":[]}}', '{"a":1,"a":2}',
    '{"a":[]}', '{"a":[ ]}', '{"a":[1,2]}', '{"a":[[],[[]],{}]}', '{"a":{"b":{"c":[{}]}}}', '{"a":[1,"x",null]}',
    r'{"a":"\"\\\/\b\f\n\r\t"}', r'{"a":"\u0061\u00E9\u20ac"}', r'{"a":"\u0000"}', r'{"a":"\ud83d\ude00"}',
    r'{"a":"\uD83D\uDE00"}', r'{"a":"\ud83d"}', r'{"a":"\ude00"}', r'{"a":"\ud83dx"}', r'{"a":"\ud83d\n"}',
    r'{"a":"\ud83d\u0061"}', r'{"a":"\ud83d\ud83d\ude00"}', r'{"a":"\ude00\ud83d"}', r'{"t":"\ud83d\ud83d\ude00"}',
    r'{"t":"\ud83d"}', r'{"t":"\ude00"}', r'{"t":"\ud83d\u00e9"}', r'{"t":"\ud83d\"\ude00"}', r'{"t":"\\u0061"}',
    r'{"t":"say \"hi\"\nok 😀"}', '{"a":"\u2028\u2029\x7f\ufeff"}', '{"a":"é😀"}', '{"\u2028":1}', '{"a":"{}[],:"}',
    r'{"\u0074":"x"}', r'{"\ud83d":1}', '{"t":"x"}', '{"t":null}', '{"t":12}', '{"t":1,"m":2}', '{"t":true ,"a":1}',
    '{"t":"x","a":1}', '{"a":1,"t":"x"}', '{"a":1,"t":"x","b":2}', '{"t":"x" , "m":"y" , "a":1}', '{"t":["}",{"t":1}]}',
    '{"a":{"t":"x"}}', '{"t":"x","t":"y"}', '{"t":"","m":""}', '{"a":"b,c","t":"d,e"}', '{"t":{"a":[1,2]},"a,b":1}',
]  # fmt: skip
LENIENT = [
    '{"a":"\n"}', '{"a":"\t"}', '{"a":"\x00\x1f"}', '{"a\n":1}', '{"t":"x\r\ny"}', '{"t":"\n","a":"b"}', '{"a":["\n"]}',
]  # fmt: skip
EMPTY = ["", " ", "\n\t\r ", "null", " null", "null\n"]
INCOMPLETE = [
    "{", " {", '{"', '{"a', '{"a"', '{"a":', '{"a": ', '{"a":1', '{"a":-', '{"a":0', '{"a":1.', '{"a":1.5', '{"a":1e',
    '{"a":1e+', '{"a":1e+9', '{"a":t', '{"a":tru', '{"a":true', '{"a":nul', '{"a":"', '{"a":"b', '{"a":"b"', '{"a":1,',
    '{"a":1, ', '{"a":[', '{"a":[1', '{"a":[1,', '{"a":{', '{"a":{"b', '{"a":[{}', '{"a":[]', '{"a":"\\',
    r'{"a":"\u', r'{"a":"\u00e', r'{"a":"\ud83d', '{"a":"\\ud83d\\', r'{"a":"\ud83d\ude0', r'{"\ud83d', '{"a":"\n',
    '{"t":"x', r'{"t":"x\ud83d', r'{"t":"x\u00', '{"t":"x"', '{"t":"x",', '{"t":"x","a', '{"t":[1', r'{"t":["\u0',
    '{"t":nu', "n", "nul",
]  # fmt: skip
# The bar stands before the character at ``error_offset``.
INVALID = [
    '{"a":0|1}', '{"a":-0|1}', '{"a":1.|}', '{"a":|+1}', '{"a":|.5}', '{"a":1e|}', '{"a":1e+|}', '{"a":-|}',
    '{"a":1.|e1}',
    '{"a":0|x1}', '{"a":1|_000}', '{"a":-|a}', '{"a":1.5|.5}', '{"a":1e5|.5}', '{"a":1e|e}', '{"a":-| 1}',
    '{"a":|١}', '{"a":1|١}', '{"a":tru|}', '{"a":t|True}', '{"a":|True}', '{"a":true|e}', '{"a":nul|}', '{"a":null|l}',
    '{"a":n|an}', '{"a":|NaN}', '{"a":|Infinity}', '{"a":-|Infinity}', '{"a":|undefined}',
    "{|,}", '{"a":1,|}', '{"a":1,|,"b":2}', '{"a":1|;}', '{"a":1 |"b":2}', '{"a":|}', '{"a"|}', '{"a"|,1}', '{"a":|:1}',
    '{"a":[|,]}', '{"a":[1,|]}', '{"a":[1 |2]}', '{"a":[1|}', '{"a":{"b":1|]}', '{"a":1|]', '{"a":[|)}', "{|]", "{|{}}",
    "{|a:1}", "{|'a':1}", '{"a":|\'b\'}', "{|1:2}", "{|null:1}", '{"a" |1}', '{"a":|/*x*/1}', "{|//x\n}",
    r'{"a":"|\x"}', r'{"a":"|\ "}', r'{"a":"|\u12G4"}', r'{"a":"|\u"}', r'{"a":"|\u00 0"}', r'{"a":"|\U0041"}',
    r'{"a":"|\'"}',
    r'{"a":"\ud83d|\ud8"}', r'{"a":"\ud83d|\x"}', '{"a":"|\\\n"}', r'{"|\q":1}', r'{"t":"|\x\y"}', r'{"a":"|\x","b":,}',
    r'{"a":"|\x"', r'{"a":"|\x"} x', '{"a":|\u00a01}', "{|\u2028}", '{"a":1|\v}', "{|\ufeff}", "|\ufeff{}", "|\u00a0{}",
    "|[1]", '|"a"', "|1", "|true", "|x", "|}", "|,{}", "|None", "n|x", "nul|x", "null|l", "null |x", "null|{}",
    '{"a":"bcd","ef":"ghi"|x}', '{"t":"bcd"|x}',
    '{"t":|x}', '{"t":n|o}', '{"t":1|x}', '{"t":[1|}', '{"t":"x"|"a"}', '{"t":"x",|}', '{"t":"x",|,"a":1}', '{"t"|"x"}',
    '{"a":1,"t":"x"|x', '{"t":"x" |; "a":1}',
]  # fmt: skip
TRAILING = [
    "{}|x", "{} |x", "{}|{}", '{}|{"a":1}', '{"a":1}|}', '{"a":1}\n|{"a":1}', '{"a":1}|,', "{}|\u2028", "{}|null",
    '{"t":"x"}|{"t":"y"}', "{}|\x00",
]  # fmt: skip


def marked(verdict, documents):
    return [(document.replace("|", "", 1), verdict, document.index("|")) for document in documents]


def unmarked(verdict, documents):
    return [(document, verdict, None) for document in documents]


DOCUMENTS = [
    *unmarked("valid", VALID),
    *unmarked("lenient", LENIENT),
    *unmarked("empty", EMPTY),
    *unmarked("incomplete", INCOMPLETE),
    *marked("invalid", INVALID),
    *marked("trailing", TRAILING),
]


@pytest.mark.parametrize(("document", "verdict", "offset"), DOCUMENTS)
def test_a_document_is_judged_as_json_loads_judges_it(document, verdict, offset):
    assert scan([document])[1:3] == (verdict, offset)
    assert expected_verdict(document) == verdict
    if offset is not None:
        assert_offset_agrees(document, offset)


@pytest.mark.parametrize("document", [document for document, *_ in DOCUMENTS])
@pytest.mark.parametrize("raw", [True, False])
def test_no_split_changes_what_is_said(document, raw):
    whole = scan([document], raw=raw)
    assert all(scan(pieces, raw=raw) == whole for pieces in splits(document))


@pytest.mark.parametrize("document", [document for document, *_ in DOCUMENTS])
def test_what_is_not_captured_is_reported_verbatim(document):
    assert parts(signals_of(document, captured={})) == (document, [])


@pytest.mark.parametrize(("document", "verdict", "offset"), DOCUMENTS)
def test_an_empty_piece_says_and_changes_nothing(document, verdict, offset):
    scanner = Scanner(trie(CAPTURED))
    for character in document:
        read(scanner, character)
        assert read(scanner, "") == []
    assert (scanner.verdict, scanner.error_offset) == (verdict, offset)


def test_nesting_takes_no_recursion():
    depth = 20_000
    deep = '{"a":' * depth + "[" * depth + "]" * depth + "}" * depth
    assert scan([deep]) == ([text(deep), OBJECT], "valid", None, [])
    assert scan([deep[:-1]])[1:3] == ("incomplete", None)
    assert scan([deep[: depth * 6 + 5] + "}"])[1:3] == ("invalid", depth * 6 + 5)
    captured = '["a",' * depth + "1" + "]" * depth
    assert parts(signals_of(f'{{"t":{captured}}}')) == ("{}", [("thoughts_open", captured)])


# -- what is reported --------------------------------------------------------------------------------------------------

REPORTS = {
    "nothing captured": ('{"a":1}', [text('{"a":1}'), OBJECT]),
    "only a captured member": ('{"t":"x"}', [text("{"), THOUGHTS, text("x"), CLOSED, RESUMED, text("}"), OBJECT]),
    "captured first": ('{"t":"x","a":1}', [text("{"), THOUGHTS, text("x"), CLOSED, RESUMED, text('"a":1}'), OBJECT]),
    "captured last": ('{"a":1,"t":"x"}', [text('{"a":1'), THOUGHTS, text("x"), CLOSED, RESUMED, text("}"), OBJECT]),
    "captured between": (
        '{"a":1 , "t" : "x" , "b":2}',
        [text('{"a":1'), THOUGHTS, text("x"), CLOSED, RESUMED, text(' , "b":2}'), OBJECT],
    ),
    "two captured, then a raw one": (
        '{"t":"x", "m":"y", "a,b":1}',
        [text("{"), THOUGHTS, text("x"), CLOSED, MESSAGE, text("y"), CLOSED, RESUMED, text(' "a,b":1}'), OBJECT],
    ),
    "a captured key, escaped": (
        r'{"\u0074":"x"}',
        [text("{"), THOUGHTS, text("x"), CLOSED, RESUMED, text("}"), OBJECT],
    ),
    "a captured key, deeper": ('{"a":{"t":"x"}}', [text('{"a":{"t":"x"}}'), OBJECT]),
    "a captured key as a value": ('{"a":"t"}', [text('{"a":"t"}'), OBJECT]),
    "escapes in captured text": (
        r'{"t":"\u0041\n\ud83d\ude00\ud83d"}',
        [text("{"), THOUGHTS, text("A\n😀�"), CLOSED, RESUMED, text("}"), OBJECT],
    ),
    "a bad escape in captured text": (
        r'{"t":"a\xb"}',
        [text("{"), THOUGHTS, text(r"a\xb"), CLOSED, RESUMED, text("}"), OBJECT],
    ),
    "an empty captured text": ('{"t":""}', [text("{"), THOUGHTS, CLOSED, RESUMED, text("}"), OBJECT]),
    "captured null": ('{"t":null}', [text("{"), THOUGHTS, CLOSED, RESUMED, text("}"), OBJECT]),
    "a captured number": ('{"t":-1.5e3 }', [text("{"), THOUGHTS, text("-1.5e3"), CLOSED, RESUMED, text(" }"), OBJECT]),
    "a captured word": ('{"t":false}', [text("{"), THOUGHTS, text("false"), CLOSED, RESUMED, text("}"), OBJECT]),
    "a captured object": (
        '{"t": {"a": ["\\n"]}}',
        [text("{"), THOUGHTS, text('{"a": ["\\n"]}'), CLOSED, RESUMED, text("}"), OBJECT],
    ),
    "white space around": (' {"a":1}\n', [text(' {"a":1}'), OBJECT, text("\n")]),
    "an error between members": (
        '{"t":"x" "a":1}',
        [text("{"), THOUGHTS, text("x"), CLOSED, MALFORMED, text(' "a":1}')],
    ),
    "an error in a captured value": ('{"t":[1}', [text("{"), THOUGHTS, text("[1"), MALFORMED, text("}")]),
    "an error after the object": ('{"a":1}x', [text('{"a":1}'), OBJECT, ("trailing", ""), text("x")]),
    "a cut in captured text": (r'{"t":"x\u00', [text("{"), THOUGHTS, text("x")]),
    "a cut after half a pair": (r'{"t":"x\ud83d\u', [text("{"), THOUGHTS, text("x�")]),
    "a cut in raw text": (r'{"a":"x\u00', [text(r'{"a":"x\u00')]),
    "a cut in a captured value that is no string": (r'{"t":["\u00', [text("{"), THOUGHTS, text(r'["\u00')]),
    "a cut in a key": (r'{"t":1,"b\ud83d', [text("{"), THOUGHTS, text("1"), CLOSED, RESUMED, text(r'"b\ud83d')]),
}


@pytest.mark.parametrize(("document", "signals"), REPORTS.values(), ids=REPORTS)
def test_members_are_captured_or_raw(document, signals):
    assert signals_of(document) == signals


@pytest.mark.parametrize(("document", "signals"), REPORTS.values(), ids=REPORTS)
def test_without_raw_text_only_captured_text_is_left_and_what_is_not_json(document, signals):
    inside, broken, left = False, False, []
    for signal in signals:
        inside = signal in (THOUGHTS, MESSAGE) or (inside and signal[0] == TEXT)
        broken = broken or signal[0] in ("malformed", "trailing")
        if signal[0] in ("malformed", "trailing"):
            left.append(("misspoken", ""))
        elif inside or broken or signal[0] not in (TEXT, RESUMED[0]):
            left.append(signal)
    assert signals_of(document, raw=False) == left


PROMPT = {
    "text is reported as it comes": [('{"t":"Hel', "{", "Hel"), ("lo", "", "lo"), (" ", "", " "), ('"}', "}", "")],
    "an escape waits for its end": [('{"t":"a\\', "{", "a"), ("nb", "", "\nb"), ("\\u00", "", ""), ("e9", "", "é")],
    "a high surrogate waits for what follows": [('{"t":"\\ud83d', "{", ""), ("\\ude0", "", ""), ("0", "", "😀")],
    "a lone surrogate waits no longer than that": [('{"t":"\\ud83d', "{", ""), ("\\", "", ""), ("n", "", "�\n")],
    "a key waits for its quote": [('{"q', "{", ""), ("uery", "", ""), ('"', '"query"', ""), (':"x', ':"x', "")],
    "a separator waits for its key": [('{"a":1', '{"a":1', ""), (" , ", "", ""), ('"b', "", ""), ('"', ' , "b"', "")],
    "raw escapes wait as well": [('{"a":"x\\u', '{"a":"x', ""), ("00e9y", "\\u00e9y", "")],
    "a captured number is text": [('{"t":1', "{", "1"), ("23.", "", "23."), ("5", "", "5"), ("}", "}", "")],
    "after an error nothing waits": [("[", "[", ""), ('"\\', '"\\', ""), ("u", "u", "")],
}


@pytest.mark.parametrize("steps", PROMPT.values(), ids=PROMPT)
def test_nothing_waits_longer_than_it_must(steps):
    scanner, inside = Scanner(trie(CAPTURED)), False
    for piece, raw, captured in steps:
        said = {False: "", True: ""}
        for event, value in read(scanner, piece):
            inside = event == THOUGHTS[0] or (inside and event == TEXT)
            said[inside] += value
        assert said == {False: raw, True: captured}


@pytest.mark.parametrize(
    ("document", "duplicates"),
    [
        ('{"a":1,"b":2}', []),
        ('{"a":1,"a":2,"a":3}', ["a"]),
        (r'{"a":1,"\u0061":2}', ["a"]),
        ('{"t":1,"t":2}', ["t"]),
        ('{"":1,"":2}', [""]),
        ('{"a":{"a":1},"b":{"a":1,"a":2}}', []),
    ],
)
def test_keys_that_come_again_are_told(document, duplicates):
    assert scan(document) == scan([document])
    assert scan(document)[3] == duplicates


def test_a_scanner_can_be_pickled_after_every_character():
    document = r'{"t":"a\ud83d\ude00\x","a":[1.5e3,true,{}],"a":null} x'
    scanner, signals = Scanner(trie(CAPTURED)), []
    for character in document:
        scanner = pickle.loads(pickle.dumps(scanner))  # noqa: S301 - our own
        signals += read(scanner, character)
    signals += read(scanner, None)
    assert (joined(signals), scanner.verdict, scanner.error_offset, list(scanner.duplicates)) == scan([document])


def test_a_run_longer_than_one_match_takes_is_read_whole():
    value = "\\n" * 10_000
    assert parts(signals_of(f'{{"t":"{value}"}}')) == ("{}", [("thoughts_open", "\n" * 10_000)])


# -- random documents --------------------------------------------------------------------------------------------------


def spaced(inner):
    return st.tuples(SPACE, inner, SPACE).map("".join)


def objects(values):
    members = st.tuples(spaced(KEYS), spaced(values)).map(":".join)
    return st.lists(members, max_size=5).map(lambda found: "{" + (",".join(found) or " ") + "}")


SPACE = st.sampled_from(["", "", "", " ", "\n", "\t\r "])
PLAIN = [*ALPHABET.replace('"', "").replace("\\", "").replace("\n", ""), "tm"]
ESCAPES = [r"\"", r"\\", r"\/", r"\n", r"\u0074", r"\u00E9", r"\u2028", r"\u0000"]
SURROGATES = [r"\ud83d\uDE00", r"\uD83D", r"\ude00"]
UNITS = st.sampled_from([*PLAIN, *ESCAPES, *SURROGATES])
STRINGS = st.lists(UNITS, max_size=6).map(lambda units: f'"{"".join(units)}"')
KEYS = st.sampled_from(['"t"', '"m"', r'"\u0074"', r'"\u006D"', '"a"', '"a,b"']) | STRINGS
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
VALUES = st.recursive(
    STRINGS | NUMBERS | st.sampled_from(["true", "false", "null"]),
    lambda inner: st.one_of(objects(inner), st.lists(spaced(inner), max_size=3).map(",".join).map("[{}]".format)),
    max_leaves=6,
)


OBJECTS = spaced(objects(VALUES))
TOKENS = [*ALPHABET, '"t":', '"a":', "true", "null", "-", "0", "1.5", "e", "\\u", "\\ud83d", "\x00", "\ufeff"]
GARBAGE = st.lists(st.sampled_from(TOKENS), max_size=20).map("".join)


@st.composite
def damaged(draw):
    """An object with a short piece of it replaced."""
    document = draw(OBJECTS)
    start = draw(st.integers(0, len(document)))
    end = min(len(document), start + draw(st.integers(0, 3)))
    return document[:start] + draw(st.sampled_from(["", *TOKENS])) + document[end:]


@st.composite
def in_pieces(draw, documents):
    """A document and a way to cut it."""
    document = draw(documents)
    return document, cut(document, draw(st.lists(st.integers(0, len(document)), max_size=12)))


@given(in_pieces(OBJECTS))
def test_raw_text_is_the_object_without_what_was_captured(cut_document):
    document, pieces = cut_document
    value = decoder().decode(document)
    signals, verdict, offset, _ = scan(pieces)
    raw, captured = parts(signals)

    assert (verdict, offset) == ("valid", None)
    assert decoder().decode(raw) == [(key, member) for key, member in value if key not in CAPTURED]
    assert captured_values(captured, value) == [
        (CAPTURED[key], without_lone_surrogates(member) if isinstance(member, str) else member)
        for key, member in value
        if key in CAPTURED
    ]


@given(in_pieces(STRINGS.map('{{"t":{}}}'.format)))
def test_captured_text_is_what_json_loads_decodes(cut_document):
    document, pieces = cut_document
    value = without_lone_surrogates(json.loads(document)["t"])
    assert parts(scan(pieces)[0]) == ("{}", [("thoughts_open", value)])


@given(in_pieces(OBJECTS | damaged() | GARBAGE))
def test_no_random_cut_changes_what_is_said(cut_document):
    document, pieces = cut_document
    assert scan(pieces) == scan([document])
    assert scan(pieces, raw=False) == scan([document], raw=False)


@given(damaged() | GARBAGE)
@example('{"a":1 \x00}')
def test_random_text_is_judged_as_json_loads_judges_it(document):
    assert_judged_as_json_loads_judges(document)


@pytest.mark.parametrize(
    ("begin", "tokens", "most", "end"),
    [
        ('{"a":', "01-+.eE", 4, "}"),
        ('{"a":', [*"[]{},: ", "1", '"a"'], 3, "}"),
        ('{"a":[1', [*"[]{},", "1", '"a":'], 4, ""),
        ('{"a":"', ["\\", '"', "u", "0", "n", "d83d"], 4, '"}'),
    ],
    ids=["numbers", "values", "punctuation", "escapes"],
)
def test_every_short_text_is_judged_as_json_loads_judges_it(begin, tokens, most, end):
    for length in range(most + 1):
        for middle in product(tokens, repeat=length):
            assert_judged_as_json_loads_judges(begin + "".join(middle) + end)


@given(OBJECTS | damaged() | GARBAGE)
def test_nothing_of_the_text_is_lost_or_invented(document):
    assert parts(signals_of(document, captured={})) == (document, [])


class Lane:
    state = TOOL_CALL.table.initial


@given(OBJECTS | damaged() | GARBAGE, st.booleans())
def test_the_table_of_tool_calls_takes_every_signal_there_is(document, raw):
    lane = Lane()
    captured = {"t": "thoughts_open"} if raw else CAPTURED  # the message is captured in the message tool only
    TOOL_CALL.advance(lane, "tool_named" if raw else "speech_named")
    for event, _ in signals_of(document, captured=captured, raw=raw):
        if event == TEXT:
            assert TOOL_CALL.texts[lane.state] is not None
        else:
            TOOL_CALL.advance(lane, event)
