"""Callbacks go only to public hosts over TLS, never to an internal host."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.config import Settings
from callboard.jobs.callbacks.public_address import is_public, unwrapped
from callboard.jobs.callbacks.url import CallbackRefused, CallbackRules

pytestmark = pytest.mark.check

RULES = CallbackRules()
ANYWHERE = CallbackRules(networks=("127.0.0.0/8", "10.0.0.0/8"), ports=(80, 443, 8080))

INNER = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "64:ff9b:1:7f00:1::",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "172.32.0.1", "192.0.1.1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2600::1"]

REFUSED = [
    "",
    "https://",
    "https:///path",
    "https:example.com",
    "https:/example.com",
    "//example.com",
    "example.com",
    "ftp://example.com",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "gopher://example.com:443",
    "http://example.com/",
    "http://example.com:443/",
    "http://8.8.8.8/",
    "https://example.com:22/",
    "https://example.com:25",
    "https://example.com:80",
    "https://example.com:6379/",
    "https://example.com:0",
    "https://example.com:65536",
    "https://example.com:99999999",
    "https://example.com:",
    "https://example.com:4４3",  # noqa: RUF001
    "https://example.com:443:443",
    "https://user@example.com",
    "https://user:secret@example.com",
    "https://example.com@127.0.0.1",
    "https://@example.com",
    "https://example.com#fragment",
    "https://example.com/#",
    "https://example.com\\@127.0.0.1",
    "https:\\\\example.com",
    "https://exam ple.com",
    "https://example.com/a b",
    "https://example.com/\r\nHost: other",
    "https://example.com/\x00",
    " https://example.com",
    "https://example.com\n",
    "https://exam%70le.com",
    "https://%31%32%37.0.0.1",
    "https://127.0.0.1%2f.example.com",
    "https://-example.com",
    "https://example-.com",
    "https://example..com",
    "https://.example.com",
    "https://.",
    "https://..",
    "https://exa$mple.com",
    "https://" + "a" * 64 + ".com",
    "https://" + "a." * 127 + "com",
    "https://example.com/" + "a" * 2_000,
    "https://example.com/ü",
    "https://example.com/%zz",
    "https://example.com/[",
    "https://[::1",
    "https://::1",
    "https://[fe80::1%25eth0]",
    "https://[fe80::1%eth0]",
    "https://[example.com]",
    "https://[::1]x",
    "https://[8.8.8.8]",
    "https://[v1.fe80]",
    "https://2130706433",
    "https://2130706433/",
    "https://134744072",
    "https://0x7f000001",
    "https://0x7f.1",
    "https://0X7F.0.0.1",
    "https://0x08.0x08.0x08.0x08",
    "https://017700000001",
    "https://0177.0.0.1",
    "https://127.1",
    "https://127.0.1",
    "https://127.0.0.01",
    "https://8.8.8.08",
    "https://8.8.8.8.8",
    "https://256.1.1.1",
    "https://127.0.0.1.",
    "https://１２７.０.０.１",  # noqa: RUF001
    "https://①②⑦.0.0.1",
    "https://127。0。0。1",
    "https://\u2488example.com",
    "https://exa\u200bmple.com",
    "https://ex＠mple.com",  # noqa: RUF001
    "https://example.com／path",  # noqa: RUF001
    "https://localhost",
    "https://LOCALHOST.",
    "https://inner.localhost:443",
]

TAKEN = {
    "https://example.com": ("example.com", 443, "/", "example.com"),
    "HTTPS://Example.COM/Hook": ("example.com", 443, "/Hook", "example.com"),
    "https://example.com:443/": ("example.com", 443, "/", "example.com"),
    "https://example.com:8443?a=b": ("example.com", 8443, "/?a=b", "example.com:8443"),
    "https://example.com./x?y=/@:%20?&": ("example.com", 443, "/x?y=/@:%20?&", "example.com"),
    "https://my_host.example": ("my_host.example", 443, "/", "my_host.example"),
    "https://bücher.example/": ("xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
    "https://faß.example/": ("xn--fa-hia.example", 443, "/", "xn--fa-hia.example"),
    "https://bücher。example": ("xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
    "https://8.8.8.8/": ("8.8.8.8", 443, "/", "8.8.8.8"),
    "https://[2600::1]:8443/": ("2600::1", 8443, "/", "[2600::1]:8443"),
    "https://[::ffff:8.8.8.8]": ("8.8.8.8", 443, "/", "8.8.8.8"),
    "https://1.2.3.4.example.com": ("1.2.3.4.example.com", 443, "/", "1.2.3.4.example.com"),
    "https://example.com/a@b": ("example.com", 443, "/a@b", "example.com"),
}


@pytest.mark.parametrize("address", INNER)
def test_a_private_address_is_not_public_in_any_spelling(address: str) -> None:
    written = f"[{address}]" if ":" in address else address

    with pytest.raises(CallbackRefused):
        RULES.parse(f"https://{written}/")

    assert not is_public(ip_address(address))
    with pytest.raises(CallbackRefused, match="not a public address"):
        RULES.admit(RULES.parse("https://example.com"), ["8.8.8.8", address])


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    found = RULES.admit(RULES.parse("https://example.com"), [address])

    assert found == [str(unwrapped(ip_address(address)))]


@given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(2**125, 2**126).map(IPv6Address))
def test_no_address_that_python_knows_as_private_counts_as_public(
    address: IPv4Address | IPv6Address,
) -> None:
    assert not is_public(address) or (address.is_global and not address.is_multicast)


@pytest.mark.parametrize("address", REFUSED)
def test_an_ambiguous_or_misleading_url_is_refused(address: str) -> None:
    with pytest.raises(CallbackRefused) as refused:
        RULES.parse(address)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("address", "parts"), TAKEN.items())
def test_a_valid_url_is_parsed(address: str, parts: tuple[str, int, str, str]) -> None:
    url = RULES.parse(address)

    assert (url.host, url.port, url.target, url.authority) == parts


@settings(deadline=None)  # the first non-ASCII name loads tables
@given(st.text(max_size=60).map(lambda text: f"https://{text}"))
def test_every_accepted_url_has_a_plain_host(address: str) -> None:
    try:
        url = RULES.parse(address)
    except CallbackRefused:
        return

    assert url.host.isascii()
    assert not set(url.host) & set("@/\\#?%[] ")
    assert url.target.isascii()
    assert url.target.isprintable()


def test_an_allowed_network_may_be_reached_over_http() -> None:
    url = ANYWHERE.parse("http://10.1.2.3:8080/hook")
    local = ANYWHERE.parse("http://localhost")

    assert url.scheme == "http"
    assert ANYWHERE.admit(local, ["127.0.0.1"]) == ["127.0.0.1"]
    with pytest.raises(CallbackRefused):
        ANYWHERE.parse("http://192.168.0.1")


def test_http_is_never_used_for_a_public_address() -> None:
    url = ANYWHERE.parse("http://example.com/")

    with pytest.raises(CallbackRefused, match="https://"):
        ANYWHERE.admit(url, ["8.8.8.8"])
    with pytest.raises(CallbackRefused, match="https://"):
        ANYWHERE.admit(url, ["10.0.0.1", "8.8.8.8"])


def test_an_allowed_network_is_not_reached_through_nat64() -> None:
    with pytest.raises(CallbackRefused):
        ANYWHERE.parse("https://[64:ff9b::a00:1]")


def test_a_name_without_addresses_is_refused() -> None:
    with pytest.raises(CallbackRefused, match="no address"):
        RULES.admit(RULES.parse("https://example.com"), [])


def test_the_refusal_of_a_private_address_does_not_name_it() -> None:
    with pytest.raises(CallbackRefused) as refused:
        RULES.admit(RULES.parse("https://example.com"), ["10.9.8.7"])

    assert "10.9.8.7" not in str(refused.value)


def test_with_named_hosts_callbacks_go_only_to_these() -> None:
    rules = CallbackRules(hosts=("hooks.example.com", "*.example.org", "8.8.8.8"))

    for taken in ("hooks.example.com", "a.example.org", "a.b.example.org", "8.8.8.8"):
        assert rules.parse(f"https://{taken}").host == taken
    for refused in ("example.com", "example.org", "aexample.org", "x.hooks.example.com", "8.8.4.4"):
        with pytest.raises(CallbackRefused, match="this host"):
            rules.parse(f"https://{refused}")


def test_a_url_is_shown_without_its_path_and_query() -> None:
    url = RULES.parse("https://example.com/hush?token=hush")

    assert "hush" not in repr(url)


def test_the_settings_define_the_callback_rules() -> None:
    settings = Settings(
        callback_hosts=("*.Example.com",),
        callback_networks=("10.0.0.0/8",),
        callback_ports=("8080",),
    )

    rules = CallbackRules.of(settings)

    assert rules.parse("http://inner.example.com:8080").port == 8080
    for refused in ("https://inner.example.com", "http://inner.example.org:8080"):
        with pytest.raises(CallbackRefused):
            rules.parse(refused)
