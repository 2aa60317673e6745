"""Commands of `roost` that are a family of their own, and what they share with `roost.__main__`."""
