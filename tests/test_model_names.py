"""Which names are those of models that think without showing it."""

import pytest

from streamfsm.core.model_names import is_reasoning_model

REASONING = [
    *("o1", "o1-mini", "o3", "o3-mini", "o4-mini", "o3-mini-2025-01-31", "o10", "O3-MINI", "openai/o3"),
    *("gpt-5", "gpt-5-mini", "gpt-5.1", "gpt-5-2025-08-07", "gpt-6", "gpt-10", "openai/gpt-5", "a/b/gpt-5"),
]
PLAIN = [
    *("gpt-4", "gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.5-preview", "gpt-3.5-turbo", "chatgpt-4o-latest"),
    *("gpt-5-chat-latest", "gpt-5.1-chat", "openai/gpt-5-chat", "omni", "omni-moderation-latest", "o0", "o", "o1x"),
    *("gpt-5o", "my-o3", "o3/llama", "deepseek-reasoner", "claude-opus-4", "qwen3", ""),
]


@pytest.mark.parametrize("name", REASONING)
def test_a_model_of_this_name_thinks_without_showing_it(name):
    assert is_reasoning_model(name)


@pytest.mark.parametrize("name", PLAIN)
def test_a_model_of_this_name_does_not(name):
    assert not is_reasoning_model(name)
