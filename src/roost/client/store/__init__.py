"""The local store: everything the client knows, in one SQLite file (C6)."""
