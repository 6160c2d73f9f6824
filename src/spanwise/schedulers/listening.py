"""Where a cluster may listen: on loopback, or anywhere with TLS."""

from __future__ import annotations

import ipaddress
from typing import Any

from distributed.security import Security

from ..errors import ArgumentError

LOOPBACK = "127.0.0.1"
"""Everything listens here unless the user asks for more and has TLS."""

_ROLES = ("scheduler", "worker", "client")
_ADVICE = (
    "pass security=distributed.security.Security.temporary(), or a Security with tls_ca_file and "
    "the certificates of scheduler, worker and client"
)


def checked_security(host: str, security: Any = None) -> Security:
    """What secures the connections of a cluster that listens on ``host``.

    Parameters
    ----------
    host : str
        Name or address.
    security : distributed.security.Security, optional
        Default: as Dask's configuration has it.

    Raises
    ------
    ArgumentError
        For anything but a Security, for TLS that lacks a certificate, and for a host beyond
        loopback without TLS.

    Examples
    --------
    >>> checked_security("127.0.0.1").require_encryption
    False
    >>> checked_security("0.0.0.0")
    Traceback (most recent call last):
    ...
    spanwise.errors.ArgumentError: host='0.0.0.0', security=None: beyond loopback anyone who ...
    """
    given = security
    if security is None:
        security = Security()
    if not isinstance(security, Security):
        raise ArgumentError(f"security={given!r}: expected a distributed.security.Security")
    lacking = [role for role in _ROLES if not _has_certificate(security, role)]
    if security.require_encryption and lacking:
        raise ArgumentError(
            f"security={given!r}: TLS is required, but there is no tls_ca_file or no certificate "
            f"of {', '.join(lacking)}; {_ADVICE}"
        )
    if not is_loopback(host) and not security.require_encryption:
        raise ArgumentError(
            f"host={host!r}, security={given!r}: beyond loopback anyone who can connect runs code "
            f"on a cluster without TLS; {_ADVICE}; or keep host={LOOPBACK!r}"
        )
    return security


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect.

    Examples
    --------
    >>> [is_loopback(h) for h in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "example.org")]
    [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bracketed(host: str) -> str:
    """A host as it stands before a port.

    Examples
    --------
    >>> bracketed("::1"), bracketed("127.0.0.1")
    ('[::1]', '127.0.0.1')
    """
    return f"[{host}]" if ":" in host else host


def _has_certificate(security: Security, role: str) -> bool:
    found = security.get_tls_config_for_role(role)
    return bool(found["ca_file"] and found["cert"])
