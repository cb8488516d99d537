"""HTTP requests and replies as the front ends share them, over ASGI."""
