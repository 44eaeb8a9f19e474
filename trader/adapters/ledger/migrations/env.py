"""Run by Alembic: the migrations, in the transaction `migration` has begun."""

from alembic import context

from trader.adapters.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
