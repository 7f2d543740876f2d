"""Who is let in, and what a browser is told it may do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.conftest import TOKEN, Client, Serve


@pytest.fixture
def client(project: Path, serve: Serve) -> Client:
    return serve(project)


def test_without_the_token_nothing_is_told(client: Client) -> None:
    for path in ("/", "/api/about", "/api/run/LeNet5/run-0", "/static/js/main.js", "/api/events"):
        answer = client.get(path, authorization=None)
        assert answer.status == 401
        assert b"LeNet5" not in answer.body
    assert client.get("/api/about", authorization="Bearer another").status == 401


def test_the_address_with_the_token_leaves_a_cookie_and_no_token_in_the_address(client: Client) -> None:
    first = client.get(f"/?token={TOKEN}&x=1", authorization=None)

    assert (first.status, first.headers["location"]) == (303, "./?x=1")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.get("/api/about", authorization=None, cookie=cookie.partition(";")[0]).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "127.0.0.1.nip.example", "[::1"]
)
def test_a_request_for_another_host_is_refused(client: Client, host: str) -> None:
    assert client.get("/api/about", host=host).status == 421


@pytest.mark.parametrize(
    "host", ["localhost:9999", "127.0.0.1:1", "[::1]:8233", "192.168.1.20:8233", "x.localhost"]
)
def test_names_that_no_other_site_can_have_are_answered(client: Client, host: str) -> None:
    assert client.get("/api/about", host=host).status == 200


def test_a_host_that_was_allowed_is_answered(project: Path, serve: Serve) -> None:
    client = serve(project, hosts=["lab.example"])

    assert client.get("/api/about", host="LAB.example").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "null"},
    ],
)
def test_a_change_from_another_page_is_refused(client: Client, headers: dict[str, str]) -> None:
    assert client.ask("PATCH", "/api/run/LeNet5/run-0", {"name": "x"}, **headers).status == 403
    assert client.get("/api/run/LeNet5/run-0").json["name"] == "run 0"


def test_a_change_from_the_page_behind_a_proxy_is_taken(client: Client) -> None:
    """The proxy rewrites the host; the browser vouches for the origin."""
    headers = {"origin": "https://jupyter.example", "sec_fetch_site": "same-origin"}

    assert client.ask("PATCH", "/api/run/LeNet5/run-0", {"name": "x"}, **headers).status == 200


def test_a_form_of_another_kind_than_json_changes_nothing(client: Client) -> None:
    assert (
        client.ask("PATCH", "/api/run/LeNet5/run-0", {"name": "x"}, content_type="text/plain").status == 400
    )


def test_every_answer_forbids_what_is_not_ours(client: Client) -> None:
    for path in ("/", "/api/about", "/static/js/main.js", "/nothing"):
        policy = client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert client.get(path).headers["x-content-type-options"] == "nosniff"


def test_a_prefix_that_a_proxy_passes_on_is_taken_off(project: Path, serve: Serve) -> None:
    client = serve(project, prefix="/tracker")

    assert client.get("/tracker/api/about").status == 200
    assert client.get("/tracker/").status == 200
    assert client.get("/api/about").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/js/../../../../../pyproject.toml",
        "/static//etc/passwd",
        "/api/run/..%2f..%2fx/run-0",
        "/api/run/%2e%2e/%2e%2e",
        "/api/run/LeNet5/.locks",
        "/api/run/LeNet5/%00",
        "/api/run/LeNet5/run-0/file?path=../run-1/run.yaml",
        "/api/run/LeNet5/run-0/file?path=/etc/passwd",
    ],
)
def test_no_address_leads_out_of_the_records(client: Client, path: str) -> None:
    assert client.get(path).status in (400, 404)


def test_a_link_in_the_files_of_a_run_leads_nowhere(project: Path, client: Client) -> None:
    outside = project / "secret.txt"
    outside.write_text("secret")
    folder = project / ".tracker/runs/LeNet5/run-0/files"
    folder.mkdir(exist_ok=True)
    (folder / "link.txt").symlink_to(outside)

    answer = client.get("/api/run/LeNet5/run-0/file?path=files/link.txt")

    assert answer.status == 404
    assert b"secret\n" not in answer.body


def test_a_page_that_only_reads_changes_nothing(project: Path, serve: Serve) -> None:
    client = serve(project, read_only=True)

    for method, body in (("PATCH", {"name": "x"}), ("DELETE", {})):
        answer = client.ask(method, "/api/run/LeNet5/run-0", body)
        assert (answer.status, answer.json["error"]) == (403, "read-only")
    assert client.get("/api/run/LeNet5/run-0").json["name"] == "run 0"
