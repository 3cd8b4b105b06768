"""What an address means, and what of it is shown."""

from __future__ import annotations

import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.http.address import lacks_scheme, read_address


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", ""),
        ("127.0.0.1:8080/", "http://127.0.0.1:8080", ""),
        (" https://Example.org/engine/v1/ ", "https://example.org:443", "/engine/v1"),
        ("http://[::1]:9", "http://[::1]:9", ""),
        ("http://0.0.0.0:80", "http://127.0.0.1:80", ""),
        ("localhost", "http://localhost:80", ""),
        ("http://bücher.example", "http://xn--bcher-kva.example:80", ""),
    ],
)
def test_an_address_is_read(url, origin, path):
    address = read_address(url)
    assert (address.origin, address.path) == (origin, path)
    assert address.target("/x") == f"{path}/x"


@pytest.mark.parametrize(
    "url",
    ["", "http://", "ftp://a", "file:///etc/passwd", "http://a:0", "http://a:99999", "http://a:b",
     "http://a b", "http://a\nb", "http://[::1", "http://" + "a." * 200, "http://" + "a" * 64,
     "http://xn--a", "http://a..b",
     "unix:/run/x"],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_one_line(url):
    with pytest.raises(InvalidArgument) as raised:
        read_address(url)
    assert len(str(raised.value).splitlines()) == 1


def test_what_is_secret_is_not_shown():
    address = read_address("https://ann:hunter22@example.org/a?key=geheim&flag")
    assert address.shown("/x") == "https://***@example.org:443/a/x?key=***&flag=***"
    assert "hunter22" not in repr(address) and "geheim" not in repr(address)
    assert {"hunter22", "geheim"} <= set(address.secrets)
    for url in ("ftp://ann:hunter22@h?key=geheim", "http://ann:hunter22@h:bad?key=geheim"):
        with pytest.raises(InvalidArgument) as raised:
            read_address(url)
        assert not {part for part in ("ann", "hunter22", "geheim") if part in str(raised.value)}


@pytest.mark.parametrize("name", ["127.0.0.1:8080", "localhost:1/v1", "[::1]:80", "my-host.example:8080"])
def test_a_host_with_a_port_lacks_a_scheme(name):
    assert lacks_scheme(name) and read_address(name).scheme == "http"


@pytest.mark.parametrize("name", ["module:function", "http://a:80", "a b:80", "C:\\logs", "localhost", ":80"])
def test_a_function_and_a_file_lack_none(name):
    assert not lacks_scheme(name)
