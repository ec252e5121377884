"""Who is let in: names, origins, tokens and sizes."""

from __future__ import annotations

import pytest

pytest.importorskip("starlette", reason="the extra `web` is not installed")
pytest.importorskip("httpx", reason="httpx is not installed")

from logisight.agents.web.guard import COOKIE, MOST_SAID, Guard
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

TOKEN = "not-a-secret"


async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await PlainTextResponse("in")(scope, receive, send)


def client(token: str = "", host: str = "127.0.0.1:8765", names: tuple[str, ...] = ()) -> TestClient:
    return TestClient(Guard(app, token, names), base_url=f"http://{host}")


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost", "[::1]:8765", "LOCALHOST:1"])
def test_loopback_needs_no_token(host) -> None:
    assert client().get("/api/rules", headers={"Host": host}).text == "in"


@pytest.mark.parametrize("host", ["evil.example", "192.168.0.7:8765", "127.0.0.1.evil.example", "[", ""])
def test_a_name_that_was_bound_to_this_address_is_not_ours(host) -> None:
    answer = client().get("/api/rules", headers={"Host": host})
    assert answer.status_code == 421
    assert "error" in answer.json()


def test_with_a_token_addresses_are_ours_and_other_names_must_be_told() -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    at = "/api/rules"
    assert client(TOKEN).get(at, headers=bearer | {"Host": "192.168.0.7:8765"}).status_code == 200
    assert client(TOKEN).get(at, headers=bearer | {"Host": "line.example"}).status_code == 421
    told = client(TOKEN, names=("line.example",))
    assert told.get(at, headers=bearer | {"Host": "line.example"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": f"bearer {TOKEN}"}, 200),
        ({"Cookie": f"{COOKIE}={TOKEN}"}, 200),
        ({"Cookie": f"{COOKIE}=wrong; other={TOKEN}"}, 401),
        ({"Cookie": "=;=;"}, 401),
    ],
)
def test_the_token_is_a_bearer_or_a_cookie(headers, status) -> None:
    assert client(TOKEN).get("/api/rules", headers=headers).status_code == status


def test_the_page_asks_for_the_token_itself() -> None:
    assert client(TOKEN).get("/").text == "in"
    assert client(TOKEN).get("/static/page.css").text == "in"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/api/sessions", {}, 200),
        ("POST", "/api/sessions", {"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}, 200),
        ("POST", "/api/sessions", {"Origin": "http://evil.example"}, 403),
        ("POST", "/api/sessions", {"Origin": "null"}, 403),
        ("POST", "/api/sessions", {"Origin": "http://127.0.0.1:9999", "Sec-Fetch-Site": "same-site"}, 403),
        ("POST", "/sign-in", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("GET", "/api/rules", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ("GET", "/api/rules", {"Sec-Fetch-Site": "same-site"}, 403),
        ("GET", "/", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        (
            "GET",
            "/",
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
            200,
        ),
        (
            "GET",
            "/",
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
            403,
        ),
    ],
)
def test_other_sites_may_only_link_to_the_page(method, path, headers, status) -> None:
    assert client().request(method, path, headers=headers).status_code == status


def test_too_much_is_refused_before_it_is_read() -> None:
    answer = client().post("/api/sessions", content=b"x" * (MOST_SAID + 1))
    assert answer.status_code == 413
    assert client().post("/api/sessions", content=b"x" * MOST_SAID).text == "in"


def test_too_much_is_refused_where_its_size_is_not_told() -> None:
    pieces = (b"x" * 2**18 for _ in range(5))
    assert client().post("/api/sessions", content=pieces).status_code == 413


@pytest.mark.parametrize("path", ["/", "/api/rules"])
def test_browsers_are_told_to_hold_back(path) -> None:
    headers = client().get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
