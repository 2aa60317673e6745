"""Files on their way in and out (D9)."""
