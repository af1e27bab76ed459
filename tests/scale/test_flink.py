"""The same step on PyFlink, whose processes are all killed amid a job: what the sink shows is every message, once."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict

import pytest
from piecewise import STREAMS, interleaved, streams, undisturbed

pytest.importorskip("pyflink", reason="PyFlink is not installed")
if shutil.which("java") is None:
    pytest.skip("PyFlink needs Java", allow_module_level=True)


def test_a_killed_job_goes_on_from_its_checkpoint(tmp_path, capsys):
    given = streams(4)
    todo = list(interleaved(given, 1))
    source, out, checkpoints = (tmp_path / name for name in ("pieces.jsonl", "out", "checkpoints"))
    checkpoints.mkdir()
    lines = [json.dumps({"key": key, **piece._asdict(), "data": piece.data.decode("latin-1")}) for key, piece in todo]
    source.write_text("\n".join(lines) + "\n")

    def started():
        command = [sys.executable, "flink.py", str(source), str(out), str(checkpoints), "0.02"]
        with (tmp_path / "log").open("ab") as log:
            return subprocess.Popen(command, cwd=STREAMS, start_new_session=True, stdout=log, stderr=log)  # noqa: S603

    def shown():
        files = sorted(path for path in out.rglob("*") if path.is_file() and "inprogress" not in path.name)
        return [json.loads(line) for path in files for line in path.read_text().splitlines()]

    job = started()
    try:
        while not shown():
            assert job.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.1)
        os.killpg(job.pid, signal.SIGKILL)
        job.wait()
        before = len(shown())
        job = started()
        assert job.wait() == 0, (tmp_path / "log").read_text()
    finally:
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGKILL)
    found = defaultdict(list)
    for line in shown():
        found[line["key"]].append(line["message"])
    for messages in found.values():
        messages.sort(key=lambda message: message["seq_id"])  # rows of several files have no order
    expected = undisturbed(given)
    with capsys.disabled():
        print(f"\n{before} of {sum(map(len, expected.values()))} messages were shown when all was killed")  # noqa: T201
    assert dict(found) == expected
    assert before < sum(map(len, expected.values()))
