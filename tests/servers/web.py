"""A folder over HTTP: by a plain web server (nginx), which lists nothing, and by WebDAV (WsgiDAV)."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.process import free_ports, need_programs, port_is_open, program, start, stop, wait_until

USER, PASSWORD = "ann", "correct-horse-battery"

_NGINX = """\
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
daemon off;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/tmp;
  proxy_temp_path {folder}/tmp;
  fastcgi_temp_path {folder}/tmp;
  uwsgi_temp_path {folder}/tmp;
  scgi_temp_path {folder}/tmp;
  server {{
    listen 127.0.0.1:{port};
    root {served};
    if ($request_method !~ ^(GET|HEAD)$) {{ return {refusal}; }}
  }}
}}
"""


@dataclass(frozen=True)
class WebDav:
    """A running server and the folder that it serves, with a password."""

    url: str
    served: Path


@contextmanager
def run_plain_web(folder: Path, served: Path, refusal: int = 405) -> Iterator[str]:
    """Serve a folder for reading; yields the address. `refusal` is the answer to all but GET and HEAD."""
    need_programs("nginx")
    (folder / "tmp").mkdir(parents=True)
    (port,) = free_ports(1)
    config = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(_NGINX.format(folder=folder, served=served, port=port, user=user, refusal=refusal))
    log = folder / "started"
    server = start([program("nginx"), "-c", config], log)
    try:
        wait_until(lambda: port_is_open(port), "nginx", log=log)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(server)


@contextmanager
def run_webdav(folder: Path) -> Iterator[WebDav]:
    """Run WebDAV over an empty folder for the block."""
    if importlib.util.find_spec("wsgidav") is None or importlib.util.find_spec("cheroot") is None:
        pytest.skip("not installed: wsgidav, cheroot")
    served = folder / "served"
    served.mkdir(parents=True)
    (port,) = free_ports(1)
    config = {
        "host": "127.0.0.1",
        "port": port,
        "provider_mapping": {"/": str(served)},
        "simple_dc": {"user_mapping": {"*": {USER: {"password": PASSWORD}}}},
        "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
        "logging": {"enable": False},
    }
    (folder / "wsgidav.json").write_text(json.dumps(config))
    log = folder / "started"
    command = [sys.executable, "-m", "wsgidav.server.server_cli", "--config", folder / "wsgidav.json"]
    server = start([*command, "--server", "cheroot"], log)
    try:
        wait_until(lambda: port_is_open(port), "wsgidav", log=log)
        yield WebDav(f"http://127.0.0.1:{port}", served)
    finally:
        stop(server)
