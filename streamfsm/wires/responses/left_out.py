"""What an event holds that is not in the messages or the result, and why. Tests check that everything else is."""

LEFT_OUT: dict[str, str] = {
    "sequence_number": "it decides nothing: servers leave it out, and begin anywhere",
    "obfuscation": "padding against traffic analysis",
    "stream_id": "names the connection",
    "item_id": "says whose the rest is",
    "output_index": "says whose the rest is",
    "content_index": "says whose the rest is; that of a thought is its detail's `index`",
    "summary_index": "the same",
    "annotation_index": "annotations are kept in order",
    "type": "says how to read what it is in",
    "item.id": "says whose the rest is; that of a thought is its detail's `id`",
    "item.role": "an echo: an answer is the assistant's",
    "item.status": "in a call's `ready`, and in how the response ended",
    "item.result": "base64 of an image: its length is kept instead",
    "delta of audio, partial_image_b64": "base64: only its length is kept",
    "delta, code, diff, command of `told_later`": "the end of the item tells it whole; without one, it is an extra",
    "response.id, response.model": "the first one stands",
    "response.object, response.created_at, response.completed_at": "say that a response is a response, and when",
    "response.status, response.incomplete_details.reason": "the finish reason",
    "other fields of response": "the last event that tells one stands, such as the `service_tier`",
    "response.output": "tells again what items said; what is new in it is read",
}
"""What → why it is left out."""

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
