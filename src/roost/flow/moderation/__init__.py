"""Keeping order: lists of words, who is told of what was refused, reports (D7)."""
