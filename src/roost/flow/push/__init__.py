"""Push, as its users and its operators see it."""
