"""What people see of each other: profiles, blocks, marks, and the list of their conversations."""
