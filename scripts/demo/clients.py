"""Clients of the proxy: a steady mix of requests, with think time, until told to stop."""

import http.client
import random
import threading
import time

MIX = [("GET", "/service")] * 22 + [("POST", "/service")] * 4 \
    + [("GET", "/service/busy")] * 2 + [("GET", "/service/slow")]


class Clients:
    def __init__(self, port, number, think_seconds):
        self.port = port
        self.think_seconds = think_seconds
        self.stopping = threading.Event()
        self.served = 0
        self.threads = [threading.Thread(target=self._client, daemon=True) for _ in range(number)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        """Waits until the last request was answered."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(10)

    def _client(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self.stopping.is_set():
            method, path = random.choice(MIX)
            try:
                connection.request(method, path, body=b"x" * 2000 if method == "POST" else None)
                connection.getresponse().read()
            except (http.client.HTTPException, OSError):
                connection.close()
            time.sleep(random.uniform(0, 2 * self.think_seconds))
        connection.close()
