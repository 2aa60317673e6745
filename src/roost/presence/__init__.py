"""Who is online: leases that expire by themselves (D3)."""
