"""Files that messages carry (D9): taking them in, looking at what they are, keeping and reading them."""
