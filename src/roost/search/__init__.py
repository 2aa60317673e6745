"""Full-text search: `text` says what is found by what, `contract` what a database does for it, `indexing` feeds it."""
