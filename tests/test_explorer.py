"""The page of a trace: what it holds was computed by the parser, and nothing that a server sends runs in it."""

import json
import re
import shutil
from functools import partial

import pytest
from helpers import ID, call, call_chunks, chunk
from quirk_documents import assert_is_read_as_told

from streamfsm import Dialect, StreamParser
from streamfsm.replay import capture, explorer
from streamfsm.replay.explorer import page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SPEECH = [
    *call_chunks("send_message", ['{"thinking":"a', ' b","message":"Hi \\ud83d', '\\ude00"}']),
    chunk(finish="stop"),
]
HOSTILE = "</script><script>document.title='ran'</script><img src=x onerror=alert(1)>\u202e\x1b[31m<!--TABLE-->"


def made(chunks, **options):
    return page("a capture", chunks, partial(StreamParser, message_id=ID, **options))


def data(text):
    """What the page's script reads."""
    return json.loads(re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[0])


def test_a_page_shows_the_stream_in_several_chunkings_that_say_the_same():
    views = data(made(SPEECH))["views"]
    assert [view["name"] for view in views] == ["as recorded", "whole", "char", "8", "random:1"]
    assert all(view["same"] and view["exact"] for view in views)
    assert len({len(view["chunks"]) for view in views}) > 3
    assert ["assistant_message", "\U0001f600"] in views[0]["messages"]


def test_a_chunking_that_says_something_else_is_told():
    whole = [chunk(content="ab"), chunk(content="abc")]
    assert [view["same"] for view in data(made(whole, dialect=Dialect(content="snapshot")))["views"]][:3] == [
        True,
        False,
        False,
    ]


def test_a_long_stream_is_shown_as_it_was_recorded_only(monkeypatch):
    monkeypatch.setattr(explorer, "_LONG", 3)
    assert len(data(made(SPEECH))["views"]) == 1


def test_a_stream_of_much_text_is_shown_as_it_was_recorded_only(monkeypatch):
    monkeypatch.setattr(explorer, "_LONG_TEXT", 3)
    assert len(data(made(SPEECH))["views"]) == 1


def test_every_cut_is_moved_and_merged_and_says_the_same():
    moves = data(made([chunk(content="Hello"), chunk(content=" you")]))["moves"]
    move = moves["cuts"]["0"]
    assert (moves["step"], move["text"], move["recorded"]) == (1, "Hello you", 5)
    assert [way["place"] for way in move["ways"]] == [*range(9)]  # 0: the chunks are merged
    assert all(way["same"] for way in move["ways"])
    assert [way["messages"] for way in move["ways"][:2]] == [
        [[["assistant_message", "Hello you"]]],
        [[["assistant_message", "H"]], [["assistant_message", "ello you"]]],
    ]


def test_a_moved_cut_that_changes_the_messages_is_told():
    whole = [chunk(content="ab"), chunk(content="abc")]
    move = data(made(whole, dialect=Dialect(content="snapshot")))["moves"]["cuts"]["0"]
    assert {way["place"]: way["same"] for way in move["ways"]}[0] is False


def test_a_cut_that_the_wire_does_not_allow_is_not_offered():
    assert data(made([chunk(finish="stop"), chunk(content="late")]))["moves"]["cuts"] == {"0": None}


def test_a_name_is_merged_and_not_cut():
    move = data(made([chunk(call(0, "call_1", "send_")), chunk(call(0, name="message"))]))["moves"]["cuts"]["0"]
    assert [way["place"] for way in move["ways"]] == [0]


@pytest.mark.parametrize(("work", "step", "places"), [(10**9, 1, 24), (10_000_000, 1, 13), (2_000_000, 2, 4)])
def test_in_a_long_stream_cuts_are_moved_all_over_it_but_fewer_and_to_fewer_places(monkeypatch, work, step, places):
    monkeypatch.setattr(explorer, "_WORK", work)
    moves = data(made([chunk(content="0123456789" * 3) for _ in range(11)]))["moves"]
    assert (moves["step"], moves["places"], [*map(int, moves["cuts"])]) == (step, places, [*range(0, 10, step)])
    assert all(len(move["ways"]) == places + 1 for move in moves["cuts"].values())


def test_a_chunk_is_shown_without_what_all_chunks_have():
    (view, *_) = data(made([chunk(content="x"), {"choices": [], "usage": {}}, 7]))["views"]
    assert "chatcmpl" not in view["chunks"][0]
    assert view["chunks"][1:] == ['{"choices": [], "usage": {}}', "7"]


def test_hostile_content_is_text():
    text = made([chunk(content=HOSTILE)])
    assert text.count("<script") == 2
    assert data(text)["views"][0]["messages"][0][1] == HOSTILE
    assert "<img" not in text
    assert page(HOSTILE, [], partial(StreamParser, message_id=ID)).count("<script") == 2


def test_what_is_exported_is_unreadable_and_says_what_its_document_says():
    text = page("a capture", SPEECH, partial(StreamParser, message_id=ID), {"assistant_tool": "send_message"})
    export = data(text)["views"][0]["export"]
    assert "Hi" not in export["capture"] + export["document"]
    assert len(capture.chunks(export["capture"])) == len(SPEECH)
    assert export["capture"].endswith("data: [DONE]\n\n")
    assert_is_read_as_told(export["document"])


def test_what_is_no_object_is_exported_too():
    exported = data(made([7]))["views"][0]["export"]["capture"]
    assert re.fullmatch(r"data: [1-9]\n\ndata: \[DONE\]\n\n", exported)


def test_without_scripts_there_is_a_table():
    table = made(SPEECH).partition("<noscript>")[2].partition("</noscript>")[0]
    assert "<tr><td>2<td>call 0<td>between_members<td>thoughts_open<td>inner_thoughts<td><td>the thoughts" in table


def test_the_table_shows_characters_that_are_not_seen_as_their_code():
    table = made([chunk(content=HOSTILE)]).partition("<noscript>")[2].partition("</noscript>")[0]
    assert "\\u202e\\u001b[31m" in table
    assert not set("\u202e\x1b") & set(table)
    assert "<tr><td>end<td>stream<td>heard<td>end<td>done<td>incomplete<td>" in table


def test_without_graphviz_states_are_a_list(monkeypatch):
    monkeypatch.setattr("streamfsm.machines.diagrams.which", lambda _: None)
    assert '<li class="node" data-state="raw_args">raw_args</li>' in made(SPEECH)


# -- Chromium ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed; make test-site has it")
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture
def shown(browser, tmp_path):
    """Opens a page; fails on anything that it fetches, logs or asks."""
    contexts = []

    def open_(text, **options):
        contexts.append(browser.new_context(offline=True, reduced_motion="reduce", **options))
        tab = contexts[-1].new_page()
        seen = []
        tab.on("request", lambda request: seen.append(request.url))
        for event in ("pageerror", "console", "dialog"):
            tab.on(event, lambda what: seen.append(str(what)))
        file = tmp_path / "trace.html"
        file.write_text(text, encoding="utf-8")
        tab.goto(f"file://{file}")
        return tab, seen

    yield open_
    for context in contexts:
        context.close()


def test_the_shown_stream_is_saved(shown):
    tab, seen = shown(made(SPEECH))
    for button, name in (("Save as a capture", "stream.sse"), ("Save as a test", "stream.md")):
        with tab.expect_download() as download:
            tab.get_by_role("button", name=button).click()
        assert download.value.suggested_filename == name
        saved = download.value.path().read_text(encoding="utf-8")
        kind = "capture" if name.endswith("sse") else "document"
        assert saved == tab.evaluate(f"data.views[0].export.{kind}")
    assert [url for url in seen if not url.startswith(("file:", "blob:"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_a_page_is_used_by_keyboard_fits_and_has_no_fault_of_accessibility(shown, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    tab, seen = shown(made(SPEECH), color_scheme=scheme, viewport={"width": width, "height": 900})
    for key in ("ArrowRight", "n", "s", "ArrowLeft", "End"):
        tab.keyboard.press(key)
    assert tab.inner_text("#where") == "the end"
    assert "call 0: done" in tab.inner_text("#states")
    assert tab.locator(".picture:not([hidden]) .node.lit title").text_content() == "done"
    tab.get_by_role("button", name="assistant Hi").click()
    assert tab.inner_text("#fields .chosen") == "Hi "
    assert "text in message_kwarg: inside the captured message" in tab.inner_text("#made")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(tab, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}).response["violations"]
    assert [(fault["id"], fault["nodes"][0]["html"]) for fault in found] == []
    assert len(seen) == 1


def test_hostile_content_never_runs(shown):
    tab, seen = shown(made([chunk(content=HOSTILE)]))
    tab.keyboard.press("End")
    assert tab.title() == "Trace of a capture"
    assert "\\u202e\\u001b[31m" in tab.inner_text("#messages")
    assert len(seen) == 1


def test_lanes_are_a_sequence_of_steps_from_the_wire_to_the_messages(shown):
    tab, _ = shown(made([*call_chunks("get", ["{}"], finish=None), chunk(content="Hi"), chunk(content=" you")]))
    tab.keyboard.press("End")
    heads, *steps = tab.locator("#sequence li").all()
    assert heads.all_inner_texts()[0].split("\n") == ["wire", "call 0", "content", "stream", "messages"]
    assert "2 call 0: tool_named tool call get raw_args" in [" ".join(step.inner_text().split()) for step in steps]
    text = next(step for step in steps if "assistant" in step.inner_text())  # one step, however many chunks it took
    assert " ".join(text.inner_text().split()) == "3–4 content: text assistant Hi you"
    ends = [each.bounding_box() for each in text.locator(".arrow").all()]
    assert ends[0]["x"] + ends[0]["width"] == pytest.approx(ends[1]["x"], abs=1)  # they meet in the lane
    text.get_by_role("button", name="chunk 3–4").click()
    assert tab.inner_text("#where") == "chunk 4 of 4"


def test_lanes_of_choices_are_told_apart(shown):
    tab, _ = shown(made([chunk(content="a"), chunk(content="b", choice=1)]))
    tab.keyboard.press("End")
    assert tab.locator("#sequence .heads span").all_inner_texts()[1:3] == ["content", "choice 1 content"]


def test_the_heat_map_is_in_the_picture_and_in_numbers(shown):
    tab, _ = shown(made(SPEECH))
    tab.keyboard.press("End")
    numbers = dict(row.split("\t")[:2] for row in tab.locator("#visits tbody tr").all_inner_texts())
    assert numbers["between_members"] == "3"
    assert numbers["raw_args"] == "0"
    node = tab.locator(".picture:not([hidden]) .node.visited", has_text="between_members")
    assert node.locator(".badge").text_content() == "×3"
    assert float(node.evaluate("node => node.style.getPropertyValue('--share')")) == pytest.approx(0.85)
    assert tab.locator(".picture:not([hidden]) .node.visited").count() == sum(
        count != "0" for count in numbers.values()
    )
    assert tab.inner_text("#scale") == "never visited … 3 visits"


def test_the_cut_is_moved_by_key(shown):
    tab, _ = shown(made([chunk(content="Hello"), chunk(content=" you")]))
    assert (
        " ".join(tab.inner_text("#halves").split())
        == "first chunk Hello assistant Hello second chunk you assistant you"
    )
    tab.locator("#place").focus()
    tab.keyboard.press("ArrowLeft")
    assert (
        " ".join(tab.inner_text("#halves").split())
        == "first chunk Hell assistant Hell second chunk o you assistant o you"
    )
    tab.keyboard.press("Home")
    assert " ".join(tab.inner_text("#halves").split()) == "merged Hello you assistant Hello you"
    assert tab.inner_text("#verdict") == "All 9 ways give the same messages, once joined, and the same result."
    assert tab.inner_text("#where") == "chunk 1 of 2"


def test_a_cut_that_was_not_moved_leads_to_those_that_were(shown, monkeypatch):
    monkeypatch.setattr(explorer, "_WORK", 1_000_000)
    tab, _ = shown(made([chunk(content="word ") for _ in range(20)]))
    tab.keyboard.press("ArrowRight")
    assert "moved one cut in 5" in tab.inner_text("#cut")
    assert tab.locator("#halves").is_hidden()
    tab.get_by_role("button", name="behind chunk 6").click()
    assert tab.inner_text("#where") == "chunk 6 of 20"
    assert tab.locator("#halves").is_visible()


def test_a_long_stream_puts_no_more_into_the_page_than_a_short_one(shown, monkeypatch):
    monkeypatch.setattr(explorer, "_WORK", 10_000_000)
    tab, _ = shown(made([chunk(content="word ") for _ in range(5000)]))
    tab.keyboard.press("End")
    nodes = tab.evaluate("document.querySelectorAll('*').length")
    assert tab.inner_text("#where") == "the end"
    assert nodes < 1500


def test_the_chunking_is_chosen_by_key(shown):
    tab, _ = shown(made(SPEECH))
    tab.keyboard.press("c")
    assert tab.locator("#view option:checked").inner_text().startswith("whole (")
    assert tab.inner_text("#same") == "same messages once joined"


def test_a_body_that_breaks_off_fails_on_the_page_in_every_chunking():
    text = page("a capture", SPEECH, partial(StreamParser, message_id=ID), breaks="not JSON at byte 40")
    for view in data(text)["views"]:
        assert any("failed" in record for record in view["records"])
        assert not any("end" in record for record in view["records"])
        assert view["same"]
