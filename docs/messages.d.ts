// Written by docs/generate.py from messages.schema.json.

/** A ToolCallMessage of a tool whose calls must be approved before they are run. */
export interface ApprovalRequestMessage {
  id: string;
  date: string;
  name?: string | null;
  otid?: string | null;
  sender_id?: string | null;
  step_id?: string | null;
  is_err?: boolean | null;
  seq_id?: number | null;
  run_id?: string | null;
  choice_index: number;
  message_type: "approval_request_message";
  tool_call: ToolCallDelta;
}

/** A value captured by a Channel in a call's arguments, or a piece of it. A string is emitted piece by piece, each a `delta`; the last, which may be empty, has `done`. Any other value is emitted once, as `value` with `done`; so is a string if the channel has `when="whole"`. A channel of leaves, such as `$..*`, also emits each object and array when it opens, as an empty `value` without `done`. */
export interface ArgumentMessage {
  id: string;
  date: string;
  name?: string | null;
  otid?: string | null;
  sender_id?: string | null;
  step_id?: string | null;
  is_err?: boolean | null;
  seq_id?: number | null;
  run_id?: string | null;
  choice_index: number;
  message_type: "argument_message";
  tool_call_id?: string | null;
  tool_name: string;
  channel: string;
  path: string;
  delta?: string | null;
  value?: unknown;
  done: boolean;
}

/** A piece of what the model says to the user, decoded: plain content, a refusal, or the message kwarg. */
export interface AssistantMessage {
  id: string;
  date: string;
  name?: string | null;
  otid?: string | null;
  sender_id?: string | null;
  step_id?: string | null;
  is_err?: boolean | null;
  seq_id?: number | null;
  run_id?: string | null;
  choice_index: number;
  message_type: "assistant_message";
  content: string;
}

/** Announces, once, that a reasoning model has thought without showing its thoughts. */
export interface HiddenReasoningMessage {
  id: string;
  date: string;
  name?: string | null;
  otid?: string | null;
  sender_id?: string | null;
  step_id?: string | null;
  is_err?: boolean | null;
  seq_id?: number | null;
  run_id?: string | null;
  choice_index: number;
  message_type: "hidden_reasoning_message";
  state: "redacted" | "omitted";
  hidden_reasoning?: string | null;
}

/** A piece of the model's thoughts, decoded: native reasoning, a `<think>` span, or an inner-thoughts kwarg. */
export interface ReasoningMessage {
  id: string;
  date: string;
  name?: string | null;
  otid?: string | null;
  sender_id?: string | null;
  step_id?: string | null;
  is_err?: boolean | null;
  seq_id?: number | null;
  run_id?: string | null;
  choice_index: number;
  message_type: "reasoning_message";
  source: "reasoner_model" | "non_reasoner_model";
  reasoning: string;
  signature?: string | null;
}

/** The end of a response. Nothing follows it. */
export interface StopReason {
  id: string;
  date: string;
  name?: string | null;
  otid?: string | null;
  sender_id?: string | null;
  step_id?: string | null;
  is_err?: boolean | null;
  seq_id?: number | null;
  run_id?: string | null;
  choice_index: number;
  message_type: "stop_reason";
  stop_reason: StopReasonType;
}

/** Why a response ended. The values are the agent server's where it has one. */
export type StopReasonType = "end_turn" | "tool_calls" | "max_tokens_exceeded" | "content_filter" | "incomplete" | "unknown" | "error" | "cancelled";

/** A part of a tool call. The JSON omits fields that are `None`. */
export interface ToolCallDelta {
  name?: string | null;
  arguments?: string | null;
  tool_call_id?: string | null;
}

/** A piece of a tool call: first its name, once; then its arguments, raw JSON text. */
export interface ToolCallMessage {
  id: string;
  date: string;
  name?: string | null;
  otid?: string | null;
  sender_id?: string | null;
  step_id?: string | null;
  is_err?: boolean | null;
  seq_id?: number | null;
  run_id?: string | null;
  choice_index: number;
  message_type: "tool_call_message";
  tool_call: ToolCallDelta;
}

/** A sealed call is not safe to run after all: abort what you started for it. */
export interface ToolCallRevoked {
  id: string;
  date: string;
  name?: string | null;
  otid?: string | null;
  sender_id?: string | null;
  step_id?: string | null;
  is_err?: boolean | null;
  seq_id?: number | null;
  run_id?: string | null;
  choice_index: number;
  message_type: "tool_call_revoked";
  tool_call: ToolCallDelta;
  reason: "trailing" | "doubt" | "cut" | "failed" | "cancelled";
}

/** A call of one of the `seal_tools` is complete and not in doubt; emitted before the end of the stream. This is weaker than `ready` in the result: the stream may still be cut off, fail, or put the call in doubt. Then a ToolCallRevoked follows. Start only tools whose results you can discard. */
export interface ToolCallSealed {
  id: string;
  date: string;
  name?: string | null;
  otid?: string | null;
  sender_id?: string | null;
  step_id?: string | null;
  is_err?: boolean | null;
  seq_id?: number | null;
  run_id?: string | null;
  choice_index: number;
  message_type: "tool_call_sealed";
  tool_call: ToolCallDelta;
}

/** A message of streamfsm, as JSON. `message_type` distinguishes them. */
export type StreamMessage =
  | ReasoningMessage
  | HiddenReasoningMessage
  | AssistantMessage
  | ToolCallMessage
  | ApprovalRequestMessage
  | ArgumentMessage
  | ToolCallSealed
  | ToolCallRevoked
  | StopReason;
