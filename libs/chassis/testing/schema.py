"""Do a service's migrations make the tables that its code declares?"""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from libs.chassis.database import Database


async def schema_differences(database: Database, metadata: MetaData) -> list[Any]:
    """What Alembic would still have to change in a migrated database; empty when it is as declared."""

    def compare(connection: Connection) -> list[Any]:
        # The default schema of a PostgreSQL connection is the service's own, by its search_path.
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences: list[Any] = compare_metadata(context, metadata)
        return differences

    async with database.engine.connect() as connection:
        return await connection.run_sync(compare)
