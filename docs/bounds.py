"""The bound of each part of a parser's state, as data for the table in ``docs/limits.md``."""

_FIXED = "fixed by a table or the caller's options"
_EVENT = "one event: at most `Limits.event` bytes if bytes are fed, otherwise the caller's object"
_TOTAL = "counts towards `Limits.total`"

BOUNDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "text of a field": (
        f"`Limits.text` each; {_TOTAL}",
        ("TextLane.answer", "TextLane.reasoning", "TextLane._held", "TextLane._prefix", "TextLane.half"),
    ),
    "arguments of a call": (
        f"`Limits.arguments` each; {_TOTAL}",
        ("CallLane.arguments", "CallLane._first", "CallLane.half"),
    ),
    "remains of texts that are not kept": (
        "a digest and a few thousand characters of a text, or its last piece; a digest and 256 characters of arguments",
        (
            *("Passing._digest", "Passing._marker", "Remains.head", "Remains.whole", "Remains.value"),
            "MessageWriter.over",
        ),
    ),
    "possible repetition of arguments that were not kept": (
        "the length of those arguments; counts towards `Limits.total`",
        ("Remains.again",),
    ),
    "a key in arguments, and the text before it": ("`Limits.held`", ("Scanner._held", "Scanner._key")),
    "parts of arguments that are held back": (
        "a copy of part of the arguments: a value emitted when complete, a path, an escape",
        (
            *("Scanner._taken", "Scanner._tail", "Scanner.beyond", "Scanner._name"),
            *("Scanner._place", "Scanner.path", "Scanner._around", "Scanner._stack"),
        ),
    ),
    "keys in arguments": (_TOTAL, ("Scanner._keys", "Scanner.duplicates")),
    "calls": (
        f"`Limits.tool_calls` in a choice; {_TOTAL}",
        ("Calls.lanes", "Calls.fillable", "Calls.growing", "Calls.nameless", "Calls.unclosed", "Response._call_routes"),
    ),
    "names of tools": ("`Limits.name`", ("CallLane.name", "CallLane._name_half")),
    "ids and indexes of calls": (
        _TOTAL,
        ("Calls.with_id", "Calls.at_index", "CallLane.id", "CallLane.announced_id"),
    ),
    "choices": (f"`Limits.choices`; {_TOTAL}", ("Run.choices",)),
    "choices known to the reader": (
        "`Limits.choices`",
        ("ChatCompletions.choices",),
    ),
    "texts and their parts": (f"`Limits.items` in a choice; {_TOTAL}", ("Choice.texts", "Response._text_routes")),
    "structured reasoning": (
        f"`Limits.sent_back`; {_TOTAL}",
        (
            *("Choice.details", "Choice.detail_at", "Detail.text", "Detail.data", "Detail.extras", "Detail.id"),
            *("Detail.kind", "Detail.half", "Detail.signature"),
        ),
    ),
    "extras": (
        f"`Limits.extras` and `Limits.sent_back`, beyond which nothing is kept; {_TOTAL}",
        ("Run.extras", "Choice.extras", "CallLane.extras", "Kept.texts", "Run.spent"),
    ),
    "usage": (f"`Limits.extras`, beyond which nothing is kept; {_TOTAL}, each character as 16", ("Usage.raw",)),
    "anomalies": (
        "`Limits.anomalies`, beyond which none is kept; 1,000 characters each",
        ("Run.anomalies", "Run.recorded_once", "Anomaly.detail"),
    ),
    "turns between speech and thoughts": (_TOTAL, ("Numbering.turns",)),
    "the response's id, model and finish reasons": (
        _TOTAL,
        ("Run.response_id", "Run.model", "Choice.finish_reason"),
    ),
    "items of the Responses API, and their ids": (
        f"`Limits.items`; {_TOTAL}",
        (
            *("Items.all", "Items.with_id", "Items.at_index", "Items.taken", "Items.open", "Items.last", "Item.ids"),
            *("Item.id", "Item.call_id", "Item.parts", "Part.retells", "Item.type", "Responses.silent"),
        ),
    ),
    "texts with which items and parts begin": (_TOTAL, ("Beginning.text",)),
    "reported fields of a response": (_TOTAL, ("Responses.told",)),
    "the last response, and the route of the latest delta": (_EVENT, ("Responses.final", "Responses.route")),
    "items that have begun, as they came": (
        f"`Limits.items`; {_TOTAL}, each character as 16",
        ("Unfinished.begun",),
    ),
    "pieces of items of other types": (
        f"a fixed number of characters; {_TOTAL}",
        ("Unfinished.texts",),
    ),
    "an event that is not complete": (
        "`Limits.event` bytes",
        tuple(f"EventStream.{name}" for name in ("_data", "_held", "_name", "_next_name", "_unframed")),
    ),
    "cumulative messages that wait for the finish reason": (_TOTAL, ("ChatCompletions.whole",)),
    "choices that may only count tokens": ("16 entries, each of " + _EVENT, ("ChatCompletions.waiting",)),
    "the service tier and fingerprint of a chunk, and the error": (_EVENT, ("ChatCompletions.stamps", "Run.error")),
    "learned shapes of events": ("a few shapes of 4,096 bytes each", ("Template._shapes",)),
    "messages not returned yet": (
        "the messages of one call of `feed`, and the latest message",
        ("MessageWriter._messages", "MessageWriter._latest", "MessageWriter._latest_emission", "Numbering.run"),
    ),
    "the beginning of a body that is not a stream": ("200 characters", ("_Wire.unread",)),
    "fixed": (
        _FIXED,
        (
            *("CallLane.form", "CallLane.kind", "CallLane.scanner", "CallLane.state", "CallLane.tool", "Detail.field"),
            *("ChatCompletions.counting", "ChatCompletions.reasoning_fields", "ChatCompletions.wire"),
            *(
                "EventStream._first",
                "Kept.policy",
                "MessageWriter.message_id",
                "MessageWriter.details",
                "MessageWriter.requires_approval",
            ),
            *("MessageWriter.run_id", "MessageWriter.step_id", "Meter.bound", "Part.kind", "Response._lane_policies"),
            *(
                "Responses.wire",
                "Scanner._literal",
                "Scanner._mode",
                "Scanner._sink",
                "Scanner.trie",
                "Scanner.verdict",
            ),
            *("StreamLane.label", "StreamLane.state", "StreamParser._frame", "TextLane.state", "TextLane.text_field"),
            *("Trie.declared", "Trie.nodes", "Trie.takings", "Usage.source", "Anomaly.kind"),
        ),
    ),
}
"""Part of the state → its bound, and its attributes."""
