"""Who is asking: tokens, accounts and their passwords, the keys of a host application."""
