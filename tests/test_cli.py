"""The command line, in process; what only a process of its own shows, in one."""

import json
import os
import re
import runpy
import subprocess
import sys
from contextlib import redirect_stdout
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import openai
import pytest
from helpers import call, call_chunks, chunk, chunked, run
from recordings import CAPTURES, FILES

from streamfsm import StreamParser, coalesce
from streamfsm.channels import Channel
from streamfsm.cli import main
from streamfsm.cli.commands import _COMMANDS
from streamfsm.machines import TABLES, diagrams
from streamfsm.machines.tool_call import MESSAGE, THOUGHTS, declared, tool_call
from streamfsm.replay import capture
from streamfsm.replay.recording import Piece, Recording
from streamfsm.wires.chat.chunking import cutter

EXAMPLES = sorted((Path(__file__).parents[1] / "examples" / "captures").glob("*.sse"))
CHUNKINGS = ("whole", "char", "7", "random:1")
SPEECH = '{"thinking":"Greet.","message":"Hi \\"you\\" \\ud83d\\ude00"}'


@pytest.fixture
def recorded(tmp_path):
    """Writes a body, of chunks or as it is, and gives the path."""

    def write(body):
        path = tmp_path / "body.sse"
        text = body if isinstance(body, str) else capture.body(body)
        path.write_bytes(text.encode())
        return str(path)

    return write


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    """A width that every test knows, and no say of the environment on colour."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def replay(*arguments):
    """Exit code and standard output of one replay."""
    with redirect_stdout(StringIO()) as output:
        code = main(["replay", *map(str, arguments)])
    return code, output.getvalue()


def lines(text):
    return [line.rstrip() for line in text.splitlines()]


def messages(*arguments):
    """What ``--json`` gives, decoded."""
    return [json.loads(line) for line in replay(*arguments, "--json")[1].splitlines()]


def kinds(*arguments):
    return [message["message_type"].removesuffix("_message") for message in messages(*arguments)]


# -- what is shown -----------------------------------------------------------------------------------------------------


def test_a_row_shows_kind_and_text_and_beside_it_the_path_and_a_summary_follows(recorded):
    usage = {"prompt_tokens": 9, "completion_tokens": 5}
    chunks = [*call_chunks("send_message", chunked(SPEECH, 5)), chunk(usage=usage)]
    code, shown = replay(recorded(chunks))
    assert code == 0
    assert lines(shown) == [
        "message      text                          path",
        "reasoning    Greet.                        call 0: awaiting_name –speech_named→",
        "                                           between_members –thoughts_open→",
        "                                           inner_thoughts",
        "                                           stream: silent –heard→ heard",
        'assistant    Hi "you" \U0001f600                   call 0: inner_thoughts –value_closed→',
        "                                           between_members –message_open→",
        "                                           message_kwarg",
        "stop reason  tool_calls                    call 0: message_kwarg –value_closed→",
        "                                           between_members –object_closed→",
        "                                           closed",
        "                                           stream: heard –finish→ heard",
        "                                           call 0: closed –end→ done",
        "                                           stream: heard –end→ done",
        "",
        "stop    tool_calls (on the wire: tool_calls)",
        "model   gpt-4.1",
        "usage   9 input, 5 output tokens",
        "call 0  send_message (call_1): valid, ready",
    ]


def test_calls_anomalies_and_choices_are_summed_up_in_words(recorded, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    chunks = [
        chunk(call(0, "a", "f", '{"x":1,"x":01}'), content="Hi", finish="odd"),
        chunk(call(0, None, "", "{}"), choice=1),
        chunk(choice=1, finish="length"),
    ]
    code, shown = replay(recorded(chunks))
    assert code == 0
    assert lines(shown)[-9:] == [
        "stop             unknown (on the wire: odd)",
        "choice 1 stop    max_tokens_exceeded (on the wire: length)",
        "model            gpt-4.1",
        "usage            not reported",
        "call 0           f (a): invalid at character 12, not ready",
        "choice 1 call 0  nameless (no id): valid, not ready",
        "anomaly          unknown finish, choice 0: finish reason 'odd'; Dialect(finish_words=…) defines its meaning",
        "anomaly          duplicate key, choice 0, call 0: key 'x' came again",
        "anomaly          nameless call, choice 1, call 0: the call ended without a name",
    ]
    assert "choice 1 call 0: awaiting_name –end→ done" in shown


def test_a_message_of_another_choice_says_so(recorded):
    shown = lines(replay(recorded([chunk(content="a"), chunk(choice=1, content="b")]))[1])
    rows = [line.split()[:2] for line in shown]
    heard = ["stream:", "silent"]
    assert rows[1:6] == [["assistant", "a"], ["answer"], heard, ["assistant", "b"], ["choice", "1"]]


def test_hidden_reasoning_refusals_and_calls_to_be_shown_have_rows(recorded):
    chunks = [{**chunk(refusal="No."), "model": "o3"}, *call_chunks("f", ['{"a":1}'])]
    shown = replay(recorded(chunks), "--no-inner-thoughts")[1]
    assert [" ".join(line[:42].split()) for line in lines(shown)[1:] if line[:1].strip()][:4] == [
        "hidden reasoning omitted",
        "assistant No.",
        'tool call f {"a":1}',
        "stop reason tool_calls",
    ]


def test_tokens_that_are_reported_as_zero_are_shown_and_others_are_not(recorded):
    usage = {"prompt_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 0}}
    assert "usage  9 input, 0 reasoning tokens" in lines(replay(recorded([chunk(usage=usage)]))[1])


def test_a_stream_that_says_nothing_is_summed_up_too(recorded):
    code, shown = replay(recorded("data: [DONE]\n\n"))
    assert code == 0
    assert lines(shown)[-3:] == [
        "stop   incomplete (on the wire: no finish reason)",
        "model  not named",
        "usage  not reported",
    ]


@pytest.mark.parametrize("deltas", [[], ["--deltas"]], ids=["coalesced", "deltas"])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_boundary_is_shown_exactly_once_and_in_order(path, deltas, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    trace = []
    run(capture.chunks(path.read_text(encoding="utf-8")), trace=trace)
    boundaries = [(step.event, step.target) for step in trace if step.event != "text"]
    assert re.findall(r"–(\w+)→ (\w+)", replay(path, *deltas)[1]) == boundaries


def test_deltas_are_rows_of_their_own_with_the_boundaries_before_each(recorded):
    shown = lines(replay(recorded(call_chunks("f", ["{", '"a":', "1}"])), "--deltas")[1])
    assert [(line[:9], line[13:41].strip(), line[43:]) for line in shown[1:7]] == [
        ("tool call", "f", "stream: silent –heard→ heard"),
        (" " * 9, "", "call 0: awaiting_name –tool_named→"),
        (" " * 9, "", "raw_args"),
        ("tool call", "{", ""),
        ("tool call", '"a":', ""),
        ("tool call", "1}", ""),
    ]


def test_a_call_whose_id_comes_late_is_shown_whole(recorded):
    chunks = [chunk(call(0, None, "f"), finish="stop"), chunk(call(0, "call_1", None, "{}"))]
    shown = replay(recorded(chunks))[1]
    assert [line[13:41].strip() for line in lines(shown) if line.startswith("tool call")] == ["f {}"]
    assert "f (call_1): valid" in shown


# -- the terminal ------------------------------------------------------------------------------------------------------

HOSTILE = "[red]x[/red] [/] [link=file:///]y :smile: \x1b[31mred\x1b]0;title\x07 \r\x08\x00\x7f\x9b\u202e\u2028 end"
COLOUR = r"\x1b\[[0-9;]*3[0-9]m"
SEEN = "[red]x[/red] [/] [link=file:///]y :smile: ␛[31mred␛]0;title␇ ␍␈␀\\x7f\\x9b\\u202e\\u2028 end"


def test_markup_and_control_characters_of_the_wire_are_shown_and_do_nothing(recorded, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    chunks = [
        {**chunk(content=HOSTILE), "model": HOSTILE},
        *call_chunks(HOSTILE, [HOSTILE], call_id=HOSTILE, finish=HOSTILE),
    ]
    shown = replay(recorded(chunks))[1]
    assert shown.count(SEEN) == 6  # content; the call's row; finish, model and call of the summary, where it is twice
    assert all(char.isprintable() for char in shown if char != "\n")


def test_colour_comes_when_asked_for_and_changes_no_text(recorded, monkeypatch):
    path = recorded([chunk(content=HOSTILE), chunk(reasoning_content="a"), *call_chunks("f", ["{}"])])
    plain = replay(path)[1]
    assert replay(path, "--color", "never")[1] == plain
    assert "\x1b" not in plain
    coloured = replay(path, "--color", "always")[1]
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert re.search(COLOUR, coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    assert replay(path, "--color", "always")[1] == coloured


def test_colour_comes_where_the_output_is_a_terminal_unless_the_environment_forbids_it(recorded, monkeypatch):
    class Terminal(StringIO):
        def isatty(self):
            return True

    def shown():
        with redirect_stdout(Terminal()) as output:
            main(["replay", path])
        return output.getvalue()

    path = recorded([chunk(content="Hi")])
    monkeypatch.setenv("TERM", "xterm")
    assert re.search(COLOUR, shown())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(COLOUR, shown())


@pytest.mark.parametrize("width", [24, 40])
def test_a_narrow_terminal_shows_all_of_it(recorded, monkeypatch, width):
    text = "".join(map(chr, range(0x3041, 0x3061))) + "x" * 50
    wide = replay(recorded([chunk(content=text)]))[1]
    monkeypatch.setenv("COLUMNS", str(width))
    narrow = replay(recorded([chunk(content=text)]))[1]
    assert sorted(narrow.replace("\n", "").replace(" ", "")) == sorted(wide.replace("\n", "").replace(" ", ""))
    assert max(map(len, lines(narrow))) <= width


# -- json --------------------------------------------------------------------------------------------------------------


def test_json_is_one_coalesced_message_a_line_and_nothing_else(recorded):
    chunks = call_chunks("send_message", chunked(SPEECH, 3))
    path = recorded(chunks)
    expected, parser = run(chunks, message_id=f"message-{uuid5(NAMESPACE_OID, capture.body(chunks))}")
    found = messages(path)
    assert found == [{**m.model_dump(mode="json"), "date": "1970-01-01T00:00:01+00:00"} for m in coalesce(expected)]
    assert len(found) < len(messages(path, "--deltas")) == len(expected)
    assert parser.state == "done"


@pytest.mark.parametrize(
    ("created", "date"),
    [
        (1750665601, "2025-06-23T08:00:01+00:00"),
        (-1, "1969-12-31T23:59:59+00:00"),
        (True, "1970-01-01T00:00:00+00:00"),
        ("1750665601", "1970-01-01T00:00:00+00:00"),
        (None, "1970-01-01T00:00:00+00:00"),
        (10**18, "1970-01-01T00:00:00+00:00"),
    ],
)
def test_the_date_is_the_first_chunks_where_it_is_one(recorded, created, date):
    path = recorded([{**chunk(content="a"), "created": created}, chunk(content="b")])
    assert {message["date"] for message in messages(path)} == {date}


@pytest.mark.parametrize("body", ["data: [1]\n\n", "data: [DONE]\n\n"])
def test_without_a_chunk_the_date_is_1970(recorded, body):
    assert messages(recorded(body))[-1]["date"] == "1970-01-01T00:00:00+00:00"


# -- chunkings ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow("every example in many chunkings")
@pytest.mark.parametrize("output", [[], ["--json"]], ids=["terminal", "json"])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_chunking_of_an_example_prints_the_very_same(path, output):
    options = [path, *output, "--think-tags", "<think>", "</think>"]
    expected = replay(*options)
    assert {replay(*options, "--chunking", chunking) for chunking in (*CHUNKINGS, "random")} == {expected}
    assert expected[1].count("\n") > 1


def test_a_chunking_does_cut(recorded):
    path = recorded([chunk(content="abc"), chunk(content="def")])
    texts = {
        spec: [m.get("content") for m in messages(path, "--deltas", "--chunking", spec)][:-1]
        for spec in ("whole", "char", "2")
    }
    assert texts == {"whole": ["abcdef"], "char": [*"abcdef"], "2": ["ab", "c", "de", "f"]}


# One recording per kind of wire: parallel calls, alternating choices, a call cut off, list content, an error.
NAMED = [
    "chat/openai__gpt-3.5-turbo-parallel2-n2__1.sse",
    "chat/deepseek__deepseek-v4-flash-parallel2__2.sse",
    "chat/mistral__magistral-medium-reason-text__1.sse",
    "chat/openrouter__gemini-2.5-flash-lite-reason-tool__1.sse",
    "quirks/unknown__gpt-5.5-error__1.sse",
]


@pytest.mark.slow("every chunking")
@pytest.mark.parametrize("name", NAMED)
@pytest.mark.skipif(not FILES, reason="no recordings here")
def test_every_chunking_of_a_recording_prints_the_very_same(name):
    expected = replay(CAPTURES / name, "--json")
    assert {replay(CAPTURES / name, "--json", "--chunking", chunking) for chunking in CHUNKINGS} == {expected}


@pytest.mark.slow("every recording")
@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("name", FILES)
def test_every_recording_says_the_same_when_recut(name):
    body = (CAPTURES / name).read_bytes().decode()
    outputs = {
        tuple(m.model_dump_json(exclude={"date"}) for m in coalesce(run(capture.chunks(recut))[0]))
        for recut in (body, *(capture.recut(body, cutter(spec)) for spec in CHUNKINGS))
    }
    assert len(outputs) == 1


# -- options -----------------------------------------------------------------------------------------------------------


def spoken(path, *options):
    """Messages as pairs of kind and text."""
    parts = ("reasoning", "content", "stop_reason")
    found = []
    for message in messages(path, *options):
        delta = message.get("tool_call") or {}
        text = next((message[part] for part in parts if part in message), delta.get("name"))
        found.append((message["message_type"].removesuffix("_message"), text))
    return found[:-1]


def test_thoughts_may_have_any_key_or_several_or_none(recorded):
    path = recorded(call_chunks("f", ['{"plan":"p","thinking":"t","why":"w"}']))
    tool = ("tool_call", "f")
    rest = ("tool_call", None)
    assert spoken(path) == [tool, ("reasoning", "t"), rest]
    assert spoken(path, "--inner-thoughts", "plan") == [tool, ("reasoning", "p"), rest]
    both = ["--inner-thoughts", "plan", "--inner-thoughts", "why"]
    assert spoken(path, *both) == [tool, ("reasoning", "p"), rest, ("reasoning", "w"), rest]
    assert spoken(path, "--no-inner-thoughts") == [tool]


def test_speech_may_have_any_tool_and_key_or_none(recorded):
    path = recorded(call_chunks("say", ['{"text":"Hi"}']))
    assert spoken(path) == [("tool_call", "say")]
    assert spoken(path, "--assistant-tool", "say", "--assistant-kwarg", "text") == [("assistant", "Hi")]
    path = recorded(call_chunks("send_message", ['{"message":"Hi"}']))
    assert spoken(path) == [("assistant", "Hi")]
    assert spoken(path, "--no-assistant-tool") == [("tool_call", "send_message")]


def test_reasoning_may_stand_between_tags(recorded):
    path = recorded([chunk(content="[a]b")])
    assert spoken(path) == [("assistant", "[a]b")]
    assert spoken(path, "--think-tags", "[", "]") == [("reasoning", "a"), ("assistant", "b")]


def test_a_body_that_is_json_is_read_without_the_client(recorded):
    code, shown = replay(recorded('{"error": {"message": "busy", "code": "503"}}'))
    assert code == 1
    assert lines(shown)[-1] == "error  busy (code: 503)"


@pytest.mark.skipif(not hasattr(openai.OpenAI, "responses"), reason="this client does not know the Responses API")
def test_a_body_of_the_responses_api_is_read_by_the_clients_other_half(recorded):
    delta = {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0}
    events = [{**delta, "delta": "Hel", "sequence_number": 1}, {**delta, "delta": "lo", "sequence_number": 2}]
    assert spoken(recorded(events)) == [("assistant", "Hello")]


def test_a_last_event_without_a_blank_line_counts(recorded):
    assert spoken(recorded(f"data: {json.dumps(chunk(content='Hi'))}")) == [("assistant", "Hi")]


def test_a_byte_order_mark_is_no_part_of_the_first_event(recorded):
    assert spoken(recorded("\ufeff" + capture.body([chunk(content="Hi")]))) == [("assistant", "Hi")]


# -- what fails --------------------------------------------------------------------------------------------------------


def test_an_error_of_the_server_is_shown_and_the_exit_code_is_1(recorded):
    error = {"error": {"message": "over\x1bloaded", "code": "busy"}}
    code, shown = replay(recorded([chunk(content="Hi"), error, chunk(content="more")]))
    assert code == 1
    assert lines(shown)[-1] == "error  over␛loaded (code: busy)"
    assert "more" not in shown
    assert messages(recorded([chunk(content="Hi"), error]))[-1]["is_err"] is True


def test_what_the_client_cannot_read_fails_the_stream(recorded):
    code, shown = replay(recorded(capture.body([chunk(content="Hi")]).replace("[DONE]", "oops")))
    assert code == 1
    # The client's own error; docs/wire.md and docs/recording.md say so.
    assert re.match(r"error  Expecting value.* \(code: none\)", lines(shown)[-1])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "No such file or directory"),
        (b"data: \xff\n\n", "not UTF-8 at byte 6"),
        (b"", "no server-sent events"),
        (b": a comment\n\nevent: ping\n\n", "no server-sent events"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_one_line_and_exit_code_2(tmp_path, capsys, content, complaint):
    path = tmp_path / "body.sse"
    if content is not None:
        path.write_bytes(content)
    assert main(["replay", str(path)]) == 2
    assert capsys.readouterr() == ("", f"streamfsm: {path}: {complaint}\n")


def test_a_directory_cannot_be_replayed(tmp_path, capsys):
    assert main(["replay", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"streamfsm: {tmp_path}: ")


def test_options_that_can_never_work_are_one_line_and_exit_code_2(recorded, capsys):
    assert main(["replay", recorded([chunk()]), "--think-tags", "", "x"]) == 2
    assert capsys.readouterr().err == "streamfsm: think_tags: String should have at least 1 character\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["replay"],
        ["replay", "x", "--chunking", "0"],
        ["replay", "x", "--inner-thoughts", "a", "--no-inner-thoughts"],
        ["replay", "x", "--assistant-tool", "a", "--no-assistant-tool"],
        ["diagram", "turing"],
    ],
    ids=" ".join,
)
def test_arguments_that_cannot_be_understood_exit_with_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert capsys.readouterr().err.startswith("usage: streamfsm")


def test_an_unknown_chunking_is_told_what_there_is(capsys):
    with pytest.raises(SystemExit):
        main(["replay", "x", "--chunking", "random:x"])
    assert "'random:x' is not a chunking: whole, char, a number of characters, random" in capsys.readouterr().err


@pytest.mark.parametrize("missing", [["openai"], ["rich"], ["openai", "rich"]], ids=" and ".join)
def test_what_is_not_installed_is_named(recorded, monkeypatch, capsys, missing):
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    assert main(["replay", recorded([chunk()])]) == 2
    needs = f"streamfsm: replay needs {' and '.join(missing)}: install streamfsm with its extra 'cli'\n"
    assert capsys.readouterr() == ("", needs)


def test_a_client_that_is_too_old_for_the_body_is_named(recorded, monkeypatch, capsys):
    monkeypatch.delattr(openai.OpenAI, "responses", raising=False)
    assert main(["replay", recorded([{"type": "response.created", "response": {"id": "r"}}])]) == 2
    needs = f"streamfsm: a body of the Responses API needs openai 1.66 or newer, not {openai.__version__}\n"
    assert capsys.readouterr() == ("", needs)


def test_json_needs_no_rich(recorded, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    assert replay(recorded([chunk(content="Hi")]), "--json")[0] == 0


def test_a_reader_that_leaves_is_no_error(recorded, monkeypatch, capfd):
    def closed(*_, **__):
        raise BrokenPipeError

    monkeypatch.setattr("streamfsm.cli.replay.print", closed, raising=False)
    assert main(["replay", recorded([chunk(content="Hi")]), "--json"]) == 1
    assert capfd.readouterr() == ("", "")


# -- fuzz --------------------------------------------------------------------------------------------------------------

PARSERS = """
class Right:
    def feed(self, chunk):
        for choice in chunk.get("choices", ()):
            if (choice.get("delta") or {}).get("content"):
                yield "content", choice["index"], choice["delta"]["content"]

    def close(self):
        return ()

class Strips(Right):
    def feed(self, chunk):
        for kind, key, text in super().feed(chunk):
            yield kind, key, text.strip() or text

class Trusting(Right):
    def feed(self, chunk):
        for choice in chunk["choices"]:
            choice["delta"].keys()
        return super().feed(chunk)

class Unreadable(Right):
    def feed(self, chunk):
        return [object()]

class Exits(Right):
    def close(self):
        import sys
        sys.exit(0)

class Vanishes(Right):
    def close(self):
        import os
        os._exit(0)
"""
WORDS = [chunk(content="some words"), chunk(finish="stop")]


@pytest.fixture
def fuzz(tmp_path, monkeypatch):
    """Runs the command in a directory with a module of parsers; gives its exit code."""
    (tmp_path / "other_parsers.py").write_text(PARSERS)
    monkeypatch.chdir(tmp_path)
    yield lambda *arguments: main(["fuzz", *map(str, arguments)])
    sys.modules.pop("other_parsers", None)


def test_a_parser_without_findings_exits_with_code_0(fuzz, recorded, capsys, tmp_path):
    assert fuzz(recorded(WORDS), "--examples", 30) == 0
    assert re.fullmatch(r"nothing found in \d+ examples\n", capsys.readouterr().out)
    assert fuzz(recorded(WORDS), "--parser", "other_parsers:Right", "--examples", 30, "--timeout", "0.5") == 0
    assert not (tmp_path / "finding.sse").exists()


def test_a_finding_exits_with_code_1_and_is_a_file_that_replays(fuzz, recorded, capsys, tmp_path):
    out = tmp_path / "found.sse"
    assert fuzz(recorded(WORDS), "--parser", "other_parsers:Strips", "--seed", 1, "--out", out) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("split invariance is broken: outputs differ at the first\n")
    assert shown.endswith(f"\n\nwritten to {out}\n")
    text = out.read_text(encoding="utf-8")
    assert text.startswith(": split invariance is broken")
    assert [line for line in text.splitlines() if line.startswith("data: ")][-1] == "data: [DONE]"
    assert "".join(message["content"] for message in messages(out) if "content" in message) == "some words"
    assert replay(out)[0] == 0


@pytest.mark.parametrize(
    ("parser", "what"),
    [("Exits", "the parser raised SystemExit(0)"), ("Vanishes", "its process ended with exit code 0")],
)
def test_a_parser_that_ends_its_process_is_a_finding(fuzz, recorded, capsys, parser, what):
    assert fuzz(recorded(WORDS), "--parser", f"other_parsers:{parser}", "--examples", 5) == 1
    assert what.replace("its process", "the parser's process") in capsys.readouterr().out


def test_without_fork_the_parser_runs_in_this_process(fuzz, recorded, capsys, monkeypatch):
    monkeypatch.setattr("streamfsm.testing.worker.AVAILABLE", False)
    assert fuzz(recorded(WORDS), "--parser", "other_parsers:Exits", "--examples", 5) == 1
    assert "the parser raised SystemExit(0)" in capsys.readouterr().out


@pytest.mark.parametrize("statement", ["import sys; sys.exit(0)", "raise GeneratorExit", "1 / 0", "raise SystemExit"])
def test_a_module_that_raises_is_one_line_and_exit_code_2(fuzz, recorded, capsys, tmp_path, statement):
    (tmp_path / "raising.py").write_text(statement)
    assert fuzz(recorded(WORDS), "--parser", "raising:Parser") == 2
    assert capsys.readouterr().err.startswith("streamfsm: --parser raising:Parser: raising raised ")


def test_an_interrupt_while_a_module_is_imported_is_the_users(fuzz, recorded, tmp_path):
    (tmp_path / "raising.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        fuzz(recorded(WORDS), "--parser", "raising:Parser")


@pytest.mark.slow("searches")
@pytest.mark.parametrize("value", ["NaN", "[]", "{}", "1.5", "-1e999", "12345678901234567890", '"\\ud800"'])
@pytest.mark.parametrize(
    "line",
    [
        '{"created": VALUE, "choices": [{"index": 0, "delta": {"content": "some words"}}]}',
        '{"id": VALUE, "model": VALUE, "choices": [{"index": 0, "delta": {"content": "some words"}}]}',
        '{"choices": [{"index": VALUE, "delta": {"content": "words"}, "finish_reason": VALUE}]}',
        '{"choices": [{"delta": {"tool_calls": [{"index": VALUE, "id": VALUE, "function": {"name": "f"}}]}}]}',
        '{"choices": VALUE, "usage": VALUE}',
    ],
)
def test_a_capture_with_odd_values_is_fuzzed(fuzz, tmp_path, capsys, line, value):
    path = tmp_path / "odd.sse"
    path.write_text(f"data: {line.replace('VALUE', value)}\n\n" * 2 + "data: [DONE]\n\n")
    assert fuzz(path, "--examples", 5, "--seed", 1) == 0, capsys.readouterr().out


def test_the_next_run_begins_with_what_was_found(fuzz, recorded):
    path = recorded(WORDS)
    assert fuzz(path, "--parser", "other_parsers:Strips", "--database", "kept") == 1
    assert fuzz(path, "--parser", "other_parsers:Strips", "--database", "kept", "--examples", 1) == 1
    assert fuzz(path, "--parser", "other_parsers:Strips", "--database", "other", "--examples", 1) == 0


@pytest.mark.slow("a search")
def test_garbage_is_sent_when_asked_for(fuzz, recorded, capsys):
    assert fuzz(recorded(WORDS), "--parser", "other_parsers:Right", "--garbage") == 1
    assert "the parser raised" in capsys.readouterr().out
    assert fuzz(recorded(WORDS), "--garbage", "--examples", 50) == 0


def test_a_parser_can_be_asked_to_keep_one_law_and_to_read_one_server(fuzz, recorded):
    path = recorded(WORDS)
    asked = ("--parser", "other_parsers:Strips", "--seed", 1)
    assert fuzz(path, *asked, "--laws", "split-invariance", "--no-dialects") == 1
    assert fuzz(path, *asked, "--laws", "append-only,total", "--examples", 30) == 0


def test_a_finding_that_is_not_in_the_recording_names_the_option_that_leaves_it_out(fuzz, recorded, capsys, tmp_path):
    path, options = recorded(WORDS), ["--parser", "other_parsers:Trusting", "--seed", 1, "--examples", 200]
    assert fuzz(path, *options, "--no-faults") == 1
    shown = capsys.readouterr().out
    assert "\n\nnot in the recording:\n    another server is imitated: " in shown
    assert "\n\n--no-dialects does not imitate other servers\n\nwritten to " in shown
    assert ": not in the recording:" in (tmp_path / "finding.sse").read_text(encoding="utf-8")
    assert fuzz(path, *options, "--no-dialects") == 1
    assert "\n\n--no-faults, without --garbage, leaves out faults\n\n" in capsys.readouterr().out
    assert fuzz(path, *options, "--no-dialects", "--no-faults") == 0


def test_progress_is_told_on_a_long_run(fuzz, recorded, capsys, monkeypatch):
    now = iter(range(0, 1000, 1))
    monkeypatch.setattr("streamfsm.cli.progress.monotonic", lambda: next(now))
    assert fuzz(recorded(WORDS), "--examples", 20) == 0
    assert capsys.readouterr().err.startswith("[##                  ] 2 of 20 examples\n")


def test_an_interrupt_ends_the_run_and_says_how_far_it_came(fuzz, recorded, capsys, monkeypatch):
    def interrupted(*_, progress, **__):
        progress()
        raise KeyboardInterrupt

    monkeypatch.setattr("streamfsm.testing.fuzz", interrupted)
    assert fuzz(recorded(WORDS)) == 130
    assert capsys.readouterr().err == "stopped after 1 examples; findings are kept for the next run\n"


@pytest.fixture
def no_bar(monkeypatch):
    """On a busy machine a bar would be told, too."""
    monkeypatch.setattr("streamfsm.cli.progress.monotonic", lambda: 0)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (
            ["--parser", "nowhere:Parser"],
            "--parser nowhere:Parser: No module named 'nowhere'; expected MODULE:FACTORY",
        ),
        (["--parser", "other_parsers:Wrong"], "has no attribute 'Wrong'; expected MODULE:FACTORY"),
        (["--parser", "parsers"], "--parser parsers: "),
        (["--parser", ":Right"], "--parser :Right: "),
        (["--parser", "other_parsers:PARSERS"], "has no attribute 'PARSERS'"),
        (["--parser", "other_parsers:__name__"], "is neither a function nor a class"),
        (["--parser", "other_parsers:Unreadable"], "cannot read the message <object"),
        (["--laws", "order"], "no law is called order: split invariance, append-only, total"),
        (["--parser", "other_parsers:Strips", "--out", "no/such/place"], "no/such/place: No such file or directory"),
    ],
)
@pytest.mark.usefixtures("no_bar")
def test_what_cannot_be_fuzzed_is_one_line_and_exit_code_2(fuzz, recorded, capsys, options, complaint):
    assert fuzz(recorded(WORDS), *options) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("streamfsm: ")
    assert complaint in output.err
    assert output.err.count("\n") == 1


def test_fuzz_names_what_is_not_installed(fuzz, recorded, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    assert fuzz(recorded(WORDS)) == 2
    assert capsys.readouterr().err == "streamfsm: fuzz needs hypothesis: install streamfsm with its extra 'testing'\n"


@pytest.mark.parametrize("option", [["--examples", "0"], ["--examples", "x"], ["--timeout", "0"], ["--timeout", "x"]])
def test_numbers_that_are_none_exit_with_code_2(fuzz, recorded, capsys, option):
    with pytest.raises(SystemExit) as exit_:
        fuzz(recorded(WORDS), *option)
    assert exit_.value.code == 2
    assert f"'{option[1]}' is not a positive" in capsys.readouterr().err


# -- the other command, and the process --------------------------------------------------------------------------------


def test_diagram_draws_a_machine_with_channels(capsys):
    assert main(["diagram", "--channel", "write_file $.content", "--channel", "$.edits[*].new_text"]) == 0
    captures = [declared(Channel("$.content", "write_file")), declared(Channel("$.edits[*].new_text"))]
    assert capsys.readouterr().out == diagrams.mermaid(tool_call(THOUGHTS, MESSAGE, *captures).table)
    assert main(["diagram", "tool_call", "--channel", "f $..*"]) == 0
    assert "leaves_unfolds" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--channel", "f content"], "a path begins with $"),
        (["--channel", "$.a", "--channel", "f $.a.b"], "can never match"),
        (["stream", "--channel", "$.a"], "channels belong to the machine tool_call"),
    ],
)
def test_diagram_refuses_channels_that_can_never_match(capsys, arguments, why):
    try:
        code = main(["diagram", *arguments])
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("form", ["mermaid", "dot", "md", "markdown"])
def test_diagram_prints_one_table_or_all(capsys, form):
    drawn = {table.name: diagrams.FORMATS[form.replace("markdown", "md")](table, None) for table in TABLES}
    assert list(drawn) == ["stream", "text", "tool_call", "lexer"]
    for name, text in drawn.items():
        assert main(["diagram", name, "--format", form]) == 0
        assert capsys.readouterr().out == text
    assert main(["diagram", "--format", form]) == 0
    assert capsys.readouterr().out == "\n".join(drawn.values())


def test_mermaid_is_the_format_unless_another_is_asked_for(capsys):
    main(["diagram", "text"])
    assert capsys.readouterr().out.startswith("%%{init: ")


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"streamfsm {version('streamfsm')}\n"


def test_the_module_is_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["streamfsm", "diagram", "text"])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_module("streamfsm", run_name="__main__")
    assert exit_.value.code == 0
    assert capsys.readouterr().out.startswith("%%{init: ")


def process(*arguments, **options):
    command = [sys.executable, "-W", "error", "-m", "streamfsm", *arguments]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUNBUFFERED": ""}
    return subprocess.run(command, env=environment, check=False, timeout=60, **options)  # noqa: S603 - our own code


@pytest.mark.slow("several processes")
def test_a_process_writes_utf_8_whatever_the_locale_says_and_nothing_else(recorded):
    path = recorded([chunk(content="\u00fc\U0001f600")])
    plain = process("replay", path, capture_output=True)
    assert (plain.returncode, plain.stderr) == (0, b"")
    assert "\u00fc\U0001f600" in plain.stdout.decode()
    as_json = process("replay", path, "--json", capture_output=True)
    assert json.loads(as_json.stdout.splitlines()[0])["content"] == "\u00fc\U0001f600"


@pytest.mark.slow("several processes")
@pytest.mark.parametrize("command", [["replay"], ["replay", "--json"], ["diagram"]], ids=" ".join)
def test_a_process_whose_reader_leaves_ends_quietly(recorded, command):
    file = [recorded([chunk(content="Hi")])] if "replay" in command else []
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = process(*command, *file, stdout=writer, stderr=subprocess.PIPE)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_output_that_cannot_be_written_is_one_line_and_exit_code_2(recorded, monkeypatch, capfd):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("streamfsm.cli.replay._run", fail)
    stdout = os.dup(1)
    try:
        assert main(["replay", recorded([chunk()])]) == 2
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
    assert capfd.readouterr().err == "streamfsm: [Errno 28] No space left on device\n"


# -- trace -------------------------------------------------------------------------------------------------------------


def test_a_trace_is_a_record_a_line(recorded, capsys):
    assert main(["trace", recorded(call_chunks("search", ['{"q":1}']))]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["sequence"] for record in records] == [*range(len(records))]
    assert ("tool_named", "search") in [(record["event"], record["text"]) for record in records]


def test_a_trace_takes_the_parsers_options(recorded, capsys):
    assert main(["trace", recorded([chunk(content="[a]b")]), "--think-tags", "[", "]"]) == 0
    assert '"event": "think_open"' in capsys.readouterr().out


def test_a_trace_colours_a_diagram(recorded, capsys, tmp_path):
    main(["trace", recorded(call_chunks("search", ['{"q":1}']))])
    file = tmp_path / "trace.jsonl"
    file.write_text(capsys.readouterr().out + "\n", encoding="utf-8")
    assert main(["diagram", "tool_call", "--trace", str(file)]) == 0
    shown = capsys.readouterr().out
    assert '|"tool_named / ToolCallMessage (name) ×1"|' in shown
    assert '-.->|"misspoken"|' in shown
    file.write_text('{"machine": "stream"}', encoding="utf-8")
    assert main(["diagram", "--trace", str(file)]) == 2
    assert capsys.readouterr().err == f"streamfsm: {file}: line 1 is not a record of a trace\n"


def test_a_trace_is_a_page(recorded, capsys, tmp_path):
    out = tmp_path / "out.html"
    path = recorded([chunk(content="Hi")])
    assert main(["trace", path, "--html", str(out)]) == 0
    assert capsys.readouterr().out == f"written to {out}\n"
    assert f"<title>Trace of {Path(path).name}</title>" in out.read_text(encoding="utf-8")


def test_two_traces_are_compared(recorded, capsys, tmp_path):
    path = Path(recorded(call_chunks("search", ['{"q":1}'])))
    other = tmp_path / "other.sse"
    other.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    assert main(["trace", str(path), "--diff", str(other)]) == 0
    assert capsys.readouterr().out == "the same states and messages\n"
    other.write_text(capture.body(call_chunks("search", ['{"q":2}', "x"])), encoding="utf-8")
    assert main(["trace", str(path), "--diff", str(other)]) == 1
    assert capsys.readouterr().out == (
        "states differ at number 4:\n"
        "  A  stream: heard –finish→ heard\n"
        "  B  call 0: closed –trailing→ malformed\n"
        "messages differ at number 1:\n"
        '  A  tool_call_message: search {"q":1}\n'
        '  B  tool_call_message: search {"q":2}x\n'
    )


def test_what_cannot_be_traced_is_one_line_and_exit_code_2(tmp_path, capsys):
    path = tmp_path / "body.sse"
    path.write_bytes(b"data: \xff")
    assert main(["trace", str(path)]) == 2
    assert capsys.readouterr() == ("", f"streamfsm: {path}: not UTF-8 at byte 6\n")


BROKEN = {
    "no capture": (b"%PDF-1.7 \x00\x01\n", "no server-sent event at byte 0", 0),
    "empty": (b"", "no server-sent events", 0),
    "truncated": (b'data: {"choices":[]}\n\n: hi\n\ndata: {"cho', "not JSON at byte 28", 1),
    "not UTF-8": (b'data: {"choices":[]}\n\ndata: {"a":"\xff"}\n\n', "not UTF-8 at byte 34", 1),
    "lines of something else": (b'data: {"choices":[]}\n\n<html>\n', "no server-sent event at byte 22", 1),
    "events with one line end": (b'data: {"choices":[]}\ndata: {"choices":[\n', "not JSON at byte 21", 1),
}


@pytest.mark.parametrize(("body", "why", "shown"), BROKEN.values(), ids=BROKEN)
def test_a_broken_capture_is_explored_up_to_where_it_breaks(tmp_path, capsys, body, why, shown):
    path = tmp_path / "body.sse"
    path.write_bytes(body)
    assert main(["trace", str(path), "--html", str(tmp_path / "out.html")]) == (1 if shown else 2)
    rest = "; showing what comes before" if shown else ""
    assert capsys.readouterr().err == f"streamfsm: {path}: {why}{rest}\n"
    assert (tmp_path / "out.html").exists() == bool(shown)


def test_a_trace_of_a_body_that_breaks_off_ends_as_feed_bytes_does(tmp_path, capsys):
    path = tmp_path / "cut.sse"
    path.write_bytes((EXAMPLES[0].parent / "send-message.sse").read_bytes()[:700])
    parser = StreamParser()
    said = parser.feed_bytes(path.read_bytes()) + parser.close()
    assert (parser.state, said[-1].stop_reason) == ("failed", "error")
    assert main(["trace", str(path)]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ends = [(row["event"], row["target"]) for row in rows if row["machine"] == "stream"]
    assert ends[-1] == ("error", "failed")
    assert not any(row["event"] == "end" for row in rows)
    assert main(["trace", str(path), "--html", str(tmp_path / "out.html")]) == 1
    assert '"failed"' in (tmp_path / "out.html").read_text(encoding="utf-8")


def test_of_a_gigantic_line_nothing_is_read(recorded, capsys, monkeypatch):
    monkeypatch.setattr("streamfsm.cli.trace._MOST", 8)
    path = recorded([chunk(content="1234"), chunk(content="5" * 10)])
    assert main(["trace", path]) == 1
    out, err = capsys.readouterr()
    assert '"text": "1234"' in out
    assert "555" not in out
    assert re.fullmatch(rf"streamfsm: {re.escape(path)}: more than 8 characters of text at byte \d+; showing .*\n", err)


# -- standard input ----------------------------------------------------------------------------------------------------


@pytest.fixture
def piped():
    """Makes a file the standard input of this process."""
    before = os.dup(0)

    def pipe(path):
        with Path(path).open("rb") as file:
            os.dup2(file.fileno(), 0)

    yield pipe
    os.dup2(before, 0)
    os.close(before)


@pytest.mark.parametrize(
    "command",
    [
        ["replay", "FILE", "--json"],
        ["trace", "FILE"],
        ["trace", "FILE", "--diff", str(EXAMPLES[0])],
        ["verify", "FILE", "--wire", "ag-ui"],
        ["fuzz", "FILE", "--examples", "5", "--seed", "1"],
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("fuzz")
def test_a_dash_is_standard_input(recorded, piped, capsys, command):
    path = recorded(WORDS)
    expected = main([path if argument == "FILE" else argument for argument in command]), capsys.readouterr()
    piped(path)
    code = main(["-" if argument == "FILE" else argument for argument in command])
    out, err = capsys.readouterr()
    assert (code, (out.replace("<stdin>", Path(path).as_posix()), err)) == expected


def test_a_diagram_of_a_piped_trace_and_a_recording_of_a_pipe(recorded, piped, capsys, tmp_path):
    path = recorded(WORDS)
    main(["trace", path])
    trace = tmp_path / "trace.jsonl"
    trace.write_text(capsys.readouterr().out)
    drawn = main(["diagram", "stream", "--trace", str(trace)]), capsys.readouterr()
    piped(trace)
    assert (main(["diagram", "stream", "--trace", "-"]), capsys.readouterr()) == drawn
    piped(path)
    assert main(["scrub", "-", str(tmp_path / "out")]) == 0
    piped(path)
    assert main(["scrub", "-", path]) == 2
    assert capsys.readouterr().err == f"streamfsm: {path}: this would overwrite the input; choose another name\n"


@pytest.mark.parametrize("command", ["replay", "trace", "fuzz"])
def test_standard_input_that_cannot_be_used_is_named(piped, capsys, command):
    piped(os.devnull)
    assert main([command, "-"]) == 2
    assert capsys.readouterr().err == "streamfsm: <stdin>: no server-sent events\n"
    os.close(0)
    assert main([command, "-"]) == 2
    assert capsys.readouterr().err == "streamfsm: <stdin>: Bad file descriptor\n"


@pytest.mark.parametrize("command", [["trace", "--html"], ["fuzz", "--out"]], ids=" ".join)
def test_no_command_overwrites_its_input(recorded, capsys, command):
    path = recorded(WORDS)
    before = Path(path).read_bytes()
    assert main([command[0], path, command[1], path]) == 2
    assert capsys.readouterr().err == f"streamfsm: {path}: this would overwrite the input; choose another name\n"
    assert Path(path).read_bytes() == before


# -- exit codes --------------------------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[1] / "docs" / "recording.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(.*?)` \| (.*?) \| (.*?) \| (.*?) \|$", PAGE.split("## Exit codes\n")[1], re.MULTILINE)
FOREIGN = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}'
CODES = [
    ("replay FILE", 0, ["replay", "whole"]),
    ("replay FILE", 1, ["replay", "error"]),
    ("replay FILE", 1, ["replay", "cut"]),
    ("replay FILE", 2, ["replay", "foreign"]),
    ("replay DIR", 0, ["replay", "good", "--jsonl", "out.jsonl", "--jobs", "1"]),
    ("replay DIR", 1, ["replay", "bad", "--jsonl", "out.jsonl", "--jobs", "1"]),
    ("trace FILE", 0, ["trace", "whole"]),
    ("trace FILE", 1, ["trace", "error"]),
    ("trace FILE", 1, ["trace", "cut"]),
    ("trace FILE", 1, ["trace", "error", "--html", "out.html"]),
    ("trace FILE", 2, ["trace", "foreign"]),
    ("trace FILE", 2, ["trace", "foreign", "--html", "out.html"]),
    ("trace FILE --diff OTHER", 0, ["trace", "whole", "--diff", "whole"]),
    ("trace FILE --diff OTHER", 1, ["trace", "whole", "--diff", "other"]),
    ("trace FILE --diff OTHER", 1, ["trace", "cut", "--diff", "cut"]),
    ("trace FILE --diff OTHER", 2, ["trace", "whole", "--diff", "foreign"]),
    ("verify", 0, ["verify", "--wire", "chat", "whole"]),
    ("verify", 1, ["verify", "--wire", "chat", "foreign"]),
    ("fuzz", 0, ["fuzz", "whole", "--examples", "2"]),
    ("fuzz", 1, ["fuzz", "whole", "--parser", "other_parsers:Exits", "--examples", "2"]),
    ("scrub", 0, ["scrub", "whole", "out.sse"]),
    ("scrub", 2, ["scrub", "whole", "whole"]),
    ("diagram", 0, ["diagram", "stream"]),
    ("record", 0, ["record", "recorded"]),
    ("serve", 0, ["serve", "whole"]),
]
ELSEWHERE = {("conform", 0), ("conform", 1), ("scrub", 1)}  # in tests/test_conform.py and tests/test_scrub.py


@pytest.mark.parametrize(("row", "code", "command"), CODES, ids=lambda part: part if type(part) is str else None)
@pytest.mark.usefixtures("fuzz")
def test_a_command_ends_with_the_code_that_the_table_has(monkeypatch, tmp_path, row, code, command):
    end = "data: [DONE]\n\n"
    whole = capture.body(WORDS)
    bodies = {
        "whole": whole,
        "other": capture.body([chunk(content="other words"), chunk(finish="stop")]),
        "error": f'{whole.removesuffix(end)}data: {{"error":{{"message":"lost"}}}}\n\n{end}',
        "cut": whole[:-80],
        "foreign": f"data: {FOREIGN}\n\n",
    }
    for name, body in {**bodies, "good/a.sse": whole, "bad/a.sse": bodies["error"]}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(body, encoding="utf-8")
    for name in ("record", "serve"):
        monkeypatch.setattr(f"streamfsm.cli.{name}.wait", lambda: None)
    assert main(command) == code
    assert [cells[code] for name, *cells in ROWS if name == row] != ["–"]


def test_the_table_of_exit_codes_has_every_command_and_every_code_of_it_is_tried():
    names = {row.split()[0] for row, *_ in ROWS}
    assert names == {command.__name__.rpartition(".")[2] for command in _COMMANDS}
    told = {(row, code) for row, *cells in ROWS for code, cell in enumerate(cells) if cell != "–"}
    assert told == {(row, code) for row, code, _ in CODES} | ELSEWHERE


# -- replay of recordings ----------------------------------------------------------------------------------------------


@pytest.fixture
def recording(tmp_path):
    """A recording whose pieces cut an event; gives its path."""
    body = capture.body([chunk(content="Hel"), chunk(content="lo"), chunk(finish="stop")]).encode()
    pieces = [Piece(at / 1000, body[at : at + 100]) for at in range(0, len(body), 100)]
    path = tmp_path / "recording.jsonl"
    path.write_text(Recording(tuple(pieces), "end").lines())
    return path


@pytest.mark.parametrize("options", [[], ["--speed", "100"], ["--chunking", "char"]], ids=" ".join)
def test_a_recording_is_replayed_as_a_body_is(recording, options):
    assert spoken(recording, *options) == [("assistant", "Hello")]
    code, shown = replay(recording, *options)
    assert (code, "assistant" in shown, "Hello" in shown) == (0, True, True)


def test_a_recording_whose_connection_was_lost_fails_again(recording):
    lines = recording.read_text().splitlines(keepends=True)
    recording.write_text("".join([*lines[:3], '{"at": 1, "end": "error", "error": "gone"}\n']))
    for options in ([], ["--speed", "100"]):
        assert replay(recording, *options)[0] == 1


@pytest.mark.parametrize(
    ("text", "options", "complaint"),
    [
        ("data: {}\n\n", ["--speed", "1"], "--speed does not work with a body without times"),
        (None, ["--speed", "1", "--chunking", "char"], "--speed does not work with another chunking"),
        ('{"recording": 1}\n', [], "line 1: unknown version of recordings"),
    ],
)
def test_a_recording_that_cannot_be_replayed_is_one_line_and_exit_code_2(recording, capsys, text, options, complaint):
    if text is not None:
        recording.write_text(text)
    assert main(["replay", str(recording), *options]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"streamfsm: {recording}: {complaint}")


# -- files and sizes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunking", [[], ["--deltas", "--chunking", "char"]])
def test_json_holds_no_character_that_a_terminal_obeys_and_means_the_same(recorded, chunking):
    text = HOSTILE + "\U0001f600\U000e0001"  # an emoji is printable, a tag is not
    output = replay(recorded([chunk(content=text)]), "--json", *chunking)[1]
    assert all(char.isprintable() for char in output if char != "\n")
    assert "\U0001f600" in output
    assert "".join(json.loads(line).get("content", "") for line in output.splitlines()) == text


@pytest.mark.parametrize("command", ["replay", "fuzz"])
@pytest.mark.parametrize("more", [[], ["second"]], ids=["missing", "too many"])
def test_a_file_s_name_reaches_no_terminal_raw(capsys, command, more):
    with pytest.raises(SystemExit, match=r"^2$"):  # argparse quotes what it does not understand
        sys.exit(main([command, "\x1b[31m\u202e\n.sse", *more]))
    shown = capsys.readouterr().err
    assert not more or shown.endswith("second\n")
    assert all(char.isprintable() for char in shown if char != "\n")


PRINTING = [
    *(["replay", "FILE"], ["replay", "FILE", "--json"], ["replay", "FILE", "--json", "--deltas"]),
    *(["trace", "FILE"], ["trace", "FILE", "--html", "OUT"], ["trace", "FILE", "--diff", "OTHER"]),
    *(["verify", "FILE", "OTHER", "--wire", "ag-ui", "--format", form] for form in ("text", "json", "sarif")),
    *(["verify", "FILE", "--wire", "chat", "--format", form] for form in ("text", "json", "sarif")),
    *(["scrub", "FILE", "OUT"], ["diagram", "--trace", "FILE"], ["verify", "GONE", "--wire", "chat"]),
]


@pytest.mark.parametrize("command", PRINTING, ids=" ".join)
def test_nothing_of_a_stream_or_a_file_s_name_reaches_a_terminal_raw(capsys, tmp_path, command):
    half = chunk(**{"content": HOSTILE + "\ud83d", HOSTILE: HOSTILE, "\ud83d": 1})
    bodies = {
        "FILE": capture.body([{**half, "model": HOSTILE}, *call_chunks(HOSTILE, [HOSTILE], finish=HOSTILE)]),
        "OTHER": capture.body([{"type": HOSTILE}, {HOSTILE: HOSTILE}]),
        "OUT": "",
        "GONE": None,
    }
    paths = {word: tmp_path / f"{word}\x1b[31m\u202e\x7f\x9b" for word in bodies}
    for word, text in bodies.items():
        if text is not None:
            paths[word].write_bytes(text.encode(errors="surrogatepass"))
    code = main([str(paths.get(word, word)) for word in command])
    output = capsys.readouterr()
    assert code in (0, 1) or output.err.count("\n") == 1
    assert output.out or output.err or command[0] == "scrub"
    assert all(char.isprintable() for char in output.out + output.err if char != "\n")
    if command[0] == "verify" and "json" in command:
        assert json.loads(output.out.splitlines()[0])["file"] == paths["FILE"].as_posix()


@pytest.mark.parametrize(
    "line",
    [
        '{"machine": "stream", "state": [], "event": "heard"}',
        "[" * 100_000,
        '{"machine": {}, "state": "silent", "event": "heard"}',
        "1",
    ],
    ids=range(4),
)
def test_a_line_that_is_no_record_of_a_trace_is_named(recorded, capsys, line):
    path = recorded(line)
    assert main(["diagram", "--trace", path]) == 2
    assert capsys.readouterr().err == f"streamfsm: {path}: line 1 is not a record of a trace\n"


def test_records_that_no_table_has_are_not_shown(recorded, capsys):
    path = recorded('{"machine": "stream", "state": "x", "event": "y"}\n')
    assert main(["diagram", "stream", "--trace", path]) == 0
    assert "×1" not in capsys.readouterr().out


def test_a_finding_reaches_no_terminal_raw(fuzz, recorded, capsys, tmp_path):
    (tmp_path / "other_parsers.py").write_text(
        "class Odd(Exception):\n    def __repr__(self):\n        return '\\x1b[31m\\u202e'\n\n"
        "def parse():\n    raise Odd\n"
    )
    assert fuzz(recorded(WORDS), "--parser", "other_parsers:parse") == 1
    shown = capsys.readouterr().out
    assert "the parser raised ␛[31m\\u202e, at " in shown
    assert all(char.isprintable() for char in shown if char != "\n")
    assert "\x1b" not in (tmp_path / "finding.sse").read_text(encoding="utf-8")


def test_too_large_a_file_and_too_much_to_cut_are_one_line_and_exit_code_2(fuzz, recorded, capsys, monkeypatch):
    path = recorded(WORDS)
    monkeypatch.setattr("streamfsm.cli.replay._MOST", 9)
    monkeypatch.setattr("streamfsm.cli.fuzz._MOST", 9)
    too_many = f"streamfsm: {path}: 10 characters of text are too many to cut again; the limit is 9\n"
    assert replay(path, "--chunking", "random") == (2, "")
    assert capsys.readouterr().err == too_many
    assert fuzz(path) == 2
    assert capsys.readouterr().err == too_many
    monkeypatch.setattr("streamfsm.cli.scrub._MOST", 9)
    assert main(["scrub", path, f"{path}.scrubbed"]) == 2
    assert capsys.readouterr().err == too_many.replace("cut again", "scrub")
    monkeypatch.setattr("streamfsm.cli.files._LARGEST", 9)
    assert replay(path) == (2, "")
    assert capsys.readouterr().err == f"streamfsm: {path}: more than 9 bytes\n"


def test_a_file_without_json_has_nothing_to_fuzz(fuzz, recorded, capsys):
    path = recorded("data: {broken\n\ndata: [DONE]\n\n")
    assert fuzz(path) == 2
    assert capsys.readouterr().err == f"streamfsm: {path}: the file contains no JSON, so there is nothing to cut\n"
