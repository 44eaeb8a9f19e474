"""Alerts that wait for somebody to be told of them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, or take over the one that a step down has left."""
    if sa.inspect(op.get_bind()).has_table("outbox"):
        return
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("at", "unit", "severity", "text")),
        sa.Column("delivered_at", sa.Text),
    )


def downgrade() -> None:
    """Leave the table where it is: an older release does not look at it, and nothing is lost."""
