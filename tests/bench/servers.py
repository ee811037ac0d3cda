"""The servers, beside the observed cgroups: nginx, nghttpd and grpc-go, one worker each."""

import os
from pathlib import Path

from lib.process import Process
from lib.reports import BUILD
from traffic import CALL, GRPC, GRPC_SHAPE, H2, HTTP1, IP, OTHER, PATHS, WORD64

MIB = 1 << 20
CALL_BODY = b"\0\0\0\0\x10sixteen bytes..."  # gRPC's prefix, and a message

NGINX = """
worker_processes 1;
error_log stderr crit;
pid nginx.pid;
daemon off;
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


def _files(root):
    """What nghttpd serves, and what h2load sends."""
    for path in ("/index.html", *PATHS):
        _file(root, path, b"ok\n")
    _file(root, CALL["path"], CALL_BODY)
    _file(root, "message", CALL_BODY)
    _file(root, "body", bytes(MIB))
    root.chmod(0o755)


def _file(root, path, content):
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _nginx(scratch):
    config = scratch / "nginx.conf"
    config.write_text(NGINX.format(ip=IP, upstream=HTTP1, other=OTHER, root=scratch, word=WORD64,
                                   kib=WORD64 * 16))
    return Process(scratch, "nginx", ["nginx", "-p", scratch, "-c", config], ports=[HTTP1, OTHER])


def _nghttpd(scratch, port, *options):
    return Process(scratch, f"nghttpd-{port}",
                   ["nghttpd", "--no-tls", "-a", IP, "-d", scratch, "-m", "4096", "-w30", "-W30",
                    *options, str(port)], ports=[port])


def start(scratch):
    scratch = Path(scratch)
    _files(scratch)
    return [_nginx(scratch), _nghttpd(scratch, H2),
            _nghttpd(scratch, GRPC_SHAPE, "--trailer=grpc-status: 0"),
            Process(scratch, "grpc-go",
                    [os.path.join(BUILD, "tests/bench/grpc/calls"), "serve", f"{IP}:{GRPC}"],
                    ports=[GRPC])]
