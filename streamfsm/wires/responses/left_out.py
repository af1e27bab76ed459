"""What an event holds that is not in the messages or the result, and why. Tests check that everything else is there."""

LEFT_OUT: dict[str, str] = {
    "sequence_number": "it is not reliable: servers omit it or begin at any number, and a proxy that cuts or joins "
    "deltas repeats or skips numbers",
    "obfuscation": "padding against traffic analysis",
    "stream_id": "it identifies the connection",
    "item_id": "it decides which item the other fields belong to",
    "output_index": "it decides which item the other fields belong to",
    "content_index": "it decides which part the other fields belong to; that of a thought is its detail's `index`",
    "summary_index": "the same",
    "annotation_index": "annotations are kept in order",
    "type": "it decides how the object is read",
    "item.id": "it decides which item the other fields belong to; that of a thought is its detail's `id`",
    "item.role": "it is always the assistant",
    "item.status": "it decides whether a call is `ready`, and the response has a status of its own",
    "item.result": "base64 of an image: its length is kept instead",
    "delta of audio, partial_image_b64": "base64: only its length is kept",
    "delta, code, diff, command that are kept": "the item's end has the complete value; without one, it is an extra",
    "response.id, response.model": "the first one is used",
    "response.object, response.created_at, response.completed_at": "the same for every response, and times",
    "response.status, response.incomplete_details.reason": "it is the finish reason",
    "other fields of response": "the last value of each field is used, such as that of the `service_tier`",
    "response.output": "it repeats the items; what is new in it is read",
}
"""What is left out → why."""

ECHOED = frozenset(
    {
        *("access_programs", "background", "conversation", "frequency_penalty", "include", "input", "instructions"),
        *("input_transformations", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls"),
        *("presence_penalty", "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_options"),
        *("prompt_cache_retention", "reasoning", "safety_identifier", "store", "stream", "stream_options"),
        *("temperature", "text", "tool_choice", "tools", "top_k", "top_logprobs", "top_p", "truncation", "user"),
    }
)
"""Fields of a response that repeat the request, in three events of each stream; they are left out."""
