"""Who there is: users and their devices, conversations and their members."""
