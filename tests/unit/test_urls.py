"""Absolute URLs with and without proxies."""

import falcon
import pytest
from falcon import testing

from callboard.api.urls import Addresses

pytestmark = pytest.mark.check

FORWARDED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "jobs.example.org",
    "X-Forwarded-Prefix": "/callboard/",
}


def _request(headers: dict[str, str], remote: str = "10.1.2.3") -> falcon.Request:
    environ = testing.create_environ(
        "/v1/jobs", headers={"Host": "inner:8000", **headers}, remote_addr=remote
    )
    return falcon.Request(environ)


def test_without_a_proxy_the_clients_host_is_used() -> None:
    urls = Addresses([]).of(_request({}))

    assert urls.job("x") == "http://inner:8000/v1/jobs/x"


def test_headers_of_a_trusted_proxy_are_used() -> None:
    urls = Addresses(["10.0.0.0/8"]).of(_request(FORWARDED))

    assert urls.result("x") == "https://jobs.example.org/callboard/v1/jobs/x/result"


@pytest.mark.parametrize("remote", ["192.0.2.1", "", "somewhere", "::1"])
def test_headers_of_any_other_peer_are_ignored(remote: str) -> None:
    urls = Addresses(["10.0.0.0/8"]).of(_request(FORWARDED, remote))

    assert urls.base == "http://inner:8000"


def test_of_several_values_the_last_one_is_used() -> None:
    headers = {"X-Forwarded-Host": "evil.example, good.example"}

    assert Addresses(["10.1.2.3"]).of(_request(headers)).base == "http://good.example"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-Proto", "javascript"),
        ("X-Forwarded-Host", "a b"),
        ("X-Forwarded-Host", 'x"><script>'),
        ("X-Forwarded-Host", "user@host"),
        ("X-Forwarded-Prefix", "//evil.example"),
        ("X-Forwarded-Prefix", "relative"),
    ],
)
def test_a_malformed_value_is_ignored(name: str, value: str) -> None:
    urls = Addresses(["10.0.0.0/8"]).of(_request({name: value}))

    assert urls.base == "http://inner:8000"


def test_a_malformed_host_is_ignored() -> None:
    urls = Addresses([]).of(_request({"Host": "evil/../x"}))

    assert "evil" not in urls.base
