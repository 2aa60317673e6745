"""Live delivery: who reads which log on this node, and what happens when an entry is committed."""
