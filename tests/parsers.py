"""A right parser, and wrong ones: each breaks one law."""

import json
from collections.abc import Iterator
from typing import Any

from streamfsm.testing import Said, TracedParser


class Plain:
    """Gives what comes, as it comes; a name when it is whole."""

    def __init__(self):
        self.ids = {}
        self.names = {}
        self.finish = "none"

    def feed(self, chunk) -> Iterator[Any]:
        for choice in chunk.get("choices", ()):
            delta, index = choice.get("delta") or {}, choice["index"]
            for field, kind in (("reasoning_content", "reasoning"), ("reasoning", "reasoning"), ("content", "content")):
                if delta.get(field):
                    yield from self.text(kind, index, delta[field])
                    delta = delta if kind == "content" else {**delta, "reasoning": None}
            for entry in delta.get("tool_calls") or ():
                yield from self.call((index, self.index(entry)), entry)
            if choice.get("finish_reason"):
                yield from self.announce()
                self.finish = choice["finish_reason"]

    def index(self, entry):
        return entry.get("index", 0)

    def call(self, place, entry):
        function = entry["function"]
        if entry.get("id") and place not in self.ids:
            yield from self.announce()
            self.ids[place] = entry["id"]
            self.names[place] = ""
        if function.get("name") and place in self.names and function["name"] != self.names[place]:
            self.names[place] += function["name"]
        if function.get("arguments"):
            yield from self.announce()
            yield from self.text("arguments", self.ids[place], function["arguments"])

    def announce(self):
        yield from (("name", self.ids[place], name) for place, name in self.names.items())
        self.names = {}

    def text(self, kind, key, text):
        yield kind, key, text

    def close(self):
        yield from self.announce()
        yield "stop", None, self.finish


class Strips(Plain):
    """Loses white space at cuts."""

    def text(self, kind, key, text):
        yield kind, key, text.rstrip() or text


class Doubles(Plain):
    """Says a piece twice that is only a quote."""

    def text(self, kind, key, text):
        yield from [(kind, key, text)] * (1 + (text == '"'))


class Drops(Plain):
    """Reads the first call of a delta and no other."""

    def feed(self, chunk):
        for choice in chunk.get("choices", ()):
            delta = {**choice["delta"], "tool_calls": choice["delta"].get("tool_calls", [])[:1]}
            yield from super().feed({"choices": [{**choice, "delta": delta}]})


class Closes(Plain):
    """Gives arguments as a snapshot that is always whole, and takes the last brace back."""

    def __init__(self):
        super().__init__()
        self.so_far = ""

    def text(self, kind, key, text):
        if kind != "arguments":
            return iter([(kind, key, text)])
        self.so_far += text
        return iter([{"kind": kind, "key": key, "text": self.so_far + "}", "snapshot": True}])


class Waits(Plain):
    """Gives everything at the end."""

    def __init__(self):
        super().__init__()
        self.held = []

    def feed(self, chunk):
        self.held += super().feed(chunk)

    def close(self):
        return [*self.held, *super().close()]


class Rereads(Plain):
    """Reads the whole text again for every piece."""

    def __init__(self):
        super().__init__()
        self.so_far = ""

    def text(self, kind, key, text):
        self.so_far += text
        self.hash = sum(map(ord, self.so_far))
        yield kind, key, text


class Raises(Plain):
    """Decodes each piece as if it were whole."""

    def text(self, kind, key, text):
        if kind == "arguments":
            json.loads('"' + text.replace('"', "'") + '"', strict=False)
        yield kind, key, text


class Hangs(Plain):
    """Looks for what follows a backslash in the same piece."""

    def text(self, kind, key, text):
        while text.endswith("\\"):
            pass
        yield kind, key, text


class Changes(Plain):
    """Takes what it reads out of the chunk."""

    def feed(self, chunk):
        found = [*super().feed(chunk)]
        for choice in chunk.get("choices", ()):
            choice["delta"].pop("content", None)
        return found


class Late(Plain):
    """Fails at the end."""

    def close(self):
        raise RuntimeError("late")


class Needs(Plain):
    """Needs an index."""

    def index(self, entry):
        return entry["index"]


class Announces(Plain):
    """Says a call's name again when the stream ends."""

    def announce(self):
        self.last = list(super().announce()) or getattr(self, "last", [])
        yield from self.last


class Stops(Plain):
    """Says stop at the finish reason, though usage may follow, and more."""

    def feed(self, chunk):
        yield from super().feed(chunk)
        if self.finish != "none":
            yield Said("stop", None, self.finish)


class Nameless(Plain):
    """Never says a name."""

    def announce(self):
        return iter(())


class Empty(Plain):
    """Says what has no text."""

    def feed(self, chunk):
        yield "content", 0, ""
        yield from super().feed(chunk)


class SoFar:
    """Gives the whole message so far at each chunk: content first, whenever that came."""

    def __init__(self):
        self.so_far = {"content": "", "reasoning": ""}

    def feed(self, chunk):
        delta = chunk["choices"][0]["delta"]
        self.so_far["content"] += delta.get("content", "")
        self.so_far["reasoning"] += delta.get("reasoning_content", "")
        return [(kind, 0, text, True) for kind, text in self.so_far.items()]

    def close(self):
        return ()


class Counts(TracedParser):
    """Has a result that depends on the chunking."""

    chunks = 0

    def feed(self, chunk):
        self.chunks += 1
        return super().feed(chunk)

    def result(self):
        return {"same": 1, "inner": [{"chunks": self.chunks}]}


class Searches:
    """Searches each chunk for the message, as in docs/why.md."""

    def __init__(self):
        self.buffer, self.speaks = "", False

    def feed(self, chunk):
        for choice in chunk["choices"]:
            for entry in choice["delta"].get("tool_calls") or ():
                if text := self.speech(entry["function"].get("arguments") or ""):
                    yield "speech", choice["index"], text

    def speech(self, piece):
        if '"message":"' in piece:
            self.speaks, piece = True, piece.partition('"message":"')[2]
        return piece.removesuffix('"}') if self.speaks else ""

    def close(self):
        return ()


class Buffers(Searches):
    """Searches all that came for it, so only the end of the arguments can be cut wrongly."""

    def speech(self, piece):
        self.buffer += piece
        if not self.speaks and (at := self.buffer.find('"message":"')) >= 0:
            self.speaks, piece = True, self.buffer[at + len('"message":"') :]
        return piece.removesuffix('"}') if self.speaks else ""


class BuffersSpeech(Searches):
    """A buffer for each call of the message tool; other calls are not read."""

    def __init__(self):
        self.calls = {}

    def feed(self, chunk):
        for choice in chunk["choices"]:
            for entry in choice["delta"].get("tool_calls") or ():
                place = choice["index"], entry["index"]
                call = self.calls.setdefault(place, {"name": "", "buffer": Buffers()})
                call["name"] += entry["function"].get("name") or ""
                text = entry["function"].get("arguments") or ""
                if call["name"] == "send_message" and (text := call["buffer"].speech(text)):
                    yield "speech", place, text
