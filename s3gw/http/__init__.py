"""HTTP requests and replies over ASGI, shared by the front ends."""
