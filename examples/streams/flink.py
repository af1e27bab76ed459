"""The step of ``folding.py`` on Apache Flink: a parser's state is keyed state, and checkpoints restore it.

    pip install . apache-flink                                                  # needs Java
    python examples/streams/flink.py PIECES.jsonl OUT CHECKPOINTS

It continues from the newest checkpoint, if there is one. The sink shows only messages that a checkpoint has confirmed,
so a job that is killed and started again writes every message once.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from folding import Piece, fold
from pyflink.common import Configuration, Encoder, Types, WatermarkStrategy
from pyflink.datastream import KeyedProcessFunction, RuntimeContext, StreamExecutionEnvironment
from pyflink.datastream.connectors.file_system import FileSink, FileSource, RollingPolicy, StreamFormat
from pyflink.datastream.state import ValueStateDescriptor


class Parse(KeyedProcessFunction):
    """Reads lines of JSON, each a piece of a stream, and emits lines of JSON, each a message.

    Args:
        pause: seconds to wait for each piece, for a test.
    """

    def __init__(self, pause: float) -> None:
        self._pause = pause

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open the state."""
        self._state = runtime_context.get_state(ValueStateDescriptor("parser", Types.STRING()))

    def process_element(self, value: str, ctx: Any) -> Iterator[str]:  # noqa: ARG002 - Flink's signature
        """Read a piece."""
        time.sleep(self._pause)
        fields = json.loads(value)
        piece = Piece(fields["number"], fields["at"], fields["data"].encode("latin-1"), fields["end"])
        state, messages = fold(self._state.value(), fields["key"], [piece])
        self._state.update(state)
        for message in messages:
            yield json.dumps({"key": fields["key"], "message": message.model_dump(mode="json", exclude_none=True)})


def run(source: Path, out: Path, checkpoints: Path, pause: float = 0) -> None:
    """Run the job to its end."""
    options = Configuration()
    options.set_string("execution.checkpointing.interval", "500ms")
    options.set_string("execution.checkpointing.dir", checkpoints.as_uri())
    options.set_string("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION")
    options.set_string("python.executable", sys.executable)
    options.set_string("python.fn-execution.bundle.size", "20")
    for host in ("rest.bind-address", "rest.address", "taskmanager.bind-host", "jobmanager.bind-host"):
        options.set_string(host, "127.0.0.1")
    done = [path.parent for path in checkpoints.glob("*/chk-*/_metadata")]
    if done:
        newest = max(done, key=lambda path: path.stat().st_mtime)
        options.set_string("execution.state-recovery.path", newest.as_uri())
    environment = StreamExecutionEnvironment.get_execution_environment(options)
    environment.set_parallelism(1)
    environment.add_python_file(str(Path(__file__).with_name("folding.py")))
    lines = FileSource.for_record_stream_format(StreamFormat.text_line_format(), source.as_uri()).build()
    policy = RollingPolicy.on_checkpoint_rolling_policy()
    sink = FileSink.for_row_format(out.as_uri(), Encoder.simple_string_encoder()).with_rolling_policy(policy).build()
    pieces = environment.from_source(lines, WatermarkStrategy.no_watermarks(), "pieces")
    by_key = pieces.key_by(lambda line: json.loads(line)["key"], Types.STRING())
    by_key.process(Parse(pause), Types.STRING()).sink_to(sink)
    environment.execute("streams")


if __name__ == "__main__":
    run(*(Path(name).resolve() for name in sys.argv[1:4]), *map(float, sys.argv[4:]))
