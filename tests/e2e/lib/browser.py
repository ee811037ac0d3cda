"""Chromium without a window, driven by its DevTools protocol over a small websocket client (RFC 6455)."""

import base64
import json
import os
import re
import socket
import struct
import urllib.request

from lib.process import Process, until


class Socket:
    def __init__(self, url):
        host, port, path = re.fullmatch(r"ws://([^:/]+):(\d+)(/.*)", url).groups()
        self.sock = socket.create_connection((host, int(port)), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall((f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
                           f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                           "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        self.file = self.sock.makefile("rb")
        if b" 101 " not in self.file.readline():
            raise ConnectionError("no websocket")
        while self.file.readline().strip():
            pass

    def send(self, text):
        data = text.encode()
        head = bytes([0x81])
        head += bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0xFE]) + struct.pack(
            ">H", len(data)) if len(data) < 65536 else bytes([0xFF]) + struct.pack(">Q", len(data))
        self.sock.sendall(head + bytes(4) + data)  # a mask of zeros is a mask

    def receive(self):
        """A whole message: text."""
        parts = []
        while True:
            first, second = self.file.read(2)
            length = second & 0x7F
            if length >= 126:
                size = 2 if length == 126 else 8
                length = int.from_bytes(self.file.read(size), "big")
            data = self.file.read(length)
            if first & 0x0F in (0, 1):
                parts.append(data)
                if first & 0x80:
                    return b"".join(parts).decode()


class Page:
    """One tab. `errors` are exceptions and what the console was told as an error."""

    def __init__(self, url):
        self.socket, self.number, self.errors = Socket(url), 0, []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.receive())
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self._note(message)

    def _note(self, message):
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(message["params"]["exceptionDetails"]["text"])
        entry = message.get("params", {}).get("entry", {})
        if message.get("method") == "Log.entryAdded" and entry["level"] == "error":
            self.errors.append(entry["text"])

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def open(self, url, width=1080, height=800, scheme="light"):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=url)
        until(lambda: self.evaluate("location.href + document.readyState") == url + "complete", 30, url)

    def screenshot(self, path, height=None):
        """Of the whole page, or down to height."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip={
            "x": 0, "y": 0, "width": size["width"], "height": height or size["height"], "scale": 1})
        with open(path, "wb") as out:
            out.write(base64.b64decode(picture["data"]))


class Browser(Process):
    def __init__(self, scratch):
        home = os.path.join(scratch, "browser")
        os.makedirs(home, exist_ok=True)
        super().__init__(scratch, "browser", [
            "env", f"HOME={home}", "chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
            "--disable-background-networking", "--disable-component-update",
            "--remote-debugging-port=0", f"--user-data-dir={home}/data", "about:blank"])
        found = until(lambda: re.search(r"DevTools listening on ws://([^/]+)/", self.log()), 60,
                      "the browser")
        self.address = found[1]

    def page(self):
        request = urllib.request.Request(f"http://{self.address}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Page(json.load(answer)["webSocketDebuggerUrl"])
