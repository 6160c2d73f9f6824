import pytest
from distributed.security import Security

from spanwise.errors import ArgumentError
from spanwise.schedulers.listening import checked_security

BEYOND = ["0.0.0.0", "::", "192.168.0.1", "example.org", ""]


@pytest.mark.parametrize("host", BEYOND)
@pytest.mark.parametrize("security", [None, Security(), Security(require_encryption=False)])
def test_beyond_loopback_there_must_be_tls(host, security):
    with pytest.raises(ArgumentError, match="runs code") as error:
        checked_security(host, security)
    assert f"host={host!r}" in str(error.value)


@pytest.mark.parametrize("host", BEYOND)
def test_beyond_loopback_certificates_alone_do_not_do(host):
    """Dask's workers would still take connections in the clear."""
    security = Security.temporary()
    security.require_encryption = False
    with pytest.raises(ArgumentError, match="runs code"):
        checked_security(host, security)


@pytest.mark.parametrize("host", ["127.0.0.1", *BEYOND])
@pytest.mark.parametrize("role", ["scheduler", "worker", "client"])
def test_tls_without_a_certificate_is_named(host, role):
    security = Security.temporary()
    setattr(security, f"tls_{role}_cert", None)
    with pytest.raises(ArgumentError, match=f"no certificate of {role};"):
        checked_security(host, security)


@pytest.mark.parametrize("host", ["127.0.0.1", *BEYOND])
def test_tls_may_listen_anywhere(host):
    security = Security.temporary()
    assert checked_security(host, security) is security


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
@pytest.mark.parametrize("security", [None, Security()])
def test_loopback_needs_no_tls(host, security):
    assert not checked_security(host, security).require_encryption


@pytest.mark.parametrize("security", [True, "tls", {"tls_ca_file": "ca.pem"}])
def test_anything_but_a_security_is_refused(security):
    with pytest.raises(ArgumentError, match=r"security=.*: expected a distributed\.security"):
        checked_security("127.0.0.1", security)
