"""Groups: their settings, who belongs to them, and the links by which people come in."""
