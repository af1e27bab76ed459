"""Reads the calls of a delta: entries of ``tool_calls``, and the legacy ``function_call``."""

from collections.abc import Mapping
from typing import Any

from streamfsm.core.events import AnomalyReport, Form, Handler
from streamfsm.core.json_values import as_json, fields_and_extra, fields_of, more, says, show
from streamfsm.wires.chat.fields import CALL, FUNCTION
from streamfsm.wires.checked import LARGEST, checked, integer, string

_NOTHING: Mapping[str, Any] = {}
# Fields that may hold arguments, though in the wrong place.
_ARGUMENTS = frozenset({"arguments", "input", "parameters", "args"})


def read_function_call(function: object, calls: object, choice: int, to: Handler) -> None:
    """Read the legacy call, unless it repeats an entry of ``tool_calls``.

    Next to ``tool_calls`` it is a separate call only if it has a name of its own.
    """
    calls = calls if isinstance(calls, list) else []
    entries = [_core(fields_of(entry).get("function")) for entry in calls]
    legacy = _core(function)
    if calls and (legacy in entries or legacy == ("", "")):
        return
    mine = bool(legacy[0]) and legacy[0] not in [name for name, _ in entries]
    if calls:
        what = f"function_call is {show(legacy)}, which is no entry of tool_calls"
        to.take(AnomalyReport("ambiguous_call", what, choice, {} if mine else {"function_call": function}))
    if mine or not calls:
        read_calls([{"function": function}], choice, to)


def _core(function: object) -> tuple[Any, Any]:
    fields = fields_of(function)
    return fields.get("name") or "", fields.get("arguments") or ""


def read_calls(calls: object, choice: int, to: Handler) -> None:
    """Report the pieces of calls in a list of entries."""
    entry = -1
    for call in calls if isinstance(calls, list) else checked(list, calls, "tool_calls", choice, to) or ():
        entry += 1
        fields, maybe_extra = fields_and_extra(call)
        if fields is None:
            to.take(
                AnomalyReport("wrong_type", f"an entry of tool_calls is {show(call)}", choice, {"tool_calls": call})
            )
            continue
        function, _ = fields_and_extra(fields.get("function"))
        if function is None:
            function = _NOTHING
            if says(fields.get("function")):
                what = f"function is {show(fields['function'])}"
                to.take(AnomalyReport("wrong_type", what, choice, {"function": fields["function"]}))
        form: Form = "json"
        extras = {}
        if not FUNCTION.issuperset(function) and (unread := more(function, FUNCTION)):
            extras["function"] = {key: function[key] for key in unread}
            _doubt(extras["function"], "function has", choice, to)
        if maybe_extra and (unread := more(maybe_extra, CALL)):
            extras |= {key: maybe_extra[key] for key in unread}
            _doubt({key: extras[key] for key in _ARGUMENTS & extras.keys()}, "an entry of tool_calls has", choice, to)
            if "custom" in extras and (custom := fields_of(extras["custom"])):
                function, form = _custom(custom, function, extras, choice, to)
        index, call_id = fields.get("index"), fields.get("id") or ""
        name, arguments = function.get("name") or "", function.get("arguments")
        if arguments is None:
            arguments = ""
        typed = type(call_id) is type(name) is type(arguments) is str and (index is None or type(index) is int)
        if not (typed and call_id.isascii() and (index is None or abs(index) <= LARGEST)):
            index = integer(fields, "index", choice, to)
            call_id = string(fields, "id", choice, to)
            name = checked(str, name, "name", choice, to) or ""
            if not isinstance(arguments, str):
                arguments, form = _not_text(arguments, form, choice, to)
        to.call(choice, index, call_id, name, arguments, entry, False, extras or None, form)


def _doubt(unread: Mapping[str, Any], what: str, choice: int, to: Handler) -> None:
    """Record that uninterpreted fields may hold the arguments, unless they are numbers or booleans."""
    if names := [key for key, value in unread.items() if isinstance(value, str) or not isinstance(value, int | float)]:
        to.take(AnomalyReport("unread_arguments", f"{what} {show(names)}", choice))


def _custom(
    custom: Mapping[str, Any], function: Mapping[str, Any], extras: dict[str, Any], choice: int, to: Handler
) -> tuple[Mapping[str, Any], Form]:
    """Return the call of a custom tool, ``{"name": …, "input": …}``, in the shape of a function; and its form.

    An entry that also calls a function stays the function's, and is in doubt if it also has a custom name or input.
    """
    if any(function.get(key) for key in FUNCTION):
        if any(custom.get(key) for key in ("name", "input")):
            to.take(AnomalyReport("unread_arguments", f"custom is {show(custom)}, next to a function", choice))
        else:
            del extras["custom"]
        return function, "json"
    rest = {key: custom[key] for key in more(custom, ("name", "input"))}
    extras.pop("custom")
    if rest:
        extras["custom"] = rest
        _doubt(rest, "custom has", choice, to)
    return {"name": custom.get("name"), "arguments": custom.get("input")}, "text"


def _not_text(arguments: object, form: Form, choice: int, to: Handler) -> tuple[str, Form]:
    """Read arguments that came as a JSON value instead of text: the members of an object, of which more may follow."""
    text = as_json(arguments)
    if form == "json" and text and text.startswith("{"):
        return text[1:-1], "members"
    to.take(AnomalyReport("wrong_type", f"arguments is {show(arguments)}", choice))
    return text or show(arguments), form
