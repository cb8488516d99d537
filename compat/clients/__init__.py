"""What each client is put through; run by that client's own Python, so only it is imported here."""
