"""The database: schema, connections, the one writer, migrations. Rooms above bring the statements."""
