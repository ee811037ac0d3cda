#!/usr/bin/env python3
"""Through an unmodified nginx: as it is by default (HTTP/1.0 upstream), and with keep-alive."""

from lib import namespace, proxied, proxy, tap

DEFAULT = """
server {{
  listen 127.0.0.1:{listen} reuseport;
  location / {{ proxy_pass http://127.0.0.1:{upstream}; }}
}}
"""

KEEP_ALIVE = """
upstream u{upstream} {{ server 127.0.0.1:{upstream} max_fails=0; keepalive 8; }}
server {{
  listen 127.0.0.1:{listen} reuseport;
  location / {{
    proxy_pass http://u{upstream};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_request_buffering off;
  }}
}}
"""

VARIANTS = {"nginx default": DEFAULT, "nginx keep-alive": KEEP_ALIVE}


def test(results, scratch, group):
    def start(rows):
        body = "access_log off;\n" + "".join(VARIANTS[variant].format(listen=listen, upstream=port)
                       for _, variant, _, _, listen, port in rows)
        return proxy.nginx(scratch, body, [row[4] for row in rows])

    proxied.compare(results, scratch, group, proxied.places(VARIANTS), start)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
