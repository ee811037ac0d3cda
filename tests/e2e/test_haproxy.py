#!/usr/bin/env python3
"""Through an unmodified HAProxy: connections shared and kept, and one for each request."""

from lib import namespace, proxied, proxy, tap

OPTIONS = {
    "HAProxy http-reuse always": "http-reuse always",
    "HAProxy http-server-close": "option http-server-close",
    "HAProxy httpclose": "option httpclose",
}

LISTEN = """
listen l{upstream}
  bind 127.0.0.1:{listen}
  {option}
  server s 127.0.0.1:{upstream}
"""


def test(results, scratch, group):
    def start(rows):
        body = "".join(LISTEN.format(listen=listen, upstream=port, option=OPTIONS[variant])
                       for _, variant, _, _, listen, port in rows)
        return proxy.haproxy(scratch, body, [row[4] for row in rows])

    proxied.compare(results, scratch, group, proxied.places(OPTIONS), start)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
