"""One run: Envoy passes the traffic on and reports it, loadtap watches Envoy's sockets and reports
them, both before one management server. Each has the same bootstrap, but for the admin interface: there can be
but one at an address."""

import json
import os
import time

import compare
import proxy
from differences import comparable
from lib.daemon import Daemon
from management import CLIENTS, Management


class Run:
    def __init__(self, scratch, group, clusters, listeners, more=None, **own):
        """more: what else the bootstrap has; own: settings of loadtap's own. Both clients have sent their
        first message then."""
        os.setpriority(os.PRIO_PROCESS, 0, -20)  # and so of all that is started here: it is about time
        self.management = Management()
        config = {**proxy.bootstrap(clusters, listeners), **(more or {})}
        self.config = self._write(scratch, "loadtap.json",
                                  {key: value for key, value in config.items() if key != "admin"})
        self.daemon = self.start_daemon(scratch, group, own)
        self.management.wait_streams(1, ("loadtap",))
        self.envoy = proxy.Envoy(scratch, self._write(scratch, "envoy.json", config),
                                 listeners[0]["address"]["socket_address"]["port_value"])
        self.management.wait_streams(1)
        self.zero = time.monotonic()

    @staticmethod
    def _write(folder, name, content):
        """By another file that takes the name: Envoy notices no other change."""
        path = os.path.join(folder, name)
        with open(path + "~", "w") as out:
            json.dump(content, out)
        os.rename(path + "~", path)
        return path

    def start_daemon(self, scratch, group, own):
        return Daemon(scratch, group, self.config, **own)

    def begin(self, **response):
        """The first response, to both at once: from here the time counts."""
        self.management.respond(**response)
        self.zero = time.monotonic()

    def at(self, seconds):
        time.sleep(max(0, self.zero + seconds - time.monotonic()))

    def stop(self):
        """Ends both; what was recorded is looked at afterwards, as that would make messages late."""
        self.ends = {"envoy": self.envoy.stop(), "loadtap": self.daemon.finish()}

    def check(self, results, warnings=()):
        """What holds for every run. loadtap may have warned of nothing else than of lines with these
        words."""
        stalled = sum(end - begin for begin, end in self.management.stalls.found)
        results.say(f"the machine, or this test, had no turn for {stalled:.3f} s in all")
        self._check_nodes(results)
        for client in CLIENTS:
            messages = self.management.messages(client)
            results.equal(f"{client}: zero fields are absent on the wire",
                          {path for message in messages for path in message.decoded.zeros}, set())
            results.equal(f"{client}: no unknown fields",
                          {path for message in messages for path in message.decoded.unknown}, set())
            results.equal(f"{client}: intervals are those of arrival, within 20 ms",
                          compare.late(self.management, client), [])
        results.equal("loadtap: no other warnings",
                      [line for line in self.daemon.log().splitlines()
                       if " warning " in line and not any(words in line for words in warnings)], [])
        results.equal("loadtap ends cleanly", self.ends["loadtap"], 0)

    def _check_nodes(self, results):
        """Each message has the node; both clients' nodes are the same, and the headers of their streams."""
        nodes, headers = [], []
        for client in CLIENTS:
            messages = self.management.messages(client)
            first = messages[0].request
            nodes.append(comparable(client, first)["node"])
            headers += [comparable(client, {"headers": stream.headers})["headers"]
                        for stream in self.management.streams[client]]
            results.equal(f"{client}: its first message has the node only", list(first), ["node"])
            results.true(f"{client}: the node in all of its {len(messages)} messages is the first one's",
                         all(message.request["node"] == first["node"] for message in messages))
        results.equal("both nodes are equal", nodes[1], nodes[0])
        results.true("all streams have the same headers", all(one == headers[0] for one in headers),
                     str(headers))
