"""The slow reader of Responses bodies: what people reported is read as it should be, and recordings agree with it."""

import json
import os
from collections import Counter

import pytest
import slow_responses
import truth
from recordings import CAPTURES, RESPONSES

CASES = sorted((CAPTURES.parent / "cases" / "responses").glob("*.json"))


def test_the_recordings_are_there():
    if not RESPONSES and not os.environ.get("CI"):
        pytest.skip(f"no recordings in {CAPTURES.name}; they are not part of the project")
    assert sum(name.startswith("responses/") for name in RESPONSES) == 98
    assert sum(name.startswith("quirks/") for name in RESPONSES) == 48


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_reported_stream_is_read_rightly(path):
    case = json.loads(path.read_text(encoding="utf-8"))
    right = case["right"]
    found = slow_responses.read(case["events"])
    assert found["contradicts"] == right.pop("odd")
    assert found["parts"] | right.pop("parts", {}) == found["parts"]
    assert {name: found[name] for name in right} == right


def test_recordings_hold_what_they_are_known_to_hold():
    if not RESPONSES:
        pytest.skip(f"no recordings in {CAPTURES.name}; they are not part of the project")
    found = Counter()
    for name in RESPONSES:
        stream = truth.chunks((CAPTURES / name).read_text(encoding="utf-8"))
        parts = slow_responses.responses(stream)
        folder = name.partition("/")[0]
        found[folder, "responses"] += len(parts)
        found[folder, "contradictions"] += sum(slow_responses.read(part)["contradicts"] for part in parts)
        for reading in map(slow_responses.read, parts):
            found[folder, reading["stop"]] += 1
            found.update((folder, call["kind"], call["ready"]) for call in reading["calls"])
    assert {key: count for key, count in found.items() if key[0] == "responses"} == {
        ("responses", "responses"): 105,
        ("responses", "contradictions"): 1,
        ("responses", "end_turn"): 53,
        ("responses", "tool_calls"): 48,
        ("responses", "max_tokens_exceeded"): 4,
        ("responses", "function", True): 51,
        ("responses", "function", False): 2,
        ("responses", "custom", True): 5,
        ("responses", "mcp", False): 1,
        ("responses", "apply_patch_call", True): 1,
        ("responses", "shell_call", True): 1,
    }
    assert found["quirks", "responses"] == 50


def test_halves_of_a_surrogate_pair_are_joined():
    stream = [
        {"type": "response.output_text.delta", "delta": "a\ud83d"},
        {"type": "response.output_text.done", "text": "a😀"},
    ]
    assert slow_responses.read(stream)["content"] == "a😀"
    assert slow_responses.read(stream[:1])["content"] == "a�"
