"""LiteLLM's proxy, which relays to a server on this machine."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from checks import OPENER

SECONDS = 120
"""How long it may take to start."""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def running(command: list[str], ready: str, folder: Path, **environment: str) -> Iterator[None]:
    """A server's process, once it answers, until the context ends."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env={**os.environ, **environment})  # noqa: S603
        try:
            for _ in range(SECONDS * 5):
                if process.poll() is not None:
                    pytest.fail((folder / "log").read_text())
                try:
                    OPENER.open(ready, timeout=5).close()
                    break
                except urllib.error.HTTPError:  # it answers
                    break
                except OSError:
                    time.sleep(0.2)
            yield
        finally:
            process.kill()
            process.wait()


@contextmanager
def proxied(url: str, folder: Path) -> Iterator[tuple[str, str]]:
    """The address of a proxy before ``url``, and the key that it wants."""
    program = shutil.which("litellm", path=Path(sys.executable).parent)
    if program is None:
        pytest.skip("LiteLLM's proxy is not installed")
    key, port = f"sk-{secrets.token_hex(24)}", free_port()
    model = {"model_name": "tiny", "litellm_params": {"model": "openai/tiny", "api_base": url, "api_key": "none"}}
    config = {"model_list": [model], "general_settings": {"master_key": key}}
    (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
    command = [program, "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1", "LITELLM_TELEMETRY": "False"}
    with running(command, f"{address}/health/liveliness", folder, **quiet):
        yield f"{address}/v1", key
