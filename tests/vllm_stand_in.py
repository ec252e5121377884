"""A program that starts, answers and ends as `vllm serve` does, with no model: a real process."""

from __future__ import annotations

import sys
from pathlib import Path

WAYS = ("serves", "fails", "hangs", "stubborn", "dies")
"""Serves; ends with a traceback; never answers; does not end when told to; answers once and ends."""

FAILS = """\
(APIServer pid=7) INFO 11-29 06:16:34 [utils.py:299] loading
(EngineCore pid=9) ERROR 11-29 06:16:38 [core.py:1166] Traceback (most recent call last):
(EngineCore pid=9) ERROR 11-29 06:16:38 [core.py:1166]   File "/vllm/v1/engine/core.py", line 9
(EngineCore pid=9) ERROR 11-29 06:16:38 [core.py:1166] ValueError: the weights do not fit the config
(APIServer pid=7) Traceback (most recent call last):
(APIServer pid=7) RuntimeError: Engine core initialization failed. See root cause above.
"""

_PROGRAM = """\
#!{python}
import http.server, json, os, signal, subprocess, sys, time
way, folder = {way!r}, {folder!r}
with open(os.path.join(folder, "seen.json"), "w") as file:
    json.dump({{"arguments": sys.argv[1:], "environment": dict(os.environ)}}, file)
if way == "fails":
    sys.stderr.write({fails!r})
    sys.exit(1)
print("INFO loading weights\\x1b[31m", flush=True)
if way == "hangs":
    time.sleep(600)
if way == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(os.path.join(folder, "worker"), "w") as file:
    file.write(str(worker.pid))

class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        if way == "dies":
            os._exit(3)

port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Health).serve_forever()
"""


def stand_in(folder: Path, way: str) -> Path:
    """Write the program into a folder; it leaves `seen.json` and `worker`, a process number, there."""
    program = folder / "vllm"
    text = _PROGRAM.format(python=sys.executable, way=way, folder=str(folder), fails=FAILS)
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    return program


def is_running(process: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
