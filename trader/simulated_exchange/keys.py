"""Any pair of keys opens the exchange, except those made to be refused."""

from collections.abc import Iterable

REVOKED = "REVOKED"


class Keys:
    """The key ids that are good no longer."""

    def __init__(self, revoked: Iterable[str]) -> None:
        """REVOKED never was any good."""
        self.revoked = {REVOKED, *revoked}

    def good(self, key_id: object, secret_key: object) -> bool:
        """Both given, and the key id not a revoked one."""
        return bool(key_id) and bool(secret_key) and key_id not in self.revoked

    def revoke(self, key_id: str) -> None:
        """Refuse this key id from now on."""
        self.revoked.add(key_id)
