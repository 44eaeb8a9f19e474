"""The journal, its projections and checkpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TRIGGERS = (
    "CREATE TRIGGER journal_update BEFORE UPDATE ON journal"
    " BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    "CREATE TRIGGER journal_delete BEFORE DELETE ON journal"
    " BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    # INSERT OR REPLACE deletes without a word to the trigger above.
    "CREATE TRIGGER journal_insert BEFORE INSERT ON journal"
    " WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq), 0) + 1 FROM journal)"
    " BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "journal",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        *_texts("at", "session_date", "kind", "ref", "body", "prev_hash", "hash"),
    )
    op.create_index("journal_session_date_kind", "journal", ["session_date", "kind"])
    op.create_index("journal_kind", "journal", ["kind"])
    op.create_index("journal_ref", "journal", ["ref"])
    op.create_table(
        "orders",
        sa.Column("client_order_id", sa.Text, primary_key=True, nullable=False),
        *_texts("session_date", "symbol", "side", "quantity"),
        *_texts("limit_price", "arrival_price", nullable=True),
        *_texts("status", "filled_quantity"),
        *_texts("broker_order_id", nullable=True),
        _entry("updated_seq"),
    )
    op.create_index("orders_session_date", "orders", ["session_date"])
    op.create_table(
        "fills",
        sa.Column("fill_id", sa.Text, primary_key=True, nullable=False),
        *_texts("session_date", "client_order_id", "broker_order_id", "symbol", "side", "quantity", "price", "at"),
        _entry("seq"),
    )
    op.create_index("fills_session_date", "fills", ["session_date"])
    op.create_table("checkpoint", _entry("seq", primary_key=True), *_texts("hash", "at"))
    for trigger in _TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    """Drop everything: there is no schema before this one to keep it in."""
    for table in ("checkpoint", "fills", "orders", "journal"):
        op.drop_table(table)


def _texts(*names: str, nullable: bool = False) -> list["sa.Column[str]"]:
    return [sa.Column(name, sa.Text, nullable=nullable) for name in names]


def _entry(name: str, primary_key: bool = False) -> "sa.Column[int]":
    """The number of an entry of the journal."""
    return sa.Column(
        name, sa.Integer, sa.ForeignKey("journal.seq"), primary_key=primary_key, nullable=False, autoincrement=False
    )
