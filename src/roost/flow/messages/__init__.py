"""What is done with messages once they are said, or before: changing, forwarding, scheduling, drafts, stickers."""
