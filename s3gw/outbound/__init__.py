"""HTTP requests that the server makes, guarded against reaching private addresses."""
