"""Token counts, if the server reports none: by ``tiktoken`` if its vocabulary is loaded, else an estimate.

A vocabulary is a file of some megabytes that ``tiktoken`` may have to download, without a timeout and while it holds a
lock. So a daemon thread loads it: no stream waits for the thread, and the process can exit. Until it has finished, no
other thread uses ``tiktoken``.
"""

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from functools import partial
from typing import Any, TypeAlias

from pydantic import BaseModel

from streamfsm.client.log import harmless, logger
from streamfsm.core.text import without_surrogates
from streamfsm.errors import with_extra
from streamfsm.result import StreamResult

Counter: TypeAlias = Callable[[str], int]
"""Returns the number of tokens of a text. It is not additive: the pieces of a text may have more tokens than the
text."""

_lock = threading.Lock()
_loads: dict[str, "futures.Future[Counter]"] = {}
_warned: set[str] = set()


def preload(encoding: str = "cl100k_base") -> None:
    """Begin to load a vocabulary, once per encoding and process. Returns at once and never raises.

    Args:
        encoding: a name that ``tiktoken.get_encoding`` knows.
    """
    _load(encoding)


def wait(encoding: str, timeout: float) -> bool:
    """Load a vocabulary and wait for it, for programs that need exact counts. Never raises.

    Args:
        encoding: see :func:`preload`.
        timeout: the most seconds to wait.

    Returns:
        Whether counts are exact from now on.
    """
    load = _load(encoding)
    futures.wait([load], timeout)
    return _is_loaded(load)


def counter(encoding: str = "cl100k_base") -> tuple[Counter, bool]:
    """Return the best counter that is available now. Never waits or raises; begins to load the vocabulary if needed.

    The first time that it returns an estimator for an encoding, it logs a warning with the reason.

    Args:
        encoding: see :func:`preload`.

    Returns:
        An exact counter and ``True``, or :func:`estimate` and ``False``. The exact one takes time linear in the text.
        It cuts the text at least every 1,024 characters, where no token can span the cut. A run of 1,024 characters
        without such a place (base64, Chinese without spaces) is cut anyway, which may change the count by a few tokens.
    """
    load = _load(encoding)
    if _is_loaded(load):
        return load.result(), True
    with _lock:
        first = encoding not in _warned
        _warned.add(encoding)
    if first:
        harmless(logger.warning)("token counts are estimates: %s", _why_not(encoding, load))
    return estimate, False


def estimate(text: str) -> int:
    """Estimate the tokens of a text, rounded up: a quarter of the ASCII characters, a third of the other UTF-8 bytes.

    Four characters a token is OpenAI's rule of thumb for English. Three bytes make one Chinese, Japanese or Korean
    character, and ``cl100k_base`` needs about one token for each. English, German, Japanese, code and JSON come within
    30 % of its counts; Cyrillic up to 50 % above, hexadecimal digits and emoji far below.
    """
    in_ascii = len(text.encode("ascii", "ignore"))
    others = len(text.encode("utf-8", "surrogatepass")) - in_ascii
    return -(-(3 * in_ascii + 4 * others) // 12)


def _load(encoding: str) -> "futures.Future[Counter]":
    with _lock:
        if encoding in _loads:
            return _loads[encoding]
        load = _loads[encoding] = futures.Future()
    try:
        threading.Thread(target=_run, args=(encoding, load), name=f"load {encoding}", daemon=True).start()
    except RuntimeError as error:  # too many threads, or the interpreter is shutting down
        load.set_exception(error)
    return load


def _run(encoding: str, load: "futures.Future[Counter]") -> None:
    try:
        import tiktoken  # an extra, and slow to import

        load.set_result(partial(_count, tiktoken.get_encoding(encoding).encode_ordinary))
    except BaseException as error:  # noqa: BLE001 - a Rust panic is not an Exception
        load.set_exception(error)


def _is_loaded(load: "futures.Future[Counter]") -> bool:
    return load.done() and load.exception() is None


def _why_not(encoding: str, load: "futures.Future[Counter]") -> str:
    error = load.exception() if load.done() else None
    if error is None:
        return f"the vocabulary {encoding} is not loaded yet"
    if isinstance(error, ModuleNotFoundError) and error.name == "tiktoken":
        return f"tiktoken is not installed ({with_extra('tokens')})"
    return f"the vocabulary {encoding} could not be loaded: {error!r}"


# -- exact counts ------------------------------------------------------------------------------------------------------

# ``tiktoken`` first splits a text by a regular expression, then each part into tokens. The splitting overflows Rust's
# stack on a million spaces before a letter; the second step is quadratic in a part's length up to version 0.7. So texts
# are cut first, where every such expression (of r50k, cl100k, o200k) ends a part, whatever follows: before a space that
# follows something else, and between an ASCII letter or digit and any other ASCII character except the apostrophe of
# "it's". Not after a space, as ``" the"`` is one part, nor after punctuation, as ``".the"`` and ``".\n"`` are.
_PIECES = re.compile(
    r"""
      .{1,1024} (?: \Z | (?<=\S)(?=[ ]) | (?<=[0-9A-Za-z])(?=[\x00-&(-/:-@[-`{-\x7f]) )
    | .{1,1024}
    """,
    re.VERBOSE | re.DOTALL,
)


def _count(encode: Callable[[str], list[int]], text: str) -> int:
    return sum(len(encode(piece)) for piece in _PIECES.findall(without_surrogates(text)))


# -- complete requests and responses -----------------------------------------------------------------------------------

# Tokens around the texts of a request; the names in parentheses are the cookbook's. See count_prompt.
_REPLY = 3
_MESSAGE = 3  # (tokens_per_message)
_NAME = 1  # (tokens_per_name)
_MEDIA = 85
_TOOL = 10  # (func_init)
_TOOLS_END = 12  # (func_end)
_PROPERTIES = 3  # (prop_init)
_PROPERTY = 3  # (prop_key)
_ENUM = -3  # (enum_init)
_ENUM_ITEM = 3  # (enum_item)


def count_prompt(messages: Iterable[Any], tools: Iterable[Any], count: Counter) -> int:
    """Estimate the tokens of a Chat Completions request; how servers lay out messages and tools is not documented.

    The numbers are those that OpenAI's cookbook found for ``gpt-4`` by experiment
    (https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb, sections 6
    and 7; a tool of ``gpt-4o`` costs 3 less). Cases that the cookbook omits: every schema inside another (nested
    properties, items, alternatives, definitions) counts as a property; a call in the history counts as its name and
    arguments; an image or other medium counts 85, OpenAI's price of an image at low detail. A value of the wrong type
    counts as its JSON text, and a value that JSON cannot represent counts 0.

    Args:
        messages: dicts, pydantic models, or objects with ``to_openai_dict()``.
        tools: of the same types; ``{"type": "function", "function": {…}}`` or the function alone.
        count: see :func:`counter`.

    Returns:
        The number of tokens. Never raises: a value that cannot be read counts 0.
    """
    tool_counts = [_count_tool(_plain(tool), count) for tool in tools]
    return (
        _REPLY
        + sum(_count_message(_plain(message), count) for message in messages)
        + sum(tool_counts)
        + (_TOOLS_END if tool_counts else 0)
    )


def count_output(result: StreamResult, count: Counter) -> int:
    """Count the tokens that a model wrote and its server shows: content, reasoning, refusals, names and arguments.

    Args:
        result: the result of the complete stream.
        count: see :func:`counter`.
    """
    texts: list[str] = []
    for choice in result.choices:
        texts += [choice.content, choice.reasoning, choice.refusal]
        texts += [text for call in choice.tool_calls for text in (call.name, call.arguments)]
    return sum(map(count, texts))


def _plain(value: Any) -> Any:
    """Return a value as a server would read it, models as dicts; ``None`` if it is circular or too deep for JSON."""
    try:
        return json.loads(json.dumps(value, default=_as_json, skipkeys=True))
    except Exception:  # noqa: BLE001 - a ``to_openai_dict()`` may raise anything
        return None


def _as_json(value: Any) -> Any:
    if hasattr(value, "to_openai_dict"):
        return value.to_openai_dict()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True, warnings=False)
    return str(value)


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _count_message(message: Any, count: Counter) -> int:
    if message is None:  # JSON cannot represent it, or its ``to_openai_dict()`` returned ``None``: it is not sent
        return 0
    if not isinstance(message, dict):
        return _MESSAGE + count(_text(message))
    total = _MESSAGE + (_NAME if message.get("name") else 0)
    for key, value in message.items():
        match key, value:
            case "content", list():
                total += sum(_count_part(part, count) for part in value)
            case "tool_calls", list():
                total += sum(_count_call(call, count) for call in value)
            case "function_call", dict():
                total += _count_call(value, count)
            case _:
                total += count(_text(value))
    return total


def _count_part(part: Any, count: Counter) -> int:
    if not isinstance(part, dict):
        return count(_text(part))
    texts = [part[key] for key in ("text", "refusal") if isinstance(part.get(key), str)]
    return sum(map(count, texts)) if texts else _MEDIA


def _count_call(call: Any, count: Counter) -> int:
    function = call.get("function", call) if isinstance(call, dict) else call
    values = function.values() if isinstance(function, dict) else [function]
    return sum(count(_text(value)) for value in values)


def _count_tool(tool: Any, count: Counter) -> int:
    function = tool.get("function", tool) if isinstance(tool, dict) else tool
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return count(_text(tool))
    line = _line(function["name"], function.get("description"))
    return _TOOL + count(line) + _count_schemas(function.get("parameters"), count)


def _count_schemas(parameters: Any, count: Counter) -> int:
    total, pending = 0, [parameters]
    while pending:  # no recursion, because a schema may be nested to any depth
        schema = pending.pop()
        if not isinstance(schema, dict):
            total += count(_text(schema))
            continue
        if schema.get("properties"):
            total += _PROPERTIES
        for name, inner in _inner_schemas(schema):
            total += _PROPERTY + _count_property(name, inner, count)
            pending.append(inner)
    return total


def _inner_schemas(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in ("properties", "$defs", "definitions"):
        value = schema.get(key)
        if value:
            yield from value.items() if isinstance(value, dict) else [("", value)]
    for key in ("items", "prefixItems", "additionalProperties", "anyOf", "oneOf", "allOf"):
        value = schema.get(key)
        for inner in value if isinstance(value, list) else [value]:
            if inner and inner is not True:  # ``true``, ``false`` and ``{}`` add no tokens
                yield "", inner


def _count_property(name: str, schema: Any, count: Counter) -> int:
    if not isinstance(schema, dict):
        return count(name)
    kind = schema.get("type") or _text(schema.get("$ref")).rpartition("/")[2]
    kinds = kind if isinstance(kind, list) else [kind]
    total = count(_line(name, "|".join(map(_text, kinds)), schema.get("description")))
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if not isinstance(values, list):
        return total + count(_text(values))
    return total + (_ENUM if values else 0) + sum(_ENUM_ITEM + count(_text(value)) for value in values)


def _line(*parts: Any) -> str:
    return ":".join(_text(part).removesuffix(".") for part in parts if part)
