"""Unmodified nginx and HAProxy with generated configurations."""

import os

from lib.process import Process

NGINX_HEAD = """daemon off;
user root;
pid {pid};
error_log {error} error;
worker_processes 2;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  client_max_body_size 64m;
  client_body_temp_path {folder}/client;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000;
  proxy_next_upstream off;
"""

HAPROXY_HEAD = """global
  maxconn 4000
defaults
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 10s
  retries 0
"""


def nginx(scratch, body, ports, name="nginx"):
    """body: directives of the http block, access_log too. Runs until stopped; error log in <name>/error.log."""
    folder = os.path.join(scratch, name)
    os.makedirs(folder, exist_ok=True)
    config = os.path.join(folder, "nginx.conf")
    with open(config, "w") as out:
        out.write(NGINX_HEAD.format(pid=f"{folder}/pid", error=f"{folder}/error.log",
                                    folder=folder) + body + "}\n")
    return Process(scratch, name, ["nginx", "-p", folder, "-e", f"{folder}/error.log",
                                   "-c", config], ports=ports)


def haproxy(scratch, body, ports):
    """body: listen, frontend and backend sections."""
    config = os.path.join(scratch, "haproxy.cfg")
    with open(config, "w") as out:
        out.write(HAPROXY_HEAD + body)
    return Process(scratch, "haproxy", ["haproxy", "-db", "-f", config], ports=ports)
