#!/usr/bin/env python3
"""loadtap started late: nginx has its keep-alive connections open already, idle or busy."""

import threading

from lib import load, namespace, proxy, tap
from lib.client import request
from lib.daemon import Daemon, bootstrap, cluster
from lib.process import until
from lib.reports import Collector
from lib.upstream import FAKE, Upstream

CONNECTIONS = 8
PROXY, UPSTREAM = 30001, 20001
CLUSTER = "late"

NGINX = f"""
access_log off;
upstream late {{ server 127.0.0.1:{UPSTREAM} max_fails=0; keepalive {CONNECTIONS}; }}
server {{
  listen 127.0.0.1:{PROXY} reuseport;
  location / {{
    proxy_pass http://late;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_request_buffering off;
  }}
}}
"""


def respond(connection, count):
    """A body that ends as load.run() wants it; every fifth is a 503, and holds what looks like HTTP."""
    number = 0
    while True:
        asked = connection.request()
        connection.body(asked)
        number += 1
        status = 200 if number % 5 else 503
        count("issued")
        count("success" if status < 500 else "error")
        body = FAKE * (number % 3) + load.MARK
        connection.sock.sendall(f"HTTP/1.1 {status} Status\r\nContent-Length: {len(body)}\r\n\r\n"
                                .encode() + body)


def ask(total):
    load.run(PROXY, total, lambda: request("/", "POST", FAKE), connections=CONNECTIONS)


def test(results, scratch, group):
    upstream = Upstream()
    upstream.listen(UPSTREAM, handler=respond)
    nginx = proxy.nginx(scratch, NGINX, [PROXY])
    ask(200)
    collector = Collector(scratch)
    config = bootstrap([cluster(CLUSTER, [(None, 0, [("127.0.0.1", UPSTREAM)])])])
    daemon = Daemon(scratch, group, config)
    daemon.wait_ready(collector, CLUSTER)

    def served():
        return dict(upstream.counts[UPSTREAM])

    def reported():
        return collector.total(CLUSTER).of("issued", "success", "error")

    def counted(before, more):
        """Sums since `before`, once they are what the upstream served since then."""
        def now():
            return {key: reported()[key] - before[1][key] for key in before[1]}

        def expected():
            return {key: value - before[0][key] for key, value in served().items()}

        collector.settle(CLUSTER, lambda: now() == expected())
        results.equal(more, now(), expected())

    before = served(), reported()
    gauge = collector.total(CLUSTER)["connections"]
    results.true("idle connections are seen at once", 1 <= gauge <= CONNECTIONS, f"{gauge} seen")
    results.equal("nothing else is", reported(), {"issued": 0, "success": 0, "error": 0})
    ask(1000)
    counted(before, "each request on them counts")
    results.true("without new ones", "connected" not in collector.total(CLUSTER)
                 or collector.total(CLUSTER)["connected"] < CONNECTIONS)
    results.equal("loadtap ends cleanly", daemon.finish(), 0)

    busy = threading.Thread(target=ask, args=(20000,))
    start = served()["issued"]
    busy.start()
    until(lambda: served()["issued"] > start + 1000, 10, "load")
    daemon = Daemon(scratch, group, config)
    daemon.wait_ready(collector, CLUSTER)
    still = busy.is_alive()
    busy.join()
    results.true("started under load", still)
    collector.wait_ready(CLUSTER, reports=2)
    most = served()["issued"] - start
    results.true("no more than there were", reported()["issued"] - before[1]["issued"] - 1000 <= most)
    before = served(), reported()
    ask(1000)
    counted(before, "each request on them counts, joined under load")
    results.equal("none is left in progress", collector.total(CLUSTER)["active"], 0)
    results.equal("loadtap ends cleanly again", daemon.finish(), 0)
    results.say(daemon.log())
    nginx.stop()
    collector.stop()


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
