"""The example gateway: relays, resumes, and cancels; in a browser, where there is one."""

import asyncio
import json
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from written import SINKS

from streamfsm.sinks import GRAMMARS

httpx2 = pytest.importorskip("httpx2", reason="a client of HTTP is not installed")
starlette = pytest.importorskip("starlette", reason="Starlette is not installed")
uvicorn = pytest.importorskip("uvicorn", reason="Uvicorn is not installed")

GATEWAY = Path(__file__).parents[1] / "examples" / "gateway"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
THOUGHTS = "They want to know something. A search will tell."
ANSWER = "You said: Hello. Let me look it up."
CALL = 'search {"query": "Hello"}'


@pytest.fixture(scope="module")
def gateway():
    sys.path.insert(0, str(GATEWAY))
    import app

    sys.path.remove(str(GATEWAY))
    return app


@contextmanager
def running(application) -> Iterator[str]:
    """Serve the application on a thread."""
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def served(gateway, monkeypatch):
    """The address, with a model that is fast unless told otherwise."""

    @contextmanager
    def serve(*, pace="0", **options):
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        monkeypatch.setenv("PACE", pace)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with running(gateway.app(**options)) as url, httpx2.Client(base_url=url, trust_env=False) as client:
            yield client

    return serve


def frames(text):
    return [frame for frame in text.split("\n\n") if frame]


def messages(text):
    return [json.loads(frame.partition("data: ")[2]) for frame in frames(text) if frame.startswith("id: ")]


@pytest.mark.parametrize("wire", SINKS)
def test_every_protocol_is_relayed_lawfully(served, wire):
    with served() as client:
        response = client.post(f"/relay/{wire}", json={"prompt": "Hello"})
    assert response.headers["content-type"] == "text/event-stream"
    data = re.findall(r"^data: (.*)$", response.text, re.MULTILINE)
    events = [each if each == "[DONE]" else json.loads(each) for each in data]
    assert GRAMMARS[wire].check(events) is None
    assert "You sa" in response.text


def test_what_is_not_there_is_not_found(served):
    with served() as client:
        assert client.post("/relay/smtp", json={}).status_code == 404
        assert client.get("/runs/nowhere").status_code == 404


def test_a_reader_goes_on_from_its_last_event(served):
    with served() as client:
        events = client.post("/runs", json={"prompt": "Hello"}).json()["events"]
        whole = client.get(events).text
        assert whole.startswith("event: attempt\ndata: 1\n\n")
        assert messages(whole)[-1]["stop_reason"] == "tool_calls"
        (last,) = re.findall("^id: (.*)$", frames(whole)[5], re.MULTILINE)
        rest = client.get(events, headers={"Last-Event-ID": last}).text
        assert messages(rest) == messages(whole)[5:]


@pytest.fixture
def cancelled(gateway, monkeypatch):
    """Is set when the scripted server notices that its answer is not wanted any more."""
    noticed, answer = threading.Event(), gateway.model.scripted

    def watched(request):
        try:
            yield from answer(request)
        except GeneratorExit:
            noticed.set()
            raise

    monkeypatch.setattr(gateway.model, "scripted", watched)
    return noticed


LONG = {"prompt": "Hello" * 1000}


def test_a_run_that_nobody_reads_is_cancelled_and_says_so(served, cancelled):
    with served(pace="0.02", grace=0) as client:
        events = client.post("/runs", json=LONG).json()["events"]
        with client.stream("GET", events) as response:
            next(response.iter_bytes())
        assert cancelled.wait(30)
        assert messages(client.get(events).text)[-1]["stop_reason"] == "cancelled"


def test_the_request_to_the_server_is_cancelled_when_the_client_leaves(served, cancelled):
    with served(pace="0.02") as client:
        with client.stream("POST", "/relay/ag-ui", json=LONG) as response:
            next(response.iter_bytes())
        assert cancelled.wait(30)


def test_a_server_that_fails_is_told(gateway):
    class Broken:
        def __getattr__(self, _):
            raise ConnectionError("gone")

    async def scene():
        runs = gateway.Runs(Broken(), 1)
        async with runs.open():
            events = await runs.read(await runs.begin({}), None)
            return b"".join([event async for event in events]).decode()

    assert messages(asyncio.run(scene()))[-1]["stop_reason"] == "error"


# -- in a browser ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    context = browser.new_context()
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    yield page
    context.close()
    assert problems == []


def shown(page):
    return [(each.get_attribute("data-kind"), each.text_content()) for each in page.locator("[data-kind]").all()]


EXPECTED = [
    ("reasoning_message", THOUGHTS),
    ("assistant_message", ANSWER),
    ("tool_call_message", CALL),
]


@pytest.mark.slow("starts Chromium")
def test_the_page_shows_thoughts_answer_and_call(served, page):
    with served() as client:
        page.goto(str(client.base_url))
        page.get_by_label("Prompt").fill("Hello")
        page.get_by_role("button", name="Ask").click()
        page.get_by_text("The end: tool_calls").wait_for()
        assert shown(page) == EXPECTED


@pytest.mark.slow("starts Chromium")
def test_the_page_goes_on_after_a_dropped_connection(gateway, served, page, monkeypatch):
    answer, goes_on = gateway.model.scripted, threading.Event()

    def held(request):
        for number, piece in enumerate(answer(request)):
            if number == 12:  # amid the answer
                goes_on.wait(60)
            yield piece

    monkeypatch.setattr(gateway.model, "scripted", held)
    with served(grace=60) as client:
        page.goto(str(client.base_url))
        page.get_by_label("Prompt").fill("Hello")
        page.get_by_role("button", name="Ask").click()
        page.locator("[data-kind=assistant_message]").wait_for()
        with page.expect_request(re.compile("last=run-")):
            page.get_by_role("button", name="Drop the connection").click()
        goes_on.set()
        page.get_by_text("The end: tool_calls").wait_for()
        assert shown(page) == EXPECTED


@pytest.mark.slow("starts Chromium")
def test_what_a_model_says_is_text_and_no_script(served, page):
    with served() as client:
        page.goto(str(client.base_url))
        page.get_by_label("Prompt").fill("<img src=x onerror=alert(1)>")
        page.get_by_role("button", name="Ask").click()
        page.get_by_text("The end: tool_calls").wait_for()
        assert "<img src=x onerror=alert(1)>" in shown(page)[1][1]
