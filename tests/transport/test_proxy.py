"""Which proxy is used for whom."""

import pytest

from outlay.kernel.errors import SettingsError
from outlay.transport.proxy import Proxy, ProxyRules, read_proxy_rules

PROXY = Proxy("proxy.example", 3128)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ProxyRules()),
        ({"HTTPS_PROXY": ""}, ProxyRules()),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, ProxyRules(PROXY)),
        ({"https_proxy": "http://proxy.example:3128/"}, ProxyRules(PROXY)),
        ({"HTTPS_PROXY": "proxy.example:3128"}, ProxyRules(PROXY)),
        (
            {"https_proxy": "http://proxy.example:3128", "HTTPS_PROXY": "http://other:1"},
            ProxyRules(PROXY),
        ),
        ({"HTTPS_PROXY": "http://proxy.example"}, ProxyRules(Proxy("proxy.example", 80))),
        ({"HTTP_PROXY": "http://proxy.example:3128"}, ProxyRules()),
        (
            {"HTTPS_PROXY": "http://u:p%40@proxy.example:3128"},
            ProxyRules(Proxy("proxy.example", 3128, "Basic dTpwQA==")),
        ),
        ({"NO_PROXY": " .a.example, B.example ,,"}, ProxyRules(None, ("a.example", "b.example"))),
    ],
)
def test_the_environment_is_read(environment: dict[str, str], expected: ProxyRules) -> None:
    assert read_proxy_rules(environment) == expected


@pytest.mark.parametrize(
    "address",
    ["https://proxy.example", "socks5://proxy.example", "http://", "http://a:port", "http://[::1"],
)
def test_an_address_that_cannot_be_used_is_an_error(address: str) -> None:
    with pytest.raises(SettingsError, match="HTTPS_PROXY"):
        read_proxy_rules({"HTTPS_PROXY": address})


def test_an_error_and_a_repr_show_no_password() -> None:
    with pytest.raises(SettingsError) as caught:
        read_proxy_rules({"HTTPS_PROXY": "socks5://u:secret@proxy.example"})
    assert "secret" not in str(caught.value)
    rules = read_proxy_rules({"HTTPS_PROXY": "http://u:secret@proxy.example"})
    assert "Basic" not in repr(rules)


@pytest.mark.parametrize(
    ("direct_hosts", "scheme", "host", "expected"),
    [
        ((), "https", "api.example", PROXY),
        ((), "http", "api.example", None),
        (("api.example",), "https", "api.example", None),
        (("api.example",), "https", "API.example", None),
        (("example",), "https", "api.example", None),
        (("ample",), "https", "api.example", PROXY),
        (("*",), "https", "api.example", None),
        (("other", "127.0.0.1"), "https", "127.0.0.1", None),
    ],
)
def test_direct_hosts_need_no_proxy(
    direct_hosts: tuple[str, ...], scheme: str, host: str, expected: Proxy | None
) -> None:
    assert ProxyRules(PROXY, direct_hosts).find_proxy(scheme, host) == expected
