"""The traffic that is measured, and its server. One more kind of traffic is one more line."""

import json
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
IP = "127.0.0.1"
UPSTREAM, OTHER = 8080, 8081
MIB = 1 << 20
WORD64 = "0123456789abcdef" * 4

NGINX = """
worker_processes 1;
error_log stderr crit;
pid nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  sendfile on;
  default_type text/html;
  server {{
    listen {ip}:{upstream} backlog=4096;
    listen {ip}:{other} backlog=4096;
    location = / {{ return 200 "ok\\n"; }}
    location = /body {{ alias {root}/body; }}
    location = /typical {{
      add_header Cache-Control "private, max-age=0";
      add_header Vary Accept-Encoding;
      add_header ETag '"{word}"';
      add_header X-Request-Id 0123456789abcdef;
      add_header Set-Cookie "session={word}; Path=/; HttpOnly";
      return 200 "{kib}";
    }}
  }}
}}
"""

# What a browser sends, after a proxy added its own.
TYPICAL = [f"-H{line}" for line in (
    "X-Real-IP: 203.0.113.7", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5", "Accept-Encoding: gzip, deflate, br",
    "Referer: https://shop.example.com/shop/articles?page=1", f"Cookie: session={WORD64 * 2}")]


@dataclass
class Traffic:
    name: str
    path: str = "/"
    port: int = UPSTREAM
    connections: int = 16
    pipeline: int = 1
    headers: tuple = ()

    def run(self, attached, seconds):
        """One run: requests (answered), us (it took), p99_us, errors."""
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{seconds}s",
                   f"-s{FOLDER / 'wrk.lua'}", *self.headers, f"http://{IP}:{self.port}{self.path}"]
        said = attached.run(command, {"PIPELINE": str(self.pipeline)})
        return json.loads(said.splitlines()[-1])


KEEP_ALIVE = Traffic("HTTP/1.1 keep-alive, small heads")
TYPICAL_HEADS = Traffic("HTTP/1.1 keep-alive, typical heads", "/typical", headers=TYPICAL)
PIPELINED = Traffic("HTTP/1.1, 16 requests pipelined", pipeline=16)
BODIES = Traffic("HTTP/1.1, bodies of 1 MiB", "/body", connections=4)
CONNECTIONS = Traffic("a connection per request", headers=["-HConnection: close"])
NO_UPSTREAM = Traffic("no upstream, small heads", port=OTHER)

COST = [KEEP_ALIVE, TYPICAL_HEADS, PIPELINED, BODIES, CONNECTIONS, NO_UPSTREAM]
THROUGHPUT = [KEEP_ALIVE, TYPICAL_HEADS, PIPELINED, CONNECTIONS]


class Server:
    """nginx, one worker, beside the observed cgroups."""

    def __init__(self, scratch):
        root = Path(scratch)
        (root / "body").write_bytes(bytes(MIB))
        root.chmod(0o755)
        config = root / "nginx.conf"
        config.write_text(NGINX.format(ip=IP, upstream=UPSTREAM, other=OTHER, root=root,
                                       word=WORD64, kib=WORD64 * 16))
        self.process = subprocess.Popen(["nginx", "-p", root, "-c", config, "-g", "daemon off;"],
                                        stderr=subprocess.DEVNULL)
        self._wait()

    @staticmethod
    def _wait():
        for _ in range(100):
            try:
                socket.create_connection((IP, OTHER)).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("bench: nginx does not start")

    def close(self):
        self.process.terminate()
        self.process.wait(10)
