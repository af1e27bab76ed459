"""Names from OpenTelemetry's conventions for generative AI, as of November 2026; all of them are still in development.

They are copied here because the module that had them is deprecated, and its successor is not published yet.
"""

from typing import Final

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHED_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - not a secret
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"

DURATION_METRIC: Final = "gen_ai.client.operation.duration"
TOKENS_METRIC: Final = "gen_ai.client.token.usage"
FIRST_CHUNK_METRIC: Final = "gen_ai.client.operation.time_to_first_chunk"
NEXT_CHUNK_METRIC: Final = "gen_ai.client.operation.time_per_output_chunk"

SECONDS_BUCKETS: Final = tuple(0.01 * 2**power for power in range(14))
TOKENS_BUCKETS: Final = tuple(4**power for power in range(14))
