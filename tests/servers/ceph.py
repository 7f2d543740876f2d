"""A Ceph of one node on loopback, all in memory, for its S3: monitor, one disk, gateway."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.servers.process import free_ports, need_programs, program, start, stop, wait_until

KEY, SECRET, REGION = "testkey", "testsecret", "us-east-1"

_CONFIG = """\
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon2},v1:127.0.0.1:{mon1}]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
auth_allow_insecure_global_id_reclaim = false
keyring = {folder}/keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_data_avail_warn = 2
mon_data_avail_crit = 1
mon_max_pg_per_osd = 1000
osd_objectstore = memstore
memstore_device_bytes = 12884901888
run_dir = {folder}/run
admin_socket = {folder}/run/$name.asok
pid_file = {folder}/run/$name.pid
log_file = {folder}/log/$name.log
ms_bind_ipv6 = false
[mon.a]
mon_data = {folder}/mon
[osd.0]
osd_data = {folder}/osd
[client.rgw]
rgw_data = {folder}/rgw
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw_enable_usage_log = false
rgw_enable_ops_log = false
rgw_thread_pool_size = 32
"""
_KEYS = (
    ("mon.", "mon", "allow *"),
    ("client.admin", "mon", "allow *", "osd", "allow *", "mgr", "allow *"),
    ("client.rgw", "mon", "allow rwx", "osd", "allow rwx"),
    ("osd.0", "mon", "allow profile osd", "osd", "allow *"),
)


@dataclass(frozen=True)
class S3Server:
    """A running server and the key for it."""

    port: int
    config: Path
    key: str = KEY
    secret: str = SECRET

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def make_bucket(self, name: str) -> None:
        """Create a bucket."""
        self._put(f"/{name}", "", b"")

    def make_reader(self, bucket: str) -> tuple[str, str]:
        """Make a user who may list and read a bucket and nothing else; return key and secret."""
        key, secret = "readerkey", "readersecret"
        subprocess.run(
            [
                *(program("radosgw-admin"), "-c", self.config, "-n", "client.rgw", "user", "create"),
                *("--uid=reader", "--display-name=reader", f"--access-key={key}", f"--secret={secret}"),
            ],
            check=True,
            capture_output=True,
            timeout=600,
        )
        allowed = {
            "Effect": "Allow",
            "Principal": {"AWS": ["arn:aws:iam:::user/reader"]},
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        }
        policy = {"Version": "2012-10-17", "Statement": [allowed]}
        self._put(f"/{bucket}", "policy=", json.dumps(policy).encode())
        return key, secret

    def _put(self, path: str, query: str, body: bytes) -> None:
        """Send one signed request, of a kind that the client that we use has no call for."""
        now = datetime.now(UTC)
        day, stamp = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
        content = hashlib.sha256(body).hexdigest()
        headers = {"host": f"127.0.0.1:{self.port}", "x-amz-content-sha256": content, "x-amz-date": stamp}
        signed = ";".join(headers)
        lines = "".join(f"{header}:{value}\n" for header, value in headers.items())
        asked = f"PUT\n{path}\n{query}\n{lines}\n{signed}\n{content}"
        scope = f"{day}/{REGION}/s3/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
        key = f"AWS4{self.secret}".encode()
        for word in (day, REGION, "s3", "aws4_request"):
            key = hmac.digest(key, word.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={signed}, Signature={signature}"
        )
        del headers["host"]
        url = f"{self.endpoint}{path}?{query}" if query else f"{self.endpoint}{path}"
        request = urllib.request.Request(url, data=body, method="PUT", headers=headers)
        with urllib.request.urlopen(request, timeout=600):
            pass


@contextmanager
def run_ceph(folder: Path) -> Iterator[S3Server]:
    """Run it for the block; it takes about 15 seconds and 400 MB to start."""
    need_programs("ceph-mon", "ceph-osd", "ceph", "radosgw", "radosgw-admin", "ceph-authtool")
    for name in ("mon", "osd", "rgw", "run", "log"):
        (folder / name).mkdir(parents=True)
    mon1, mon2, port = free_ports(3)
    fsid = str(uuid.uuid4())
    config = folder / "ceph.conf"
    config.write_text(_CONFIG.format(folder=folder, fsid=fsid, mon1=mon1, mon2=mon2, port=port))
    environment = {**os.environ, "CEPH_CONF": str(config)}

    def call(*words: str | Path) -> None:
        subprocess.run(
            [str(word) for word in words], check=True, capture_output=True, env=environment, timeout=600
        )

    keyring = folder / "keyring"
    for number, (name, *caps) in enumerate(_KEYS):
        given = [word for at in range(0, len(caps), 2) for word in ("--cap", caps[at], caps[at + 1])]
        new = () if number else ("--create-keyring",)
        call("ceph-authtool", keyring, *new, "--gen-key", "-n", name, *given)
    call(
        "monmaptool",
        "--create",
        "--fsid",
        fsid,
        "--addv",
        "a",
        f"[v2:127.0.0.1:{mon2},v1:127.0.0.1:{mon1}]",
        folder / "monmap",
    )
    call("ceph-mon", "-c", config, "--mkfs", "-i", "a", "--monmap", folder / "monmap", "--keyring", keyring)
    with ExitStack() as stack:
        log = folder / "log" / "started"

        def run(*words: str | Path) -> None:
            stack.callback(stop, start([program(str(words[0])), "-c", str(config), *words[1:]], log))

        run("ceph-mon", "-f", "-i", "a")
        osd = str(uuid.uuid4())
        call("ceph", "osd", "new", osd, "0")
        call("ceph-osd", "-c", config, "-i", "0", "--mkfs", "--osd-uuid", osd)
        call("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost")
        run("ceph-osd", "-f", "-i", "0")
        run("radosgw", "-f", "-n", "client.rgw")
        call(
            *("radosgw-admin", "-n", "client.rgw", "user", "create", "--uid=test", "--display-name=test"),
            *(f"--access-key={KEY}", f"--secret={SECRET}"),
        )
        wait_until(lambda: _answers(port), "radosgw", log=log)
        yield S3Server(port, config)


def _answers(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2):
        return True
    return False
