"""git over smart HTTP, with a password: nginx, fcgiwrap and git's own back end on loopback."""

from __future__ import annotations

import hashlib
import os
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import free_ports, need_programs, port_is_open, program, start, stop, wait_until

USER, PASSWORD = "ann", "correct-horse-battery"

_CONFIG = """\
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
daemon off;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_max_body_size 0;
  client_body_temp_path {folder}/tmp/body;
  proxy_temp_path {folder}/tmp/proxy;
  fastcgi_temp_path {folder}/tmp/fastcgi;
  uwsgi_temp_path {folder}/tmp/uwsgi;
  scgi_temp_path {folder}/tmp/scgi;
  server {{
    listen 127.0.0.1:{port};
    location ~ ^/git(/.*)$ {{
      auth_basic "git";
      auth_basic_user_file {folder}/passwords;
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME {backend};
      fastcgi_param GIT_PROJECT_ROOT {folder}/repositories;
      fastcgi_param GIT_HTTP_EXPORT_ALL "";
      fastcgi_param PATH_INFO $1;
      fastcgi_param REMOTE_USER $remote_user;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
      fastcgi_pass unix:{folder}/fcgi.sock;
      fastcgi_read_timeout 300;
      fastcgi_request_buffering off;
    }}
  }}
}}
"""


@dataclass(frozen=True)
class GitHttpServer:
    """A running server."""

    folder: Path
    port: int

    def make_repository(self, name: str) -> str:
        """Create a bare repository that takes pushes; return its address, without the password."""
        path = self.folder / "repositories" / f"{name}.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", path], check=True)
        subprocess.run(["git", "-C", path, "config", "http.receivepack", "true"], check=True)
        return f"http://127.0.0.1:{self.port}/git/{name}.git"

    def with_password(self, url: str) -> str:
        """Return the address as a user types it who keeps the password in it."""
        return url.replace("http://", f"http://{USER}:{PASSWORD}@")


@contextmanager
def run_githttp(folder: Path) -> Iterator[GitHttpServer]:
    """Run it for the block."""
    need_programs("nginx", "fcgiwrap")
    backend = subprocess.run(
        ["git", "--exec-path"], check=True, capture_output=True, text=True
    ).stdout.strip()
    for name in ("tmp", "repositories"):
        (folder / name).mkdir(parents=True)
    digest = b64encode(hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).digest()).decode()
    (folder / "passwords").write_text(f"{USER}:{{SHA}}{digest}\n")
    (port,) = free_ports(1)
    config = _CONFIG.format(
        folder=folder,
        port=port,
        backend=f"{backend}/git-http-backend",
        user="user root;" if os.geteuid() == 0 else "",
    )
    (folder / "nginx.conf").write_text(config)
    with ExitStack() as stack:
        log = folder / "started"
        stack.callback(
            stop, start([program("fcgiwrap"), "-c", "2", "-s", f"unix:{folder}/fcgi.sock", "-f"], log)
        )
        wait_until((folder / "fcgi.sock").exists, "fcgiwrap", log=log)
        stack.callback(stop, start([program("nginx"), "-c", folder / "nginx.conf"], log))
        wait_until(lambda: port_is_open(port), "nginx", log=log)
        yield GitHttpServer(folder, port)
