"""Alembic runs this for each migration command; the connection is handed over by `roost.db.steps`."""

from alembic import context

from roost.db.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
