"""The ledger's tables as the newest migration leaves them. Everything but numbers of entries is kept as text.

Only `journal` is told to us; `orders` and `fills` are rebuilt from it at any time. `outbox` is of no account.
"""

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, Table, Text

metadata = MetaData()

journal = Table(
    "journal",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("session_date", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("ref", Text, nullable=False),  # client order id or symbol, empty for other entries
    Column("body", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("journal_session_date_kind", "session_date", "kind"),
    Index("journal_kind", "kind"),
    Index("journal_ref", "ref"),
)

orders = Table(
    "orders",
    metadata,
    Column("client_order_id", Text, primary_key=True, nullable=False),
    Column("session_date", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("limit_price", Text),
    Column("arrival_price", Text),
    Column("status", Text, nullable=False),
    Column("filled_quantity", Text, nullable=False),
    Column("broker_order_id", Text),
    Column("updated_seq", Integer, ForeignKey("journal.seq"), nullable=False),
    Index("orders_session_date", "session_date"),
)

fills = Table(
    "fills",
    metadata,
    Column("fill_id", Text, primary_key=True, nullable=False),
    Column("session_date", Text, nullable=False),
    Column("client_order_id", Text, nullable=False),
    Column("broker_order_id", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("price", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("seq", Integer, ForeignKey("journal.seq"), nullable=False),
    Index("fills_session_date", "session_date"),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("seq", Integer, ForeignKey("journal.seq"), primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("at", Text, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("delivered_at", Text),
)
