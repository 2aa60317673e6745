"""For operators: how much there is, where a message is, all of a user's data, and its end."""
