"""The one Alembic environment of all services; `libs.chassis.database.migrate` hands it an open connection.

A service keeps only its revisions, in `services/<name>/migrations/versions`.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema=context.config.attributes["schema"],
    # SQLite cannot alter a table; batch operations rebuild it there and are plain ALTERs on PostgreSQL.
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
