"""Asks the daemon's admin interface."""

import http.client
import json
import socket

PORT = 9901
SOCKET = "/run/loadtap/admin.sock"


def interface(port=PORT):
    """What a bootstrap has for it."""
    return {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}


class UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


def ask(connection, path, method="GET", headers=None, body=None):
    """(status, headers, body)"""
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def get(path, port=PORT, host="127.0.0.1", source=None, **more):
    """source: the address that it comes from"""
    return ask(http.client.HTTPConnection(host, port, timeout=10,
                                          source_address=(source, 0) if source else None), path, **more)


def get_unix(path, **more):
    return ask(UnixConnection(SOCKET, timeout=10), path, headers={"Host": "loadtap"}, **more)


def get_json(path, **more):
    status, headers, text = get(path, **more)
    if status != 200 or headers["Content-Type"] != "application/json":
        raise ValueError(f"{path}: status {status}, {headers['Content-Type']}: {text}")
    return json.loads(text)
