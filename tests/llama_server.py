"""llama.cpp's own server with a model made here: it knows which byte follows which, and nothing else.

Token embeddings are the identity and the one block adds nothing, so the output weights are the logits of a bigram.
A grammar makes calls of what it writes, whose arguments are valid JSON of random strings.

Run as a script with the path of a model, it serves until its input ends.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPLATE = """\
{%- if tools %}<|im_start|>system
Call a tool: <tool_call>
{"name": <name>, "arguments": <arguments>}
</tool_call>
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}
{%- for call in message.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
WORDS = ("th", "he", "in", " a", '\\"', "\\n", "\\u", "é", "漢", "\U0001f600")
MARKS = ("<tool_call>", "</tool_call>")
CONTROL = ("<|im_start|>", "<|im_end|>", "<unk>")
NO_CALL = {"logit_bias": [[256 + len(WORDS), False]]}
"""What of a request keeps the model from beginning a call."""


def write_model(path: Path, seed: int = 0) -> None:  # noqa: PLR0915 - a list of fields
    """Write the model, about 2 MB."""
    import gguf
    import numpy as np

    # GPT-2's way to write a byte as a visible character.
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    letters = {byte: chr(byte) for byte in visible} | {byte: chr(256 + at) for at, byte in enumerate(hidden)}
    words = ["".join(letters[byte] for byte in word.encode()) for word in WORDS]
    tokens = [*(letters[byte] for byte in range(256)), *words, *MARKS, *CONTROL]
    types = [gguf.TokenType.NORMAL] * (256 + len(WORDS)) + [gguf.TokenType.USER_DEFINED] * len(MARKS)
    types += [gguf.TokenType.CONTROL] * len(CONTROL)
    opens, closes, starts, ends, unknown = range(len(tokens) - 5, len(tokens))
    size = len(tokens)
    width = -(-size // 64) * 64

    logits = np.random.default_rng(seed).normal(0, 1, (size, size)).astype(np.float32)  # [this, next]
    logits[:, 128:256] -= 12  # bytes that are no character alone
    logits[:, :32] -= 6
    logits[:, 256 : 256 + len(WORDS)] += 2
    logits[:, ord('"')] += 2
    logits[:, ends] += 1
    logits[:, [starts, unknown, opens, closes]] -= 30  # where a call ends, the grammar leaves no choice
    logits[ord("\n"), opens] += 60  # where a line begins, if the request allows it
    logits[opens, ord("\n")] += 80
    logits[closes, ends] += 20

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(4096)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(width // 2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(size)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([f"{letters[ord('t')]} {letters[ord('h')]}"])
    writer.add_bos_token_id(starts)
    writer.add_eos_token_id(ends)
    writer.add_unk_token_id(unknown)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    embedding, output = np.eye(size, width, dtype=np.float32), np.zeros((size, width), np.float32)
    output[:, :size] = logits.T / np.sqrt(width)  # the norm multiplies a unit vector by this root
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    writer.add_tensor("output.weight", output)
    shapes = dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), (width, width))
    shapes |= {"ffn_gate": (64, width), "ffn_up": (64, width), "ffn_down": (width, 64)}
    for name in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.0.{name}.weight", np.ones(width, np.float32))
    for name, shape in shapes.items():
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@contextmanager
def served(model: Path) -> Iterator[str]:
    """Serve the model in a process of its own while the context lasts; yield the base URL for an OpenAI client."""
    command = [sys.executable, __file__, str(model)]
    with subprocess.Popen(  # noqa: S603 - ourselves
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield f"{process.stdout.readline().strip()}/v1"
        finally:
            process.kill()


def serve(model: str) -> None:
    """Serve the model until the input ends; print the address."""
    import socket

    import xllamacpp

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = 4096
    params.n_parallel = 1
    params.use_jinja = True
    params.warmup = False
    params.cpuparams.n_threads = 1
    params.chat_template = TEMPLATE
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1])
