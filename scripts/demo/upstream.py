#!/usr/bin/env python3
"""upstream.py ADDRESS PORT: a small HTTP/1.1 application that counts what it does.

/service answers, /service/busy answers 503, /service/slow thinks first. On SIGTERM it stops at
once: requests in progress are cut off and counted as errors. The counts are its last words.
"""

import asyncio
import json
import random
import signal
import sys

DRAIN_SECONDS = 1


class Application:
    def __init__(self):
        self.counts = {"issued": 0, "success": 0, "error": 0}
        self.connections = set()

    async def connection(self, reader, writer):
        task = asyncio.current_task()
        self.connections.add(task)
        try:
            while True:
                await self.request(reader, writer)
        except asyncio.CancelledError:
            await self.cut(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connections.discard(task)
            writer.close()

    async def request(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        self.counts["issued"] += 1
        try:
            path = await self.think(head, reader)
        except asyncio.CancelledError:
            self.counts["error"] += 1
            raise
        busy = path.endswith("/busy")
        self.counts["error" if busy else "success"] += 1
        writer.write(response(503, b"Service Unavailable", b"busy, try again\n") if busy
                     else response(200, b"OK", b"served\n"))

    @staticmethod
    async def think(head, reader):
        for line in head.split("\r\n"):
            if line.startswith("content-length:"):
                await reader.readexactly(int(line.split(":")[1]))
        path = head.split(" ")[1]
        if path.endswith("/slow"):
            await asyncio.sleep(random.uniform(0.2, 1.2))
        return path

    async def cut(self, reader, writer):
        """Closes, and counts the requests that the proxy had sent before it could know."""
        writer.write_eof()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while True:
                    await reader.readuntil(b"\r\n\r\n")
                    self.counts["issued"] += 1
                    self.counts["error"] += 1
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass


def response(status, reason, body):
    return b"HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\n%s" % (status, reason, len(body), body)


async def main(address, port):
    application = Application()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.start_server(application.connection, address, int(port), backlog=1024)
    await stop.wait()
    server.close()
    open_connections = list(application.connections)
    for task in open_connections:
        task.cancel()
    await asyncio.gather(*open_connections, return_exceptions=True)
    print(json.dumps(application.counts), flush=True)


asyncio.run(main(*sys.argv[1:]))
