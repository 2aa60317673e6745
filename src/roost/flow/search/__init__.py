"""Full-text search: keeping the index, and asking it (D9)."""
