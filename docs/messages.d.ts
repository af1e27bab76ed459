// Written by docs/generate.py from messages.schema.json.

/** A ToolCallMessage of a tool that somebody must approve before it is run. */
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

/** What a declared Channel takes of a call's arguments: a piece of a string, or a whole value. A string comes as `delta` after `delta`, and the last one, which may be empty, has `done`. Any other value comes once, as `value` with `done`; so does a string, if the channel says so. A channel of leaves, such as `$..*`, also gives each object and array that opens on the way: as an empty `value`, without `done`. */
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

/** Announces, once, that a reasoning model thought without showing it. */
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

/** Why a response ended. Values are the agent server's own words where it has one. */
export type StopReasonType = "end_turn" | "tool_calls" | "max_tokens_exceeded" | "content_filter" | "incomplete" | "unknown" | "error" | "cancelled";

/** Part of a tool call; absent parts are left out of the JSON. */
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

/** A sealed call is not one that may be run: throw away what was started for it. */
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

/** A call whose JSON has closed and of which nothing is in doubt, told before the stream ends, if asked for. It is weaker than `ready` in the result: the stream may still be cut or fail, or put the call in doubt. Then a ToolCallRevoked follows. Start only what may be thrown away. */
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

/** A message of streamfsm, as JSON. `message_type` tells them apart. */
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
